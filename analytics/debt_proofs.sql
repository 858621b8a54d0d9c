-- Servers on which a short-lived credential succeeded, by day, with the day's last event that shows it.
SELECT server_name, event_time::DATE AS day, max(event_time) AS proof_time, max_by(event_id, (event_time, event_id)) AS proof
FROM events
WHERE event_time >= $since::TIMESTAMPTZ - to_days($proof_days + 1) AND event_time < $until AND server_name IS NOT NULL
  AND event_class = 'tool_call' AND outcome = 'success' AND credential_id IS NOT NULL
  AND (expires_at - issued_at <= to_seconds($longest)
       OR (expires_at IS NULL OR issued_at IS NULL) AND credential_kind IN ('oauth_access_token', 'session', 'jit'))
GROUP BY ALL
