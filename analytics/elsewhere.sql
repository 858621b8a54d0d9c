-- What the people of a session did in other sessions around it: denials, and what they reached.
SELECT e.event_id, event_time, event_class, tool_name, server_name, resource_uri, args_keys, args_hmac, args_leaves, outcome,
       credential_id, coalesce(client_oauth_id, client_name) AS client, event_class = 'denial' AS denied,
       event_class = 'tool_call' AND outcome = 'success' AS reached,
       coalesce(j.session, session_key) AS session
FROM events e LEFT JOIN (
    SELECT event_id, session FROM session_events WHERE event_time BETWEEN $since AND $until
) j USING (event_id)
WHERE event_time BETWEEN $since AND $until
  AND (user_id IN (SELECT unnest($people)) OR lower(user_email) IN (SELECT unnest($addresses)))
  AND (event_class = 'denial' OR ($also_reached AND event_class = 'tool_call' AND outcome = 'success'))
ORDER BY event_time LIMIT $most
