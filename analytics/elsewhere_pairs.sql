-- Denials that were got around across sessions of one person: one side is in this session, the other is not.
WITH story AS (
    SELECT * EXCLUDE (session), 'one person' AS session, row_number() OVER (ORDER BY event_time, event_id) AS place
    FROM person
), {ways_around}
SELECT n.denied_event, n.reached_event, n.link, d.event_time AS denied_time, r.event_time AS reached_time,
       d.tool_name AS denied_tool, d.server_name AS denied_server, r.tool_name AS reached_tool,
       r.server_name AS reached_server, d.session AS denied_session, r.session AS reached_session, n.way
FROM ways_around n JOIN person d ON d.event_id = n.denied_event JOIN person r ON r.event_id = n.reached_event
WHERE d.here <> r.here AND epoch(r.event_time - d.event_time) <= $bound
ORDER BY r.event_time, n.reached_event
