-- Findings of the week, the gravest first.
SELECT left(finding_id, 8) AS finding, severity, title, coalesce(user_id, client, credential_id, server_name) AS who,
       event_time, explanation, state, finding_id, event_time >= $week::TIMESTAMPTZ AS this_week
FROM findings WHERE event_time >= $before AND event_time < $until AND NOT rollout
ORDER BY list_position(['critical', 'high', 'medium', 'low', 'info'], severity), confidence DESC, event_time, finding_id
