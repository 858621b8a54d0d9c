-- The events that findings rest on, in order of time.
SELECT event_time, coalesce(user_email, user_id) AS user, coalesce(client_oauth_id, client_name, agent_id) AS client,
       credential_id, server_name AS server, coalesce(tool_name, resource_uri, event_kind) AS what, decision,
       outcome, coalesce(decision_reason, error_message) AS said, event_id
FROM events WHERE event_id IN (SELECT unnest($events)) ORDER BY event_time, event_id
