-- title = "The same call over and over"
-- severity = "medium"
-- confidence = 0.7
-- why = "An agent that repeats a call and gets the same answer is stuck: it burns money and load, and each repeat may change something."
-- next = "Stop the agent; then see whether it was the tool's answer or the model's plan that never let it end."
-- false_positives = ["polling: tools named so, or a steady pause of at least poll_seconds", "an answer that changes: something moves", "one call seen at the client and at the gateway"]
-- requires = ["args_hmac"]
-- explain = "{tool_name} on {server_name} was called {count} times within {minutes} minutes with the same arguments and had the same answer each time ({answer})"
-- tags = ["ASI08", "AML.T0034.002", "DE.AE-02"]
-- [parameters]
-- times = 10
-- hours_within = 4
-- poll_seconds = 5
-- polling = '(^|[^a-z])(await|health|heartbeat|ping|poll|progress|status|tail|wait|watch)([^a-z]|$)'
WITH calls AS (
    SELECT event_id, event_time, user_id, client, credential_id, server_name, tool_name, session, fresh, source_system, args_hmac, outcome,
           coalesce(session, user_id, credential_id, client, '') AS place,
           coalesce(result_hmac, if(outcome IN ('success', 'unknown'), NULL, concat_ws(' ', outcome, http_status, jsonrpc_error_code))) AS said
    FROM events WHERE attempted AND args_hmac IS NOT NULL AND tool_name IS NOT NULL AND NOT regexp_matches(lower(tool_name), $polling)
      AND args_hmac IN (SELECT args_hmac FROM events WHERE attempted GROUP BY args_hmac HAVING count(*) >= $times)
), changes AS (
    SELECT event_id, event_time, user_id, client, credential_id, server_name, tool_name, session, fresh, place, source_system, args_hmac, said, outcome,
           said IS DISTINCT FROM lag(said) OVER same AS changed, event_time - lag(event_time) OVER same AS pause FROM calls
    WINDOW same AS (PARTITION BY place, source_system, server_name, tool_name, args_hmac ORDER BY event_time, event_id)
    QUALIFY count(*) OVER (PARTITION BY place, source_system, server_name, tool_name, args_hmac) >= $times
), runs AS (
    SELECT *, sum(changed::INT) OVER (PARTITION BY place, source_system, server_name, tool_name, args_hmac ORDER BY event_time, event_id) AS run
    FROM changes
), first AS (
    SELECT *, row_number() OVER (PARTITION BY place, source_system, server_name, tool_name, args_hmac, run ORDER BY event_time, event_id) AS n
    FROM runs WHERE said IS NOT NULL QUALIFY n <= $times
)
SELECT any_value(user_id) AS user_id, any_value(client) AS client, any_value(credential_id) AS credential_id, server_name, tool_name,
       any_value(session) AS session, max(event_time) AS event_time, count(*) AS count,
       round(date_diff('second', min(event_time), max(event_time)) / 60, 1) AS minutes,
       if(any_value(outcome) = 'unknown', 'its outcome is not told', replace(any_value(outcome), '_', ' ')) AS answer,
       list(event_id ORDER BY n) AS evidence, concat_ws('|', place, server_name, tool_name, args_hmac, min(event_time)::DATE) AS key
FROM first GROUP BY place, source_system, server_name, tool_name, args_hmac, run
HAVING count(*) = $times AND bool_or(fresh AND n = $times) AND max(event_time) <= min(event_time) + to_hours($hours_within)
   AND NOT (quantile_cont(epoch(pause), 0.1) FILTER (n > 1) >= $poll_seconds
            AND quantile_cont(epoch(pause), 0.9) FILTER (n > 1) <= 1.5 * quantile_cont(epoch(pause), 0.1) FILTER (n > 1))
QUALIFY row_number() OVER (PARTITION BY key ORDER BY max(event_time)) = 1
