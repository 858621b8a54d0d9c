-- Everything of one session in order, each reached event with the earlier denial it got around, if any.
-- A reached event gets around a denial when it comes later and names the same resource, or has the same arguments,
-- or shares a value that no call had reached before the denial; or, where arguments were not seen, is the same tool.
WITH story AS (
    SELECT *, event_class = 'denial' AS denied,
           event_class = 'tool_call' AND outcome IN ('success', 'tool_error', 'input_required') AS reached,
           row_number() OVER (
               ORDER BY event_time, source_topic, source_partition, source_offset, sub_index) AS place
    FROM events WHERE session_key = $session
), leaves AS (
    SELECT event_id, place, denied, reached, unnest(args_leaves) AS leaf FROM story
), fresh AS (
    SELECT d.event_id, d.place, d.leaf FROM leaves d
    WHERE d.denied AND NOT EXISTS (FROM leaves e WHERE e.reached AND e.leaf = d.leaf AND e.place < d.place)
), shared AS (
    SELECT DISTINCT d.event_id AS denied_event, r.event_id AS reached_event
    FROM fresh d JOIN leaves r ON r.leaf = d.leaf AND r.reached AND r.place > d.place
), pairs AS (
    SELECT r.event_id AS reached_event, d.event_id AS denied_event, d.event_time AS denied_time, d.place,
           d.tool_name AS denied_tool, d.server_name AS denied_server,
           CASE WHEN r.resource_uri = d.resource_uri THEN 'same resource'
                WHEN r.args_hmac = d.args_hmac AND len(d.args_keys) > 0 THEN 'same arguments'
                WHEN s.denied_event IS NOT NULL THEN 'shared value'
                WHEN d.args_hmac IS NULL AND d.resource_uri IS NULL AND r.tool_name = d.tool_name
                     AND r.server_name IS NOT DISTINCT FROM d.server_name THEN 'same tool' END AS link
    FROM story d JOIN story r ON d.denied AND r.reached AND r.outcome = 'success' AND r.place > d.place
    LEFT JOIN shared s ON s.denied_event = d.event_id AND s.reached_event = r.event_id
), nearest AS (
    FROM pairs WHERE link IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY reached_event ORDER BY link = 'shared value', place DESC) = 1
)
SELECT event_time, event_id, event_class, event_kind, coalesce(tool_name, prompt_name, mcp_method, event_kind) AS attempted,
       args_json AS arguments, args_keys AS argument_names, args_state, decision, decision_source, decision_reason,
       decision_basis, policy_id, gateway_name, server_name, resource_uri, outcome, http_status, error_message,
       duration_ms, user_id, client_name, credential_id, denied, reached,
       CASE WHEN n.link IS NOT NULL THEN 'denied, then reached' WHEN denied THEN 'denied' END AS mark,
       n.denied_event, n.denied_time, n.denied_tool, n.denied_server, n.link
FROM story LEFT JOIN nearest n ON n.reached_event = story.event_id
ORDER BY story.place
