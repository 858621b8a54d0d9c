-- What each of some credentials tried on which server, and whether it was always refused.
SELECT credential_id, server_name, tool_name, bool_and(event_class = 'denial') AS refused
FROM events
WHERE event_time < $until AND credential_id IN (SELECT unnest($ids::VARCHAR[])) AND event_kind NOT IN ('entity_change', 'policy_change')
GROUP BY ALL
