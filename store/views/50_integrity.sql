-- Sessions of Claude Code, which numbers its events, in which numbers are missing between the first and last that came.
CREATE VIEW sequence_gaps AS
SELECT session_key, any_value(user_id) AS user_id, min(number) AS first_number, max(number) AS last_number,
       count(DISTINCT number) AS came, last_number - first_number + 1 - came AS missing,
       min(event_time) AS first_time, max(event_time) AS last_time
FROM (
    SELECT session_key, user_id, event_time,
           TRY_CAST(unmapped ->> '$."/attributes/event.sequence"' AS BIGINT) AS number
    FROM events WHERE source_format = 'claude_code'
) WHERE number IS NOT NULL GROUP BY session_key HAVING missing > 0;
