-- Every event of one session once, in order, with why it was joined to it. `place` counts from 1.
SELECT e.event_id, event_time, event_class, event_kind, mcp_method, tool_name, prompt_name, server_name, gateway_name,
       resource_uri, operation_class, args_json, args_keys, args_state, args_hmac, args_leaves, result_state, result_leaves,
       decision, decision_source, decision_reason, decision_basis, policy_id, outcome, http_status, error_message,
       duration_ms, response_bytes, user_id, user_email, user_assurance, delegation, client_name, client_version,
       client_oauth_id, client_identity_source, user_agent, client_address, agent_name, model_name, credential_id,
       credential_kind, auth_method, tool_call_id, session_key, source_system, source_format, source_instance, vantage,
       evidence_kind, parse_warnings, recorded_time, ingest_time, source_topic, source_partition, source_offset, sub_index,
       $session AS session, event_class = 'denial' AS denied,
       event_class = 'tool_call' AND outcome IN ('success', 'tool_error', 'input_required') AS reached,
       coalesce(client_oauth_id, client_name) AS client,
       j.joined_by, j.log_odds, j.linked_to,
       row_number() OVER (
           ORDER BY event_time, source_topic, source_partition, source_offset, sub_index) AS place
FROM events e LEFT JOIN (
    SELECT event_id, joined_by, log_odds, linked_to FROM session_events
    WHERE session = $session AND event_time BETWEEN $first AND $last
) j ON j.event_id = e.event_id
WHERE {events}
QUALIFY row_number() OVER (PARTITION BY e.event_id ORDER BY ingest_time) = 1
ORDER BY place
