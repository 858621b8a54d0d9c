-- Who used which tool on which day: what several detections ask of the history, a sixth of its rows. Days of the past and
-- of the window are apart (`past`). `first_*`, `client` and `calling_since` are of hours with a call.
CREATE OR REPLACE TABLE tool_days AS
SELECT user_id, server_name, tool_name, day, hour < $from AS past, sum(calls)::BIGINT AS calls, min(hour) AS since,
       min(hour) FILTER (calls > 0) AS calling_since, min(first_time) FILTER (calls > 0) AS first_time,
       arg_min(first_event, first_time) FILTER (calls > 0) AS first_event, arg_min(client, first_time) FILTER (calls > 0) AS client
FROM activity GROUP BY ALL
