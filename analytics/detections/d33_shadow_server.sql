-- title = "Server nobody knows"
-- severity = "medium"
-- confidence = 0.5
-- why = "A server took calls that no log of the days before mentions. Where it has the tools of a known server under another name it may stand in its place, and what people give it goes to someone else: confidence then rises. What is registered is not in the logs; a name is known when it was seen before, or when its change or connection is on record."
-- next = "Ask who runs it. Register it, or block it and see what it was given."
-- false_positives = ["local development", "a new server that many people begin to use (shown as a roll-out)", "a server that was renamed: the old name then falls silent"]
-- requires = ["server_name"]
-- explain = "{server_name} was not seen in {days} days; {copied} of its {tools} tools are those of {like}"
-- tags = ["MCP09", "MCP04", "AML.T0010.005", "DE.CM-01"]
-- rollout = ["server_name"]
-- lookback_hours = 24
-- [parameters]
-- history_days = 7
-- least_tools = 3
-- alike = 0.8
WITH known AS (
    SELECT DISTINCT server_name, tool_name FROM tool_uses WHERE past AND server_name IS NOT NULL
), since AS (
    SELECT date_diff('day', min(since), $from) AS days FROM past_days
), registered AS (
    SELECT DISTINCT server_name FROM events WHERE event_kind IN ('entity_change', 'server_connection') AND decision <> 'deny' AND vantage <> 'client'
), used AS (
    SELECT * FROM events WHERE fresh AND server_name IS NOT NULL AND attempted
      AND server_name NOT IN (SELECT server_name FROM known) AND server_name NOT IN (SELECT server_name FROM registered WHERE server_name IS NOT NULL)
), tools AS (
    SELECT server_name, count(DISTINCT tool_name) AS tools FROM used GROUP BY ALL
), known_tools AS (
    SELECT server_name, count(DISTINCT tool_name) AS tools FROM known WHERE tool_name IS NOT NULL GROUP BY ALL
), copies AS (   -- Jaccard of the two sets of tools
    SELECT n.server_name, k.server_name AS like_name, count(*) AS copied, count(*) / (any_value(t.tools) + any_value(o.tools) - count(*)) AS alike
    FROM (SELECT DISTINCT server_name, tool_name FROM used) n JOIN known k USING (tool_name)
    JOIN tools t ON t.server_name = n.server_name JOIN known_tools o ON o.server_name = k.server_name
    GROUP BY n.server_name, k.server_name HAVING count(*) >= $least_tools
    QUALIFY row_number() OVER (PARTITION BY n.server_name ORDER BY alike DESC, k.server_name) = 1
)
SELECT u.user_id, u.client, u.server_name, u.event_time, s.days, t.tools, coalesce(c.copied, 0) AS copied, coalesce(c.like_name, 'any other') AS like,
       CASE WHEN c.alike >= $alike THEN 0.8 ELSE 0.5 END AS confidence, [u.event_id] AS evidence, concat_ws(' ', u.server_name, u.user_id, $from::DATE) AS key
FROM used u JOIN tools t USING (server_name) CROSS JOIN since s LEFT JOIN copies c USING (server_name)
WHERE s.days >= $history_days
QUALIFY row_number() OVER (PARTITION BY u.server_name, u.user_id ORDER BY u.event_time, u.event_id) = 1
