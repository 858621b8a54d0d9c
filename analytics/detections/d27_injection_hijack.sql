-- title = "Untrusted content chose where a write went"
-- severity = "high"
-- confidence = 0.7
-- why = "A value that first appeared in what strangers wrote (a page, an issue, a mail) became an argument of a tool whose input others can read, and people who read that source hardly ever go on to that tool: the content may have told the model what to do."
-- next = "Read what the source returned and what the session did after it; if it held instructions, quarantine the source and see what else read it."
-- false_positives = ["work in which one leads to the other, such as summarising an issue and opening a pull request (pairs people use are learned)", "a value the person gave first, which logs of another gateway would show"]
-- requires = ["args_leaves", "result_leaves"]
-- explain = "{server_name}.{tool_name} was given what had first appeared in {source} {seconds} s before (values: {shared}); that tool follows that source in {both} of {hours} hours of people who use the source"
-- tags = ["MCP06", "MCP10", "ASI01", "AML.T0051.001", "AML.T0080.001", "AML.T0099", "DE.AE-03", "DE.AE-07"]
-- lookback_hours = 2
-- [parameters]
-- window_minutes = 30
-- least_hours = 10
-- most_share = 0.1
-- own_hours = 3
-- # The p-value is how often the pair occurs among the hours of people who use the source (add-one estimate).
WITH told AS (
    SELECT event_id, event_time, user_id, unnest(list_distinct(args_leaves)) AS leaf FROM calls WHERE sink AND reached AND fresh
), sent AS (SELECT l.*, t.person FROM told l JOIN holders t USING (event_id)
), first_known AS (   -- where each value came up first for that person
    SELECT person, leaf, min(place) AS place FROM held SEMI JOIN sent USING (person, leaf) GROUP BY ALL
), edges AS (
    SELECT u.event_id AS source_event, s.event_id AS sink_event, count(*) AS shared FROM sent s
    JOIN first_known USING (person, leaf) JOIN holders h USING (place)
    JOIN calls u ON u.event_id = h.event_id AND u.user_id = s.user_id AND u.untrusted AND u.reached
    WHERE u.event_id <> s.event_id AND s.event_time > u.event_time AND s.event_time <= u.event_time + to_minutes($window_minutes)
      AND NOT list_contains(u.args_leaves, s.leaf) GROUP BY ALL
), ends AS (   -- the pairs of tools that the edges join, each counted once
    SELECT DISTINCT u.server_name AS source_server, u.tool_name AS source_tool, s.server_name AS sink_server, s.tool_name AS sink_tool
    FROM edges e JOIN events u ON u.event_id = e.source_event JOIN events s ON s.event_id = e.sink_event
), tools AS (
    SELECT server_name, tool_name, bool_or(is_source) AS is_source, bool_or(NOT is_source) AS is_sink, row_number() OVER () AS id FROM (
        SELECT source_server AS server_name, source_tool AS tool_name, true AS is_source FROM ends
        UNION SELECT sink_server, sink_tool, false FROM ends) GROUP BY ALL
), joined AS (
    SELECT p.*, a.id AS source, b.id AS sink FROM ends p
    JOIN tools a ON a.tool_name = p.source_tool AND a.server_name IS NOT DISTINCT FROM p.source_server
    JOIN tools b ON b.tool_name = p.sink_tool AND b.server_name IS NOT DISTINCT FROM p.sink_server
), used AS (   -- people by a hash: numbers join in a third of the time; `hours` has a bit for each hour of a day
    SELECT u.*, is_source, is_sink FROM (
        SELECT hash(user_id) AS who, epoch_us(hour) // 86400000000 AS day, hour < $from AS past, t.id AS tool,
               bit_or(1 << (epoch_us(hour) // 3600000000 % 24)::INT) AS hours FROM activity a
        JOIN tools t ON t.tool_name = a.tool_name AND t.server_name IS NOT DISTINCT FROM a.server_name
        WHERE calls > 0 AND user_id IS NOT NULL AND a.tool_name IN (SELECT tool_name FROM tools) GROUP BY ALL) u JOIN tools t ON t.id = u.tool
), source_hours AS (SELECT tool AS source, sum(bit_count(hours))::BIGINT AS hours FROM used GROUP BY tool
), both_hours AS (   -- of each person, hours with the source in which the sink was used too
    SELECT j.source, j.sink, a.who, sum(bit_count(a.hours & b.hours))::BIGINT AS n, sum(bit_count(a.hours & b.hours)) FILTER (a.past) AS own FROM joined j
    JOIN (FROM used WHERE is_source) a ON a.tool = j.source
    JOIN (FROM used WHERE is_sink) b ON b.tool = j.sink AND b.who = a.who AND b.day = a.day AND b.past = a.past WHERE a.hours & b.hours <> 0 GROUP BY ALL
), pairs AS (   -- the session's own hour is not counted
    SELECT j.*, any_value(h.hours) - 1 AS hours, greatest(coalesce(sum(n), 0) - 1, 0)::BIGINT AS both
    FROM joined j JOIN source_hours h USING (source) LEFT JOIN both_hours o USING (source, sink) GROUP BY ALL
)
SELECT s.user_id, s.client, s.credential_id, s.server_name, s.tool_name, s.session, s.event_time, e.shared, p.both, p.hours,
       concat_ws('.', u.server_name, u.tool_name) AS source, date_diff('second', u.event_time, s.event_time) AS seconds,
       (p.both + 1) / (p.hours + 2) AS p_value, [u.event_id, s.event_id] AS evidence, s.event_id AS key
FROM edges e JOIN events u ON u.event_id = source_event JOIN events s ON s.event_id = sink_event
JOIN pairs p ON p.source_tool = u.tool_name AND p.sink_tool = s.tool_name
 AND p.source_server IS NOT DISTINCT FROM u.server_name AND p.sink_server IS NOT DISTINCT FROM s.server_name
LEFT JOIN both_hours o ON o.source = p.source AND o.sink = p.sink AND o.who = hash(s.user_id)
WHERE p.hours >= $least_hours AND (p.both + 1) / (p.hours + 2) <= $most_share AND coalesce(o.own, 0) < $own_hours
QUALIFY row_number() OVER (PARTITION BY s.event_id ORDER BY e.shared DESC, u.event_time) = 1
