-- Who asked through the guarded door, day by day: by role and case how many questions, how many of them denied or
-- stopped, and how many rows were given out.
CREATE VIEW access_by_day AS
SELECT access_date AS day, os_user, any_value(stated) AS stated, role, why, count(*) AS questions,
       count(*) FILTER (outcome = 'answered') AS answered, count(*) FILTER (outcome = 'denied') AS denied,
       count(*) FILTER (outcome = 'killed') AS killed, count(*) FILTER (outcome = 'failed') AS failed,
       coalesce(sum(rows), 0)::BIGINT AS rows, min(asked_time) AS first, max(asked_time) AS last
FROM access_log GROUP BY access_date, os_user, role, why;
