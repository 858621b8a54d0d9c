-- Everything of one session in order, each reached event with the earlier denial it got around, if any.
WITH story AS (
    SELECT *, $session AS session, event_class = 'denial' AS denied,
           event_class = 'tool_call' AND outcome IN ('success', 'tool_error', 'input_required') AS reached,
           row_number() OVER (
               ORDER BY event_time, source_topic, source_partition, source_offset, sub_index) AS place
    FROM events WHERE {events}
), {ways_around}
SELECT event_time, event_id, event_class, event_kind, coalesce(tool_name, prompt_name, mcp_method, event_kind) AS attempted,
       args_json AS arguments, args_keys AS argument_names, args_state, decision, decision_source, decision_reason,
       decision_basis, policy_id, gateway_name, server_name, resource_uri, outcome, http_status, error_message,
       duration_ms, user_id, client_name, credential_id, denied, reached,
       CASE WHEN n.link IS NOT NULL THEN 'denied, then reached' WHEN denied THEN 'denied' END AS mark,
       n.denied_event, n.denied_time, n.denied_tool, n.denied_server, n.link
FROM story LEFT JOIN ways_around n ON n.reached_event = story.event_id
ORDER BY story.place
