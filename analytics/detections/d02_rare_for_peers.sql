-- title = "A tool none of the peers use"
-- severity = "low"
-- confidence = 0.5
-- why = "What nobody in the same team, or with the same client where teams are not known, ever uses is seldom needed for that team's work."
-- next = "Ask whether the user's role gives reason for the tool; if not, take the grant back."
-- false_positives = ["specialists: who used it on several days before is not reported", "small teams: nothing is said below least_peers", "a young lake: nothing is said before history_days of history", "a new tool for many: one note instead"]
-- requires = ["user_id", "tool_name"]
-- explain = "{tool_name} on {server_name} is used by none of {peers} peers ({peer_group}), who use {tools} tools: {bits} bits of surprise, chance {p_value} on a day like this"
-- tags = ["ASI02", "AML.T0053", "DE.CM-03"]
-- rollout = ["server_name", "tool_name"]
-- [parameters]
-- history_days = 7
-- least_peers = 8
-- least_uses = 200
-- habit_days = 3
-- prior = 0.5
-- alpha = 0.02
WITH members AS (
    SELECT user_id, arg_max(coalesce('groups ' || array_to_string(list_sort(user_groups), ', '), client), event_time) AS peer_group
    FROM events WHERE user_id IS NOT NULL GROUP BY user_id
), used AS (
    SELECT user_id, server_name, tool_name, days FROM tool_uses
    WHERE days > 0 AND tool_name IS NOT NULL AND user_id IS NOT NULL
), shared AS (
    SELECT *, count(*) OVER (PARTITION BY peer_group, server_name, tool_name) AS users,
           count(*) OVER (PARTITION BY peer_group) AS uses, count(*) OVER (PARTITION BY user_id) AS own
    FROM used JOIN members USING (user_id)
), sizes AS (
    SELECT peer_group, count(DISTINCT user_id) - 1 AS peers, count(DISTINCT (server_name, tool_name)) AS tools FROM shared GROUP BY ALL
), today AS (
    SELECT user_id, server_name, tool_name, min(event_time) AS event_time, arg_min(event_id, event_time) AS event_id,
           arg_min(client, event_time) AS client, arg_min(credential_id, event_time) AS credential_id,
           arg_min(session, event_time) AS session, count(*) OVER (PARTITION BY user_id) AS tried
    FROM events WHERE fresh AND event_class = 'tool_call' AND tool_name IS NOT NULL GROUP BY user_id, server_name, tool_name
), rated AS (  -- Laplace's rule over who uses what, then the chance of one such tool among those tried today
    SELECT t.*, s.peer_group, peers, tools, $prior / (uses - own + $prior * tools) AS chance, 1 - pow(1 - chance, tried) AS p_value
    FROM today t JOIN shared s ON s.user_id = t.user_id AND s.tool_name = t.tool_name
     AND s.server_name IS NOT DISTINCT FROM t.server_name JOIN sizes USING (peer_group)
    WHERE s.users = 1 AND s.days <= $habit_days AND peers >= $least_peers
      AND (SELECT min(hour) FROM user_hours) <= $from - to_days($history_days) AND uses - own >= $least_uses
)
SELECT * EXCLUDE (event_id, tried, chance), round(-log2(chance), 1) AS bits, [event_id] AS evidence,
       concat_ws('|', user_id, server_name, $from::DATE) AS key
FROM rated WHERE p_value <= $alpha
QUALIFY row_number() OVER (PARTITION BY user_id, server_name ORDER BY event_time, event_id) = 1
