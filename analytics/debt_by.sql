-- Debt by {by}: of the whole period, of a day at the current pace (of keys still valid), and days to zero if the
-- trend of the last four weeks goes on (null: it does not fall, or not within a year).
WITH trend AS (
    SELECT g.name, d.day, coalesce(sum(t.debt), 0) AS debt
    FROM (SELECT DISTINCT {by} AS name FROM days) g
    CROSS JOIN (SELECT DISTINCT day FROM days WHERE day >= $whole_to::DATE - 28 AND day >= $whole_from::DATE AND day < $whole_to::DATE) d
    LEFT JOIN days t ON t.{by} IS NOT DISTINCT FROM g.name AND t.day = d.day
    GROUP BY ALL
), falls AS (
    SELECT name, regr_slope(debt, day - $whole_to::DATE) AS slope, regr_intercept(debt, day - $whole_to::DATE) AS level
    FROM trend GROUP BY name
)
SELECT {by} AS "{by}", count(DISTINCT credential_id) AS credentials, sum(debt) AS debt, sum(structural) AS structural,
       coalesce(sum(debt) FILTER (live AND day >= $pace_from::DATE), 0) / $pace_days AS pace,
       CASE WHEN sum(debt) = 0 OR any_value(f.level) <= 0 THEN NULL
            WHEN any_value(f.slope) < -1e-9 AND any_value(f.level / -f.slope) <= 365 THEN ceil(any_value(f.level / -f.slope))::BIGINT END AS days_to_zero,
       max_by(proof, proof_time) AS proof
FROM days LEFT JOIN falls f ON f.name IS NOT DISTINCT FROM days.{by}
GROUP BY {by} ORDER BY debt DESC, structural DESC, {by}
