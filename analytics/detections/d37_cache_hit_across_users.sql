-- title = "One person's cached answer served to another"
-- severity = "high"
-- confidence = 0.8
-- why = "The same question is answered differently to each person; here two got the very same answer, the second much faster than the tool answers: a private answer was cached for all."
-- next = "Read the cache's key: is the user in it? Look for cacheScope private in what the server sends, and clear the cache."
-- false_positives = ["a service account that warms the cache", "empty answers, which are the same for all", "tools whose answer is no one's"]
-- requires = ["args_hmac", "result_hmac", "duration_ms"]
-- explain = "{people} people asked {tool_name} the same and got {answers} different answers; {user_id} got, in {milliseconds} ms where {median} ms are usual, the answer that {owner} had got {seconds} s before"
-- tags = ["MCP10", "AML.T0057", "PR.AA-05", "DE.CM-06"]
-- [parameters]
-- within_seconds = 3600
-- least_people = 5
-- least_different = 0.8
-- fast_share = 0.25
-- # No column says hit or private: that answers differ by person stands for private, the time an answer takes for hit.
WITH asked AS (
    SELECT event_id, event_time, user_id, server_name, tool_name, args_hmac, result_hmac, duration_ms, fresh FROM events
    WHERE reached AND args_hmac IS NOT NULL AND result_hmac IS NOT NULL AND user_id IS NOT NULL
      AND user_id_kind IS DISTINCT FROM 'key_owner' AND credential_kind IS DISTINCT FROM 'service_account'
      AND hash(args_hmac) IN (SELECT hash(args_hmac) FROM events WHERE reached AND result_hmac IS NOT NULL GROUP BY ALL HAVING min(hash(user_id)) < max(hash(user_id)))
), question AS (
    SELECT server_name, tool_name, args_hmac, count(DISTINCT user_id) AS people, count(DISTINCT result_hmac) AS answers,
           median(duration_ms) AS median
    FROM asked GROUP BY ALL HAVING people >= $least_people AND answers >= $least_different * people
), widely AS (
    SELECT server_name, tool_name, args_hmac, result_hmac FROM asked GROUP BY ALL HAVING count(DISTINCT user_id) > 2
), ordered AS (
    SELECT *, lag(event_id) OVER same AS source_event, lag(user_id) OVER same AS owner, lag(event_time) OVER same AS since,
           row_number() OVER (PARTITION BY server_name, tool_name, args_hmac, result_hmac, user_id
                              ORDER BY event_time, event_id) AS nth
    FROM asked SEMI JOIN question USING (server_name, tool_name, args_hmac)
    WINDOW same AS (PARTITION BY server_name, tool_name, args_hmac, result_hmac ORDER BY event_time, event_id)
)
SELECT o.user_id, e.client, e.credential_id, o.server_name, o.tool_name, e.session, o.event_time, o.owner, q.people, q.answers,
       o.duration_ms AS milliseconds, q.median, date_diff('second', o.since, o.event_time) AS seconds,
       [o.source_event, o.event_id] AS evidence, o.event_id AS key
FROM ordered o JOIN question q USING (server_name, tool_name, args_hmac) JOIN events e USING (event_id)
WHERE o.fresh AND o.nth = 1 AND o.owner <> o.user_id AND o.event_time <= o.since + to_seconds($within_seconds)
  AND o.duration_ms <= $fast_share * q.median
  AND (o.server_name, o.tool_name, o.args_hmac, o.result_hmac) NOT IN (FROM widely)
