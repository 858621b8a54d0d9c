-- title = "Denied, then reached another way"
-- severity = "high"
-- confidence = 0.8
-- why = "What one way refused, another way gave: the refusal protected nothing, and someone, or a model, found out how."
-- next = "Read the session: was there an approval between the two? If not, close the second way and ask who asked for it."
-- false_positives = ["an approval or a just-in-time grant between the two", "another tool that gives less: what was refused for writing is read", "the same call again under a renewed token"]
-- requires = ["args_leaves"]
-- explain = "{denied_tool} on {denied_server} was denied; {minutes} minutes later {tool_name} on {server_name} reached the same (values in common: {shared})"
-- tags = ["MCP02", "ASI03", "AML.T0053", "PR.AA-05", "DE.AE-03", "RS.AN-03"]
-- lookback_hours = 2
-- [parameters]
-- window_minutes = 60
-- most_events = 200
-- changing = '^(add|create|delete|drop|export|grant|merge|move|post|put|remove|send|set|share|update|write)'
-- reading = '^(describe|fetch|find|get|list|query|read|search|show)'
-- renewed = ["oauth_access_token", "session", "jit"]
WITH tried AS (
    SELECT *, CASE WHEN credential_kind IN (SELECT unnest($renewed)) THEN credential_kind ELSE credential_id END AS lasting,
           coalesce(operation_class NOT IN ('read', 'unknown'), regexp_matches(lower(tool_name), $changing)) AS changes,
           coalesce(operation_class = 'read', regexp_matches(lower(tool_name), $reading)) AS reads
    FROM events WHERE attempted AND args_leaves IS NOT NULL AND user_id IN (SELECT user_id FROM events WHERE denied)
), leaves AS (SELECT event_id, event_time, user_id, denied, reached, unnest(args_leaves) AS leaf FROM tried
), common AS (SELECT leaf FROM leaves WHERE reached GROUP BY leaf HAVING count(*) > $most_events
), opened AS (SELECT user_id, leaf, min(event_time) AS since FROM leaves WHERE reached GROUP BY ALL
), pairs AS (
    SELECT d.event_id AS denied_event, r.event_id AS reached_event, count(DISTINCT d.leaf) AS shared
    FROM leaves d JOIN opened o ON o.user_id = d.user_id AND o.leaf = d.leaf AND o.since > d.event_time
    JOIN leaves r ON r.user_id = d.user_id AND r.leaf = d.leaf AND r.reached AND r.event_time > d.event_time
     AND r.event_time <= d.event_time + to_minutes($window_minutes)
    WHERE d.denied AND d.leaf NOT IN (FROM common) GROUP BY ALL
)
SELECT r.user_id, r.client, r.credential_id, r.server_name, r.tool_name, r.session, r.event_time,
       d.tool_name AS denied_tool, d.server_name AS denied_server, p.shared,
       round(date_diff('second', d.event_time, r.event_time) / 60, 1) AS minutes, [d.event_id, r.event_id] AS evidence,
       concat_ws('|', r.user_id, coalesce(d.session, d.event_id), d.server_name, d.tool_name) AS key
FROM pairs p JOIN tried d ON d.event_id = p.denied_event JOIN tried r ON r.event_id = p.reached_event
WHERE r.fresh AND (d.tool_name, d.server_name, d.client, d.lasting) IS DISTINCT FROM
      (r.tool_name, r.server_name, r.client, r.lasting) AND NOT (coalesce(d.changes, false) AND coalesce(r.reads, false))
QUALIFY row_number() OVER (PARTITION BY key ORDER BY r.event_time, d.event_time, p.shared DESC, r.event_id, d.event_id) = 1
