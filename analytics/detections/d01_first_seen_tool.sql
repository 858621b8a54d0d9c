-- title = "First use of a tool by this user"
-- severity = "low"
-- confidence = 0.5
-- why = "People and their agents keep to the tools they know. A first use out of habit is how a stolen session or a misled model shows."
-- next = "Look at what the session did before and after: does the new tool belong to the work? Ask the user where it changes things."
-- false_positives = ["a user who is new here: nothing is said before history_days of history", "a tool that was renamed: its definition is known under another name", "a server rolled out to many: one note instead", "people who try new things all the time"]
-- requires = ["user_id", "tool_name"]
-- explain = "{tool_name} on {server_name} was never used by this user in {days} days; {once} of {uses} earlier uses were of tools used on one day only, so a new one is expected with chance {p_value}{grave}"
-- tags = ["MCP02", "ASI02", "AML.T0053", "DE.CM-03", "DE.AE-02"]
-- rollout = ["server_name", "tool_name"]
-- [parameters]
-- history_days = 14
-- alpha = 0.01
-- grave_alpha = 0.1
-- grave = '(^|[^a-z])(admin|credential|delete|destroy|drop|exec|execute|export|grant|kill|password|purge|remove|secret|share|shell|token)s?([^a-z]|$)'
WITH used AS (
    SELECT user_id, coalesce(server_name, '') AS server, tool_name, sum(past_days) AS days, min(calling_since) AS since
    FROM tool_uses WHERE past_days > 0 AND user_id IS NOT NULL AND tool_name IS NOT NULL GROUP BY ALL
), habits AS (  -- Good and Turing over tool-days: what share of uses was of tools met once is the chance of the next new one
    SELECT user_id, sum(days) AS uses, count(*) FILTER (days = 1) AS once, min(since) AS since FROM used GROUP BY user_id
), today AS (
    SELECT user_id, server_name, coalesce(server_name, '') AS server, tool_name, min(event_time) AS event_time,
           arg_min(event_id, event_time) AS event_id, arg_min(client, event_time) AS client,
           arg_min(credential_id, event_time) AS credential_id, arg_min(session, event_time) AS session,
           any_value(tool_definition_sha256) AS definition, bool_or(operation_class = 'destructive') AS destroys
    FROM events WHERE fresh AND event_class = 'tool_call' AND user_id IS NOT NULL AND tool_name IS NOT NULL GROUP BY ALL
), renamed AS (
    SELECT tool_definition_sha256 AS definition FROM events WHERE tool_definition_sha256 IS NOT NULL
    GROUP BY ALL HAVING count(DISTINCT tool_name) > 1
), judged AS (
    SELECT t.*, once, uses::BIGINT AS uses, date_diff('day', since, t.event_time) AS days,
           coalesce(destroys, false) OR regexp_matches(lower(tool_name), $grave) AS is_grave,
           1 - pow(1 - (once + 1) / (uses + 1), count(*) OVER (PARTITION BY user_id)) AS p_value
    FROM today t JOIN habits USING (user_id)
    WHERE since <= $from - to_days($history_days) AND (definition IS NULL OR definition NOT IN (FROM renamed))
)
SELECT j.* EXCLUDE (server, event_id, definition, destroys, is_grave), [event_id] AS evidence,
       if(is_grave, '; it is of the grave kind', '') AS grave, if(is_grave, 0.7, 0.5) AS confidence,
       concat_ws('|', user_id, server, tool_name) AS key
FROM judged j ANTI JOIN used u ON u.user_id = j.user_id AND u.server = j.server AND u.tool_name = j.tool_name
WHERE p_value <= if(is_grave, $grave_alpha, $alpha)
