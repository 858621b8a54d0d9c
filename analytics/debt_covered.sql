-- Seconds of each day that the uses of a credential cover, each use covering the short life of its server: a union, so
-- that uses that overlap count once, cut to the time in which the credential was valid.
WITH keys AS (
    SELECT unnest($ids::VARCHAR[]) AS credential_id, unnest($begins::TIMESTAMPTZ[]) AS begins, unnest($ends::TIMESTAMPTZ[]) AS ends
), uses AS (
    SELECT credential_id, event_time AS a,
           event_time + to_seconds(coalesce(($seconds::DOUBLE[])[list_position($servers::VARCHAR[], server_name)], $short_life)) AS b
    FROM events SEMI JOIN keys USING (credential_id)
    WHERE event_time >= $since::TIMESTAMPTZ - INTERVAL 1 DAY AND event_time < $until
      AND event_class <> 'denial' AND outcome IN ('success', 'tool_error', 'input_required')
      AND event_kind NOT IN ('entity_change', 'policy_change', 'session_close')
), united AS (
    SELECT credential_id, greatest(a, max(b) OVER (PARTITION BY credential_id ORDER BY a, b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS a, b
    FROM uses
), cut AS (
    SELECT credential_id, greatest(a, begins) AS a, least(b, ends) AS b, date_trunc('day', least(b, ends)) AS midnight
    FROM united JOIN keys USING (credential_id) WHERE b > a AND least(b, ends) > greatest(a, begins)
), pieces AS ( -- no use covers more than a day, so it crosses midnight once at most
    SELECT credential_id, a, CASE WHEN a < midnight THEN midnight ELSE b END AS b FROM cut
    UNION ALL SELECT credential_id, midnight, b FROM cut WHERE a < midnight AND midnight < b
)
SELECT credential_id, a::DATE AS day, sum(epoch(b) - epoch(a)) AS seconds FROM pieces GROUP BY ALL
