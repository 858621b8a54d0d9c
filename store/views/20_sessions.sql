-- For each session that turned out to be part of another one: which.
CREATE VIEW session_roots AS
SELECT session, arg_max(merged_into, revision) AS merged_into FROM session_merges GROUP BY session;

-- Every event that was stitched, with its session, why it was joined, the log-odds of that (null: an id makes it
-- certain), and the event it was joined to.
CREATE VIEW session_events AS
SELECT l.event_id, coalesce(r.merged_into, l.session) AS session, l.event_time, l.joined_by, l.log_odds, l.linked_to
FROM session_links l LEFT JOIN session_roots r USING (session);

-- One row per stitched session, as the last run of `tooltrail sessions` left it.
CREATE VIEW sessions AS
SELECT * EXCLUDE (revision, state_time, state_date) FROM session_states
WHERE session NOT IN (SELECT session FROM session_roots)
QUALIFY row_number() OVER (PARTITION BY session ORDER BY revision DESC, state_time DESC) = 1;
