-- Calls of each of fourteen days: answered or otherwise not refused, and denied.
SELECT event_time::DATE AS day, event_time >= $week::TIMESTAMPTZ AS this_week,
       count(*) FILTER (event_class = 'tool_call') AS passed, count(*) FILTER (event_class = 'denial') AS denied
FROM events WHERE event_time >= $before AND event_time < $until AND event_class IN ('tool_call', 'denial')
GROUP BY ALL ORDER BY ALL
