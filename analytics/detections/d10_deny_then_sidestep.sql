-- title = "Denied, then reached another way"
-- severity = "high"
-- confidence = 0.8
-- why = "What one way refused, another way gave: the refusal protected nothing, and someone, or a model, found out how."
-- next = "Read the session: was there an approval between the two? If not, close the second way and ask who asked for it."
-- false_positives = ["an approval or a just-in-time grant between the two", "a tool of the same name that gives less"]
-- requires = ["args_leaves"]
-- explain = "{denied_tool} on {denied_server} was denied; {minutes} minutes later {tool_name} on {server_name} reached the same ({shared} values in common)"
-- tags = ["MCP02", "ASI03", "AML.T0053", "PR.AA-05", "DE.AE-03", "RS.AN-03"]
-- lookback_hours = 2
-- [parameters]
-- window_minutes = 60
-- most_events = 200
WITH leaves AS (
    SELECT event_id, event_time, user_id, denied, reached, unnest(args_leaves) AS leaf FROM events
    WHERE user_id IN (SELECT user_id FROM events WHERE denied)
), common AS (
    SELECT leaf FROM leaves WHERE reached GROUP BY leaf HAVING count(*) > $most_events
), pairs AS (
    SELECT d.event_id AS denied_event, r.event_id AS reached_event, count(DISTINCT d.leaf) AS shared
    FROM leaves d JOIN leaves r ON r.user_id = d.user_id AND r.leaf = d.leaf AND r.reached AND r.event_time > d.event_time
     AND r.event_time <= d.event_time + to_minutes($window_minutes)
    WHERE d.denied AND d.leaf NOT IN (FROM common)
      AND NOT EXISTS (FROM leaves b WHERE b.user_id = d.user_id AND b.leaf = d.leaf AND b.reached AND b.event_time < d.event_time)
    GROUP BY ALL
)
SELECT r.user_id, r.client, r.credential_id, r.server_name, r.tool_name, r.session, r.event_time,
       d.tool_name AS denied_tool, d.server_name AS denied_server, p.shared,
       round(date_diff('second', d.event_time, r.event_time) / 60, 1) AS minutes,
       [d.event_id, r.event_id] AS evidence, d.event_id AS key
FROM pairs p JOIN events d ON d.event_id = p.denied_event JOIN events r ON r.event_id = p.reached_event
WHERE r.fresh AND (d.tool_name, d.server_name, d.client, d.credential_id) IS DISTINCT FROM
      (r.tool_name, r.server_name, r.client, r.credential_id)
QUALIFY row_number() OVER (PARTITION BY d.event_id ORDER BY r.event_time, p.shared DESC) = 1
