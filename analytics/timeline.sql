-- Everything of one session in order, each reached event with the earlier denial it got around, if any, and by what
-- other way. Stands on `story`.
WITH {ways_around}
SELECT r.event_time, r.event_id, r.event_class, r.event_kind,
       coalesce(r.tool_name, r.prompt_name, r.mcp_method, r.event_kind) AS attempted,
       r.args_json AS arguments, r.args_keys AS argument_names, r.args_state, r.decision, r.decision_source,
       r.decision_reason, r.decision_basis, r.policy_id, r.gateway_name, r.server_name, r.resource_uri, r.outcome,
       r.http_status, r.error_message, r.duration_ms, r.user_id, r.client_name, r.credential_id, r.denied, r.reached,
       CASE WHEN n.link IS NOT NULL THEN 'denied, then reached' WHEN r.denied THEN 'denied' END AS mark,
       n.denied_event, n.denied_time, n.denied_tool, n.denied_server, n.link,
       n.way,
       r.result_state, r.user_email, r.user_assurance, r.delegation, r.client, r.client_oauth_id, r.client_version,
       r.client_identity_source, r.credential_kind, r.auth_method, r.client_address, r.user_agent, r.agent_name,
       r.model_name, r.tool_call_id, r.session_key, r.source_system, r.vantage, r.evidence_kind, r.parse_warnings,
       r.recorded_time, r.ingest_time, r.joined_by, r.log_odds, r.linked_to
FROM story r LEFT JOIN ways_around n ON n.reached_event = r.event_id
ORDER BY r.place
