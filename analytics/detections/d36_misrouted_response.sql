-- title = "The answer to one person's request went to another"
-- severity = "critical"
-- confidence = 0.9
-- why = "A tool that always repeats what it was asked for answered with what another person had just asked for, and not with what this one had: replies are off by one, ids collide, or a pooled connection is shared."
-- next = "Look at the gateway's pool and at cancelled requests just before: every later answer on that connection may be one off."
-- false_positives = ["tools that do not repeat what they were asked (not judged)", "two people who ask for the same", "a batch that was asked for earlier"]
-- requires = ["args_leaves", "result_leaves", "user_id"]
-- explain = "{tool_name} repeats what it was asked for in {echoes} of {calls} results; this one repeats nothing {user_id} asked for, but what {owner} asked for {seconds} s before or after{same_id} (values: {shared})"
-- tags = ["MCP07", "MCP10", "AML.T0057", "DE.AE-03"]
-- [parameters]
-- window_seconds = 120
-- least_calls = 20
-- least_share = 0.9
-- # No column says what a result looks like, nor which connection carried it: what a tool repeats of its arguments stands
-- # for the first, the server and the moment for the second. event_time may be the start or the end of a call.
WITH echo AS (
    SELECT server_name, tool_name, count(*) AS calls, count(*) FILTER (list_has_any(args_leaves, result_leaves)) AS echoes
    FROM events WHERE reached AND len(args_leaves) > 0 AND len(result_leaves) > 0 GROUP BY ALL
    HAVING calls >= $least_calls AND echoes >= $least_share * calls
), silent AS (
    SELECT e.event_id, e.event_time, e.user_id, e.server_name, e.jsonrpc_id, coalesce(e.duration_ms, 0) AS duration_ms,
           unnest(e.result_leaves) AS leaf
    FROM events e SEMI JOIN echo USING (server_name, tool_name)
    WHERE e.fresh AND e.reached AND len(e.args_leaves) > 0 AND NOT list_has_any(e.args_leaves, e.result_leaves)
), asked AS (
    SELECT event_id, event_time, user_id, server_name, jsonrpc_id, unnest(args_leaves) AS leaf FROM events
    WHERE attempted AND server_name IN (SELECT server_name FROM echo)
), rare AS (
    SELECT leaf FROM asked WHERE leaf IN (SELECT leaf FROM silent) GROUP BY leaf HAVING count(DISTINCT user_id) <= 2
), pairs AS (
    SELECT s.event_id, a.event_id AS source_event, a.user_id AS owner, count(*) AS shared,
           abs(date_diff('millisecond', a.event_time, s.event_time)) / 1000 AS seconds,
           coalesce(a.jsonrpc_id = s.jsonrpc_id, false) AS same
    FROM silent s JOIN asked a ON a.leaf = s.leaf AND a.server_name = s.server_name AND a.user_id <> s.user_id
     AND a.event_time BETWEEN s.event_time - to_milliseconds(s.duration_ms::BIGINT) - to_seconds($window_seconds)
                          AND s.event_time + to_milliseconds(s.duration_ms::BIGINT) + to_seconds($window_seconds)
    WHERE s.leaf IN (FROM rare)
      AND NOT EXISTS (FROM asked mine WHERE mine.leaf = s.leaf AND mine.user_id = s.user_id AND mine.event_time <= s.event_time)
    GROUP BY ALL
)
SELECT e.user_id, e.client, e.credential_id, e.server_name, e.tool_name, e.session, e.event_time, p.owner, p.shared, p.seconds,
       echo.calls, echo.echoes, if(p.same, ', under the same JSON-RPC id', '') AS same_id,
       (echo.calls - echo.echoes + 1) / (echo.calls + 2) AS p_value, if(p.same, 0.95, 0.9) AS confidence,
       [p.source_event, e.event_id] AS evidence, e.event_id AS key
FROM pairs p JOIN events e USING (event_id) JOIN echo USING (server_name, tool_name)
QUALIFY row_number() OVER (PARTITION BY e.event_id ORDER BY p.same DESC, p.shared DESC, p.seconds, p.source_event) = 1
