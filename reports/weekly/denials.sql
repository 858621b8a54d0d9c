-- What was refused most in the week, and in the week before.
SELECT server_name AS server, tool_name AS tool, count(*) FILTER (event_time >= $week::TIMESTAMPTZ) AS denied,
       count(*) FILTER (event_time < $week::TIMESTAMPTZ) AS before,
       count(DISTINCT coalesce(user_id, user_email)) FILTER (event_time >= $week::TIMESTAMPTZ) AS people,
       mode(decision_reason) AS usual_reason
FROM events WHERE event_class = 'denial' AND event_time >= $before AND event_time < $until
GROUP BY ALL HAVING denied > 0 ORDER BY denied DESC, server, tool
