-- What each source sent in the two weeks, and in how many of the week's hours it was heard.
SELECT source_system AS source, count(*) FILTER (event_time >= $week::TIMESTAMPTZ) AS events,
       count(*) FILTER (event_time < $week::TIMESTAMPTZ) AS before, max(event_time) AS last,
       count(DISTINCT date_trunc('hour', event_time)) FILTER (event_time >= $week::TIMESTAMPTZ) AS hours_heard
FROM events WHERE event_time >= $before AND event_time < $until GROUP BY ALL ORDER BY events DESC, source
