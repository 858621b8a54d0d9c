-- title = "Something was changed and nobody is named"
-- severity = "medium"
-- confidence = 0.7
-- why = "A write that no person, credential or agent answers for cannot be reviewed, and whoever finds that path is invisible on it."
-- next = "Make the gateway authenticate that route, or pass on who called; until then deny writes on it."
-- false_positives = ["health checks, which read", "a service that is named by its credential or agent, and not by a person"]
-- requires = ["operation_class"]
-- explain = "{tool_name} on {server_name} ({operation_class}) was allowed {times} times without a name by {source_system}, which names nobody in {share} % of its writes; the client says it is {client}"
-- tags = ["MCP08", "MCP07", "PR.AA-03", "PR.PS-04"]
WITH writes AS (
    SELECT *, coalesce(user_id_kind, '') IN ('anonymous', 'none') OR user_assurance = 'anonymous' OR user_id IS NULL AS unnamed
    FROM events WHERE fresh AND reached AND operation_class IN ('write', 'destructive')
), nameless AS (
    SELECT *, count(*) OVER (PARTITION BY source_system, server_name, tool_name) AS times FROM writes
    WHERE unnamed AND credential_id IS NULL AND agent_id IS NULL
), shares AS (
    SELECT source_system, 100.0 * count(*) FILTER (unnamed AND credential_id IS NULL AND agent_id IS NULL) / count(*) AS share
    FROM writes GROUP BY source_system
)
SELECT coalesce(n.client, 'nobody') AS client, n.server_name, n.tool_name, n.session, n.event_time, n.operation_class, n.source_system,
       n.times, s.share, [n.event_id] AS evidence, concat_ws('|', n.source_system, n.server_name, n.tool_name) AS key
FROM nameless n JOIN shares s USING (source_system)
QUALIFY row_number() OVER (PARTITION BY n.source_system, n.server_name, n.tool_name ORDER BY n.event_time, n.event_id) = 1
