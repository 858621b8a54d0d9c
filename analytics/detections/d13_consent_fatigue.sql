-- title = "Asked until the person gave in"
-- severity = "medium"
-- confidence = 0.6
-- why = "The same request declined again and again and then approved is consent worn down, not consent: a person who is asked often enough says yes."
-- next = "Ask the person whether they meant to; then limit how often a client may ask the same thing."
-- false_positives = ["a request that was changed after the refusals: other arguments are another request", "trivial prompts approved at once: nothing was declined", "a rule that was changed between: who decided is not the person"]
-- requires = ["decision_source"]
-- explain = "{tool_name} was declined {declined} times by the person and approved {seconds} seconds after the last refusal, with {what}"
-- tags = ["ASI09", "MCP06", "PR.AA-05", "DE.AE-02"]
-- lookback_hours = 4
-- [parameters]
-- declined = 3
-- hours_within = 4
WITH asked AS (
    SELECT event_id, event_time, user_id, client, credential_id, server_name, tool_name, session, source_system, fresh, args_hmac,
           concat_ws('|', coalesce(user_id, client, ''), coalesce(session, ''), coalesce(server_name, ''), tool_name, coalesce(args_hmac, '')) AS request,
           CASE WHEN (denied AND decision_source = 'user_prompt') OR outcome = 'input_required' OR decision = 'ask' THEN 'no'
                WHEN decision = 'allow' AND decision_source = 'user_prompt' THEN 'yes' END AS answer
    FROM events WHERE tool_name IS NOT NULL
), numbered AS (
    SELECT *, sum((answer = 'yes')::INT) OVER (PARTITION BY request, source_system ORDER BY event_time, event_id) - (answer = 'yes')::INT AS round
    FROM asked WHERE answer IS NOT NULL AND request IN (SELECT request FROM asked WHERE answer = 'no' GROUP BY request HAVING count(*) >= $declined)
), ranked AS (
    SELECT *, count(*) FILTER (answer = 'no') OVER (PARTITION BY request, source_system, round) AS noes,
           row_number() OVER (PARTITION BY request, source_system, round, answer ORDER BY event_time DESC, event_id) AS back
    FROM numbered
)
SELECT arg_max(user_id, event_time) AS user_id, arg_max(client, event_time) AS client, arg_max(credential_id, event_time) AS credential_id,
       any_value(server_name) AS server_name, any_value(tool_name) AS tool_name, any_value(session) AS session, max(event_time) AS event_time,
       max(noes) AS declined, if(any_value(args_hmac) IS NULL, 'arguments that were not seen', 'the same arguments') AS what,
       date_diff('second', max(event_time) FILTER (answer = 'no'), max(event_time)) AS seconds,
       list(event_id ORDER BY event_time, event_id) AS evidence, concat_ws('|', request, round, min(event_time)::DATE) AS key
FROM ranked WHERE (answer = 'no' AND back <= $declined) OR answer = 'yes'
GROUP BY request, source_system, round
HAVING count(*) FILTER (answer = 'no') = $declined AND bool_or(answer = 'yes' AND fresh)
   AND max(event_time) <= min(event_time) + to_hours($hours_within)
