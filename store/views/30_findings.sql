-- What detections found, newest revision each, with what people said of it (open: nothing yet).
CREATE VIEW findings AS
SELECT f.* EXCLUDE (revision, found_date), coalesce(t.state, 'open') AS state, t.reason, t.judge
FROM (
    FROM finding_states QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY revision DESC, found_time DESC, event_time DESC) = 1
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

-- Findings with what each adds to the risk: severity (info 1, low 10, medium 30, high 60, critical 100) times confidence.
-- What was judged false adds nothing, nor does a roll-out.
CREATE VIEW finding_weights AS
SELECT f.*, l.incident,
       CASE WHEN state = 'false' OR rollout THEN 0 ELSE confidence * CASE severity
           WHEN 'critical' THEN 100 WHEN 'high' THEN 60 WHEN 'medium' THEN 30 WHEN 'low' THEN 10 ELSE 1 END END AS weight
FROM findings f LEFT JOIN (
    FROM incident_links QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY revision DESC, linked_time DESC) = 1
) l USING (finding_id);

-- One row per incident: findings of one story, by session, or by user or credential within hours. Of each detection the
-- heaviest finding counts whole, the next half, and so on: a noisy detection adds at most twice its heaviest.
CREATE VIEW incidents AS
SELECT incident, round(sum(weight * pow(0.5, nth - 1)), 1) AS risk, min(event_time) AS first, max(event_time) AS last,
       count(*) AS findings, list(DISTINCT detection ORDER BY detection) AS detections,
       list(DISTINCT user_id ORDER BY user_id) FILTER (user_id IS NOT NULL) AS users,
       list(DISTINCT credential_id ORDER BY credential_id) FILTER (credential_id IS NOT NULL) AS credentials,
       list(DISTINCT session ORDER BY session) FILTER (session IS NOT NULL) AS sessions,
       list(finding_id ORDER BY event_time, finding_id) AS finding_ids,
       count(*) FILTER (state = 'open') AS open
FROM (
    SELECT *, row_number() OVER (PARTITION BY incident, detection ORDER BY weight DESC, finding_id) AS nth
    FROM finding_weights WHERE incident IS NOT NULL
) GROUP BY incident;

-- Risk of each user, client, credential and server: weights of its findings, added up as those of an incident are.
CREATE VIEW risk AS
SELECT kind, entity, round(sum(weight * pow(0.5, nth - 1)), 1) AS risk, count(*) AS findings,
       count(DISTINCT incident) AS incidents, max(event_time) AS last
FROM (
    SELECT *, row_number() OVER (PARTITION BY kind, entity, detection ORDER BY weight DESC, finding_id) AS nth
    FROM (
        UNPIVOT (SELECT finding_id, detection, weight, incident, event_time, user_id, client, credential_id, server_name
                 FROM finding_weights)
        ON user_id, client, credential_id, server_name INTO NAME kind VALUE entity
    )
) GROUP BY kind, entity;
