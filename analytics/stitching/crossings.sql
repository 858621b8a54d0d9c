-- Denials that were got around across sessions, by another way. `people` has what some people (`who`) were denied and
-- reached, with their sessions.
WITH story AS (
    SELECT * EXCLUDE (session), who AS session FROM people
), {ways_around}
SELECT n.denied_event, d.session AS denied_session, n.reached_event, r.session AS reached_session
FROM ways_around n JOIN people d ON d.event_id = n.denied_event JOIN people r ON r.event_id = n.reached_event
WHERE d.session <> r.session AND len(n.way) > 0 AND epoch(r.event_time - d.event_time) <= $bound
