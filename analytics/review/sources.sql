-- What each source could show: how much, of whom, and how long it was silent.
WITH by_hour AS (
    SELECT concat_ws(' ', source_system, source_instance) AS source, hour, sum(events) AS events, min(first) AS first,
           max(last) AS last, sum(with_human) AS with_human, sum(with_client) AS with_client, sum(with_credential) AS with_credential,
           flatten(list(evidence_kinds)) AS kinds, list(DISTINCT server_name) AS servers
    FROM hours GROUP BY ALL
), spaced AS (
    SELECT *, epoch(hour - lag(hour) OVER (PARTITION BY source ORDER BY hour)) / 3600 - 1 AS silent FROM by_hour
)
SELECT source, list_sort(list_distinct(flatten(list(kinds)))) AS evidence_kinds,
       list_sort(list_distinct(flatten(list(servers)))) AS servers, sum(events)::BIGINT AS events, min(first) AS first, max(last) AS last,
       ceil(epoch($until::TIMESTAMPTZ - $since::TIMESTAMPTZ) / 3600)::BIGINT AS hours, count(*) AS hours_with_events,
       count(*) FILTER (silent >= 24) AS gaps, coalesce(max(silent), 0)::DOUBLE AS longest_gap_hours,
       (sum(with_human) / sum(events))::DOUBLE AS with_human, (sum(with_client) / sum(events))::DOUBLE AS with_client,
       (sum(with_credential) / sum(events))::DOUBLE AS with_credential
FROM spaced GROUP BY source ORDER BY events DESC, source
