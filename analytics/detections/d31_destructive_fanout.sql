-- title = "Many things destroyed in a short time"
-- severity = "high"
-- confidence = 0.7
-- why = "Someone, or their agent, deleted far more different things within minutes than in any hour before: a hijacked session, a runaway agent or a slip looks just so, and it cannot be undone by revoking access."
-- next = "Stop the session, ask its owner, and restore from the list of targets in the evidence while it is short."
-- false_positives = ["planned clean-ups", "bots that always delete as much (their own greatest hour is the measure)"]
-- requires = ["tool_name", "user_id"]
-- explain = "{targets} different targets within {minutes} minutes, where the greatest hour before had {own}"
-- tags = ["ASI02", "AML.T0101", "DE.AE-04"]
-- lookback_hours = 1
-- [parameters]
-- window_minutes = 10
-- least = 10
-- times = 3
WITH targets AS (   -- each target once a day; a call that shows no target is one of its own
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY event_time, event_id) AS place FROM (
        SELECT * FROM calls WHERE destructive AND reached AND user_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY user_id, tool_name, coalesce(resource_uri, args_hmac, event_id) ORDER BY event_time, event_id) = 1)
), many AS (SELECT user_id FROM targets GROUP BY user_id HAVING count(*) >= $least
), before AS (
    SELECT user_id, max(calls) AS own FROM (
        SELECT a.user_id, a.hour, sum(a.calls) AS calls FROM activity a JOIN tool_classes c
          ON c.tool_name = a.tool_name AND c.server_name IS NOT DISTINCT FROM a.server_name AND c.destructive
        WHERE a.hour < $from AND a.user_id IN (FROM many) GROUP BY ALL) GROUP BY user_id
), limits AS (
    SELECT t.*, coalesce(b.own, 0)::BIGINT AS own, greatest($least, $times * coalesce(b.own, 0))::BIGINT AS least FROM targets t LEFT JOIN before b USING (user_id)
    WHERE user_id IN (FROM many)
), reaching AS (   -- the target with which the least number was reached, and the one that began it
    SELECT z.user_id, z.least, z.own, a.place AS first, z.place AS last, z.event_id AS key_event
    FROM limits z JOIN limits a ON a.user_id = z.user_id AND a.place = z.place - z.least + 1
    WHERE z.fresh AND z.event_time <= a.event_time + to_minutes($window_minutes)
    QUALIFY row_number() OVER (PARTITION BY z.user_id ORDER BY z.place) = 1
)
SELECT t.user_id, arg_max(t.client, t.place) AS client, arg_max(t.credential_id, t.place) AS credential_id,
       mode(t.server_name) AS server_name, mode(t.tool_name) AS tool_name, arg_max(t.session, t.place) AS session,
       max(t.event_time) AS event_time, any_value(r.own) AS own, count(*) AS targets, $window_minutes AS minutes,
       list(t.event_id ORDER BY t.place) AS evidence, concat_ws(' ', t.user_id, $from::DATE) AS key
FROM reaching r JOIN targets t ON t.user_id = r.user_id AND t.place BETWEEN r.first AND r.last GROUP BY t.user_id
