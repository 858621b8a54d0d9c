-- The findings of an incident in order of time.
SELECT w.* EXCLUDE (weight, incident), round(w.weight, 1) AS weight FROM finding_weights w
WHERE w.incident = $incident ORDER BY event_time, finding_id
