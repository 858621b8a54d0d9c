-- title = "A source fell silent"
-- severity = "medium"
-- confidence = 0.7
-- why = "A source that should have written wrote nothing for hours, while others did: records were lost, held back or switched off, and what happened meanwhile is not in evidence. What is usual is learned for each hour of working days and of weekends."
-- next = "Ask the source's operator; ingest what was held back. Until then no absence of events in that time is evidence of anything."
-- false_positives = ["holidays and maintenance", "a day whose logs have not come in yet (only hours before the last event of another source count)"]
-- requires = []
-- explain = "{source} wrote nothing for {hours} hours from {since}; {expected} events were to be expected"
-- tags = ["MCP08", "PR.PS-04", "RS.AN-06", "RS.AN-07"]
-- lookback_hours = 24
-- [parameters]
-- history_days = 14
-- most_likely = 1e-6
-- # The p-value is that of no event in any of the hours: Poisson with the hour's own mean, but never less than how
-- # often that hour was empty before (add-half estimate), for bursts make Poisson too sure.
WITH counts AS (
    SELECT concat_ws('/', source_system, source_instance) AS source, hour, sum(events) AS n
    FROM (SELECT source_system, source_instance, hour, sum(events) AS events FROM user_hours GROUP BY ALL)
    WHERE hour < $from AND hour >= $from - INTERVAL 56 DAY AND source_system IS NOT NULL GROUP BY ALL
), sources AS (
    SELECT source, min(hour) AS since FROM counts GROUP BY source HAVING min(hour) <= $from - to_days($history_days)
), slots AS (
    SELECT g.source, hour(h) AS hour, isodow(h) > 5 AS weekend, count(*) AS days, coalesce(sum(n), 0) / count(*) AS mean,
           (count(*) FILTER (n IS NULL) + 0.5) / (count(*) + 1) AS empty
    FROM (SELECT source, unnest(range(since, $from, INTERVAL 1 HOUR)) AS h FROM sources) g LEFT JOIN counts c ON c.source = g.source AND c.hour = g.h
    GROUP BY ALL
), seen AS (
    -- no hour has a gap of an hour in it: its first event and its last are enough
    SELECT concat_ws('/', source_system, source_instance) AS source, unnest([
        {event_id: first.e, event_time: first.t, fresh: first.f}, {event_id: last.e, event_time: last.t, fresh: last.f}], recursive := true)
    FROM (SELECT source_system, source_instance, min({t: event_time, e: event_id, f: fresh}) AS first,
                 max({t: event_time, e: event_id, f: fresh}) AS last
          FROM events GROUP BY source_system, source_instance, epoch_us(event_time) // 3600000000)
), around AS (   -- each event with the next of its source; at the end, the last event of any other source
    SELECT s.source, s.event_id, s.event_time, s.fresh, lead(event_id) OVER w AS next_event, lead(event_time) OVER w AS next_time, lead(fresh) OVER w AS next_fresh
    FROM seen s SEMI JOIN sources USING (source) WINDOW w AS (PARTITION BY source ORDER BY event_time, event_id)
), others AS (
    SELECT s.source, max(o.event_time) AS until FROM sources s JOIN seen o ON o.source <> s.source GROUP BY s.source
), gaps AS (
    SELECT a.*, coalesce(a.next_time, o.until) AS until FROM around a LEFT JOIN others o USING (source)
    WHERE coalesce(next_fresh, true) AND coalesce(a.next_time, o.until) >= greatest(a.event_time + INTERVAL 1 HOUR, $from)
), likely AS (
    SELECT g.source, g.event_id, g.event_time, g.until, g.next_event, g.next_time, count(*) AS hours, sum(s.mean) AS expected,
           exp(sum(greatest(-s.mean, ln(s.empty)))) AS p_value
    FROM (SELECT *, unnest(range(date_trunc('hour', event_time) + INTERVAL 1 HOUR, date_trunc('hour', until), INTERVAL 1 HOUR)) AS h FROM gaps) g
    JOIN slots s ON s.source = g.source AND s.hour = hour(g.h) AND s.weekend = (isodow(g.h) > 5) GROUP BY ALL
)
SELECT source, hours, expected, strftime(event_time, '%Y-%m-%d %H:%M') AS since, p_value, coalesce(next_time, event_time) AS event_time,
       CASE WHEN next_event IS NULL THEN [event_id] ELSE [event_id, next_event] END AS evidence, concat_ws(' ', source, event_time::DATE, hour(event_time)) AS key
FROM likely WHERE p_value <= $most_likely
