-- Credentials and people who may still act, and did nothing for longer than it takes to judge a grant.
WITH active AS (
    SELECT kind, who, min(first_use) AS first_use, max(last_use) AS last_use
    FROM acts JOIN cells USING (cell) WHERE calls > 0 GROUP BY ALL
), held AS (
    SELECT kind, who, count(DISTINCT entitlement_id) AS grants FROM holders WHERE present AND effect = 'permit' GROUP BY ALL
)
SELECT CASE principal_kind WHEN 'human' THEN 'person' ELSE principal_kind END AS what, i.principal AS name, i.owner, a.last_use,
       date_diff('day', a.last_use, $until::TIMESTAMPTZ) AS idle_days, coalesce(h.grants, 0) AS grants
FROM inventory i
LEFT JOIN active a ON a.who = i.principal AND a.kind = CASE i.principal_kind WHEN 'agent' THEN 'client' ELSE i.principal_kind END
LEFT JOIN held h ON h.who = i.principal AND h.kind = CASE i.principal_kind WHEN 'agent' THEN 'client' ELSE i.principal_kind END
WHERE i.status = 'active' AND (i.until IS NULL OR i.until > $until) AND coalesce(i.since, $since) <= $until::TIMESTAMPTZ - to_days($least_days::INTEGER)
  AND i.principal_kind IN ('human', 'client', 'agent', 'credential')
  AND (i.principal_kind = 'credential' OR h.grants > 0)
  AND (a.last_use IS NULL OR a.last_use < $until::TIMESTAMPTZ - to_days($least_days::INTEGER))
  AND (SELECT max(last) - min(first) >= to_days($least_days::INTEGER) FROM hours)
ORDER BY what, idle_days DESC NULLS FIRST, grants DESC, name
