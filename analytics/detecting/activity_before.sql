-- Of `kept_activity` (all hours ever kept) those before a moment, of each day as last counted.
SELECT * EXCLUDE (day, revision) FROM (SELECT *, epoch_us(hour) // 86400000000 AS day FROM kept_activity)
SEMI JOIN (
    SELECT epoch_us(hour) // 86400000000 AS day, max(revision) AS revision FROM kept_activity GROUP BY ALL
) USING (day, revision)
WHERE hour < $moment
