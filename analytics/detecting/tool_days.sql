-- Of hours of activity: who used which tool on which day. `calling_since`, `first_*` and `client` are of hours with a call.
SELECT user_id, server_name, tool_name, DATE '1970-01-01' + (epoch_us(hour) // 86400000000)::INTEGER AS day, sum(calls)::BIGINT AS calls,
       min(hour) AS since, min(hour) FILTER (calls > 0) AS calling_since, min(first_time) FILTER (calls > 0) AS first_time,
       arg_min(first_event, first_time) FILTER (calls > 0) AS first_event, arg_min(client, first_time) FILTER (calls > 0) AS client
FROM hours_of GROUP BY ALL
