-- What detections found, newest revision each, with what people said of it (open: nothing yet).
CREATE VIEW findings AS
SELECT f.* EXCLUDE (revision, found_date), coalesce(t.state, 'open') AS state, t.reason, t.judge
FROM (
    FROM finding_states QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY revision DESC, found_time DESC) = 1
) f LEFT JOIN (
    SELECT finding_id, arg_max(state, triage_time) AS state, arg_max(reason, triage_time) AS reason,
           arg_max(judge, triage_time) AS judge
    FROM triage GROUP BY finding_id
) t USING (finding_id);

-- What each detection could say, the last time it was asked, of each day.
CREATE VIEW coverage AS
SELECT detection, window_from::DATE AS day, status, missing, findings, seconds, evaluated_time FROM evaluations
QUALIFY row_number() OVER (PARTITION BY detection, window_from ORDER BY revision DESC, evaluated_time DESC) = 1;

-- How each detection did by what people said of its findings: keep, tune, retire, or not enough said yet.
CREATE VIEW scorecard AS
SELECT *, CASE WHEN judged < 10 THEN 'not enough said' WHEN precision >= 0.85 THEN 'keep'
               WHEN precision >= 0.3 THEN 'tune' ELSE 'retire' END AS advice
FROM (
    SELECT detection, count(*) AS findings, count(*) FILTER (state = 'true') AS true_findings,
           count(*) FILTER (state = 'false') AS false_findings, count(*) FILTER (state = 'accepted') AS accepted,
           true_findings + false_findings + accepted AS judged,
           round((true_findings + accepted) / nullif(judged, 0), 3) AS precision
    FROM findings WHERE NOT rollout GROUP BY detection
);
