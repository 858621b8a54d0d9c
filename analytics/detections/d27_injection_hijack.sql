-- title = "Untrusted content chose where a write went"
-- severity = "high"
-- confidence = 0.7
-- why = "A value that first appeared in what strangers wrote (a page, an issue, a mail) became an argument of a tool whose input others can read, and people who read that source hardly ever go on to that tool: the content may have told the model what to do."
-- next = "Read what the source returned and what the session did after it; if it held instructions, quarantine the source and see what else read it."
-- false_positives = ["work in which one leads to the other, such as summarising an issue and opening a pull request (pairs people use are learned)", "a value the person gave first, which logs of another gateway would show"]
-- requires = ["args_leaves", "result_leaves"]
-- explain = "{shared} values that first appeared in {source} were given to {server_name}.{tool_name} {seconds} s later; that tool follows that source in {both} of {hours} hours of people who use the source"
-- tags = ["MCP06", "MCP10", "ASI01", "AML.T0051.001", "AML.T0080.001", "AML.T0099", "DE.AE-03", "DE.AE-07"]
-- lookback_hours = 2
-- [parameters]
-- window_minutes = 60
-- least_hours = 10
-- most_share = 0.2
-- own_hours = 3
-- # The p-value is how often the pair occurs among the hours of people who use the source (add-one estimate).
WITH leaves AS (
    SELECT event_id, event_time, user_id, false AS given, unnest(list_distinct(result_leaves)) AS leaf FROM events WHERE user_id IS NOT NULL
    UNION ALL SELECT event_id, event_time, user_id, true, unnest(list_distinct(args_leaves)) FROM events WHERE user_id IS NOT NULL
), first_known AS (   -- where each value came up first for that person, what is asked before what is answered
    SELECT user_id, leaf, arg_min(event_id, {t: event_time, given: NOT given, e: event_id}) AS source FROM leaves GROUP BY ALL
), edges AS (
    SELECT u.event_id AS source_event, s.event_id AS sink_event, count(*) AS shared FROM leaves l
    JOIN calls s ON s.event_id = l.event_id AND s.sink AND s.reached AND s.fresh AND l.given
    JOIN first_known k ON k.user_id = l.user_id AND k.leaf = l.leaf AND k.source <> s.event_id
    JOIN calls u ON u.event_id = k.source AND u.untrusted AND u.reached
    WHERE s.event_time > u.event_time AND s.event_time <= u.event_time + to_minutes($window_minutes)
      AND NOT list_contains(u.args_leaves, l.leaf) GROUP BY ALL
), ends AS (   -- the pairs of tools that the edges join, each counted once
    SELECT DISTINCT u.server_name AS source_server, u.tool_name AS source_tool, s.server_name AS sink_server, s.tool_name AS sink_tool
    FROM edges e JOIN events u ON u.event_id = e.source_event JOIN events s ON s.event_id = e.sink_event
), used AS (
    SELECT user_id, hour, server_name, tool_name, hour < $from AS past FROM activity
    WHERE calls > 0 AND user_id IS NOT NULL AND tool_name IN (SELECT source_tool FROM ends UNION SELECT sink_tool FROM ends) GROUP BY ALL
), source_hours AS (SELECT server_name, tool_name, count(*) AS hours FROM used GROUP BY ALL
), both_hours AS (   -- of each person, hours with the source in which the sink was used too
    SELECT p.*, a.user_id, count(*) AS n, count(*) FILTER (a.past) AS own FROM ends p
    JOIN used a ON a.tool_name = p.source_tool AND a.server_name IS NOT DISTINCT FROM p.source_server
    JOIN used b ON b.tool_name = p.sink_tool AND b.server_name IS NOT DISTINCT FROM p.sink_server AND b.user_id = a.user_id AND b.hour = a.hour
    GROUP BY ALL
), pairs AS (   -- the session's own hour is not counted
    SELECT p.*, h.hours - 1 AS hours, greatest(coalesce(sum(n), 0) - 1, 0)::BIGINT AS both
    FROM ends p JOIN source_hours h ON h.tool_name = p.source_tool AND h.server_name IS NOT DISTINCT FROM p.source_server
    LEFT JOIN both_hours o ON o.source_tool = p.source_tool AND o.sink_tool = p.sink_tool
     AND o.source_server IS NOT DISTINCT FROM p.source_server AND o.sink_server IS NOT DISTINCT FROM p.sink_server GROUP BY ALL
)
SELECT s.user_id, s.client, s.credential_id, s.server_name, s.tool_name, s.session, s.event_time, e.shared, p.both, p.hours,
       concat_ws('.', u.server_name, u.tool_name) AS source, date_diff('second', u.event_time, s.event_time) AS seconds,
       (p.both + 1) / (p.hours + 2) AS p_value, [u.event_id, s.event_id] AS evidence, s.event_id AS key
FROM edges e JOIN events u ON u.event_id = source_event JOIN events s ON s.event_id = sink_event
JOIN pairs p ON p.source_tool = u.tool_name AND p.sink_tool = s.tool_name
 AND p.source_server IS NOT DISTINCT FROM u.server_name AND p.sink_server IS NOT DISTINCT FROM s.server_name
LEFT JOIN both_hours o ON o.user_id = s.user_id AND o.source_tool = u.tool_name AND o.sink_tool = s.tool_name
 AND o.source_server IS NOT DISTINCT FROM u.server_name AND o.sink_server IS NOT DISTINCT FROM s.server_name
WHERE p.hours >= $least_hours AND (p.both + 1) / (p.hours + 2) <= $most_share AND coalesce(o.own, 0) < $own_hours
QUALIFY row_number() OVER (PARTITION BY s.event_id ORDER BY e.shared DESC, u.event_time) = 1
