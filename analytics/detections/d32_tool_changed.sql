-- title = "A tool's definition changed unannounced"
-- severity = "high"
-- confidence = 0.5
-- why = "What a model reads as a tool's description decides what it does, and a server can change it after it was approved (rug pull). Found is a definition never seen before on a tool whose earlier one was in use, with no record of a change to that server between; confidence rises where the tool acts differently since: the same new value in every later call. Logs do not state server versions, so an announced release is known by a change on record only."
-- next = "Compare both tools/list entries; if nobody released it, pin the old definition and block the server."
-- false_positives = ["a normal release whose record is not among the logs", "two releases running side by side (a definition seen before is not new)"]
-- requires = ["tool_definition_sha256"]
-- explain = "{server_name}.{tool_name} had the definition {old}, since then {new}; values new in each of the {later} calls looked at since: {constant}"
-- tags = ["MCP03", "MCP04", "ASI04", "AML.T0109", "AML.T0110", "AML.T0011.002", "DE.CM-06"]
-- lookback_hours = 24
-- [parameters]
-- least_calls = 3
-- look_at = 5
WITH seen AS (   -- every use in the window, and of the hours before the last of each definition
    SELECT server_name, tool_name, tool_definition_sha256, event_id, event_time, true AS fresh FROM events
    WHERE fresh AND tool_definition_sha256 IS NOT NULL AND tool_name IS NOT NULL
    UNION ALL SELECT server_name, tool_name, tool_definition_sha256, last_event, last_time, false FROM activity
    WHERE hour < $from AND tool_definition_sha256 IS NOT NULL AND tool_name IS NOT NULL
), uses AS (
    SELECT *, lag(tool_definition_sha256) OVER w AS old, lag(event_id) OVER w AS old_event, lag(event_time) OVER w AS old_time,
           min(event_time) OVER (PARTITION BY server_name, tool_name, tool_definition_sha256) AS first_time
    FROM seen WINDOW w AS (PARTITION BY server_name, tool_name ORDER BY event_time, event_id)
), changes AS (
    SELECT u.*, e.user_id, e.client FROM uses u JOIN events e USING (event_id)
    WHERE u.fresh AND u.old <> u.tool_definition_sha256 AND u.event_time = u.first_time
      AND NOT EXISTS (FROM events a WHERE a.event_kind IN ('entity_change', 'policy_change') AND a.server_name IS NOT DISTINCT FROM u.server_name
                      AND a.event_time BETWEEN u.old_time - INTERVAL 1 DAY AND u.event_time)
), later AS (
    SELECT c.event_id AS change, u.event_id, coalesce(u.args_leaves, []) || coalesce(u.result_leaves, []) AS leaves
    FROM changes c JOIN events u ON u.fresh AND u.server_name IS NOT DISTINCT FROM c.server_name AND u.tool_name = c.tool_name
     AND u.tool_definition_sha256 = c.tool_definition_sha256
    QUALIFY row_number() OVER (PARTITION BY c.event_id ORDER BY u.event_time, u.event_id) <= $look_at
), sizes AS (
    SELECT change, count(*) AS later FROM later GROUP BY change
), constants AS (
    SELECT change, count(*) AS constant FROM (
        SELECT change, leaf, count(DISTINCT event_id) AS n FROM (SELECT change, event_id, unnest(list_distinct(leaves)) AS leaf FROM later) GROUP BY ALL
    ) l JOIN sizes USING (change)
    WHERE n = later AND later >= $least_calls AND NOT EXISTS (
        FROM events e JOIN changes c ON c.event_id = l.change
        WHERE e.event_time < c.event_time AND (list_contains(e.result_leaves, l.leaf) OR list_contains(e.args_leaves, l.leaf)))
    GROUP BY change
)
SELECT c.user_id, c.client, c.server_name, c.tool_name, c.event_time, left(c.old, 12) AS old, left(c.tool_definition_sha256, 12) AS new,
       s.later, coalesce(k.constant, 0) AS constant, CASE WHEN k.constant > 0 THEN 0.8 ELSE 0.5 END AS confidence,
       [c.old_event, c.event_id] AS evidence, concat_ws(' ', c.server_name, c.tool_name, c.tool_definition_sha256) AS key
FROM changes c JOIN sizes s ON s.change = c.event_id LEFT JOIN constants k ON k.change = c.event_id
