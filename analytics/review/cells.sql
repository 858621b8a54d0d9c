-- Calls of tools in the period by who, with what, and which tool, as the events name them. A cell that grants begin or
-- end within is cut: `segment` counts the cuts before a call. `outside` are the resource scopes it certainly was not in.
CREATE OR REPLACE TABLE {into} AS
WITH calls AS (
    SELECT user_id, user_email, client_oauth_id, client_name, agent_id, agent_name, credential_id, server_name, tool_name,
           operation_class, event_time, event_id,
           event_class = 'tool_call' AND list_contains($reached, outcome) AS reached,
           event_class = 'denial' AND decision_source IS DISTINCT FROM 'rate_limit' AS refused,
           {outside} AS outside
    FROM lake_events
    WHERE event_time >= $since AND event_time < $until AND event_class IN ('tool_call', 'denial') AND tool_name IS NOT NULL
), keyed AS (
    SELECT *, hash(user_id, user_email, client_oauth_id, client_name, agent_id, agent_name, credential_id, server_name, tool_name) AS key
    FROM calls WHERE reached OR refused
)
SELECT key, {segment} AS segment, outside,
       any_value(user_id) AS user_id, any_value(user_email) AS user_email, any_value(client_oauth_id) AS client_oauth_id, any_value(client_name) AS client_name,
       any_value(agent_id) AS agent_id, any_value(agent_name) AS agent_name, any_value(credential_id) AS credential_id,
       any_value(server_name) AS server_name, any_value(tool_name) AS tool_name,
       min(nullif(operation_class, 'unknown')) AS operation_class,
       count(*) FILTER (reached) AS calls, count(*) FILTER (refused) AS denied,
       count(*) FILTER (reached AND event_time < $split) AS early,
       min(event_time) AS lo, max(event_time) AS hi,
       min(event_time) FILTER (reached) AS first_use, max(event_time) FILTER (reached) AS last_use,
       min(event_time) FILTER (refused) AS first_denied, max(event_time) FILTER (refused) AS last_denied,
       arg_min(event_id, event_time) FILTER (reached) AS first_event, arg_max(event_id, event_time) FILTER (reached) AS last_event,
       arg_min(event_id, event_time) FILTER (refused) AS first_refusal, arg_max(event_id, event_time) FILTER (refused) AS last_refusal,
       bitstring_agg(((epoch_us(event_time) - epoch_us($since)) // ($window_seconds::BIGINT * 1000000))::INTEGER, 0, $windows::INTEGER)
           FILTER (reached) AS bits
FROM keyed {join} GROUP BY key, segment, outside;
