-- What several detections ask of the summaries of all days, asked once: which tools each person used in which week
-- (`ago`, 0 the week up to the window's end) and ever, and how each person's days looked.
CREATE OR REPLACE TABLE tool_weeks AS
SELECT user_id, server_name, tool_name, (date_diff('day', day, $to::DATE) // 7)::INT AS ago,
       count(*) FILTER (calls > 0) AS days, count(*) FILTER (calls > 0 AND past) AS past_days, bool_or(past) AS past,
       min(since) AS since, min(calling_since) FILTER (past) AS calling_since
FROM tool_days GROUP BY ALL;

CREATE OR REPLACE TABLE tool_uses AS
SELECT user_id, server_name, tool_name, sum(days)::BIGINT AS days, sum(past_days)::BIGINT AS past_days, bool_or(past) AS past,
       min(since) AS since, min(calling_since) AS calling_since
FROM tool_weeks GROUP BY ALL;

-- Days before the window. `hours` has a bit for each hour of the day at work, in UTC; `day` is a number since 1970.
CREATE OR REPLACE TABLE past_days AS
SELECT user_id, epoch_us(hour) // 86400000000 AS day, bit_or(1 << (epoch_us(hour) // 3600000000 % 24)::INT) AS hours, min(hour) AS since,
       sum(response_bytes) FILTER (response_bytes > 0) AS response_bytes, sum(calls)::BIGINT AS calls, sum(denied)::BIGINT AS denied
FROM user_hours WHERE past GROUP BY ALL
