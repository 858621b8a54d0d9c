-- What each credential owes each day for each server it reaches, in privileged idle key-days: avoidable as debt, the
-- rest as structural exposure. The idle time is the credential's own, the weight the server's.
CREATE TABLE days AS
WITH valid AS (
    SELECT *, unnest(generate_series(date_trunc('day', begins), ends - INTERVAL 1 MICROSECOND, INTERVAL 1 DAY)) AS midnight
    FROM keys WHERE ends > begins
), idle AS (
    SELECT v.credential_id, v.owner, v.live, v.midnight::DATE AS day,
           (epoch(least(ends, midnight + INTERVAL 1 DAY)) - epoch(greatest(begins, midnight)) - coalesce(c.seconds, 0)) / 86400 AS idle
    FROM valid v LEFT JOIN covered c ON c.credential_id = v.credential_id AND c.day = v.midnight::DATE
), proven AS (
    SELECT s.server_name, d.day, p.proof, p.proof_time FROM (SELECT DISTINCT server_name FROM weights) s
    CROSS JOIN (SELECT DISTINCT day FROM idle) d
    ASOF JOIN proofs p ON p.server_name = s.server_name AND p.day <= d.day
    WHERE p.day >= d.day - $proof_days
)
SELECT i.credential_id, i.owner, i.live, w.server_name, i.day, w.weight, i.idle,
       CASE WHEN p.proof IS NOT NULL THEN w.weight * i.idle ELSE 0 END AS debt,
       CASE WHEN p.proof IS NULL THEN w.weight * i.idle ELSE 0 END AS structural, p.proof, p.proof_time, 'all' AS everything
FROM idle i JOIN weights w USING (credential_id) LEFT JOIN proven p ON p.server_name = w.server_name AND p.day = i.day
