-- title = "A dormant credential wakes"
-- severity = "medium"
-- confidence = 0.6
-- why = "A long-lived credential that nobody used for weeks is used again: forgotten keys are found by others before they are cleaned up."
-- next = "Ask its owner whether they used it today. If nobody did, revoke it; if it is needed this seldom, replace it by a short-lived one."
-- false_positives = ["a job that runs each quarter: its own longest pause is learnt", "a time for which no events were recorded at all"]
-- requires = ["credential_id", "credential_kind"]
-- explain = "This {credential_kind} had not been used for {days} days; its longest pause before was {longest} days, on {later} of those days others were recorded"
-- tags = ["NHI1", "NHI7", "AML.T0012", "PR.AA-01"]
-- [parameters]
-- idle_days = 30
-- times_longest = 1.5
-- least_recorded = 0.5
WITH woken AS (
    FROM events WHERE fresh AND credential_kind NOT IN ('oauth_access_token', 'session', 'jit') AND event_kind <> 'entity_change'
    QUALIFY row_number() OVER (PARTITION BY credential_id ORDER BY event_time, event_id) = 1
), uses AS (
    SELECT credential_id, day, max(last_time) AS last_time, arg_max(last_event, last_time) AS last_event
    FROM credential_days WHERE past AND change IS NULL AND credential_id IN (SELECT credential_id FROM woken) GROUP BY ALL
), pauses AS (
    SELECT *, date_diff('day', lag(day) OVER (PARTITION BY credential_id ORDER BY day), day) AS pause FROM uses
), before AS (
    SELECT credential_id, max(day) AS day, arg_max(last_event, last_time) AS last_event, max(pause) AS longest, count(pause) AS pauses
    FROM pauses GROUP BY credential_id
), recorded AS ( -- of each day, on how many later days anything at all was recorded
    SELECT day, row_number() OVER (ORDER BY day DESC) - 1 AS later FROM (
        SELECT DISTINCT DATE '1970-01-01' + day::INTEGER AS day FROM past_days)
)
SELECT w.user_id, w.client, w.credential_id, w.server_name, w.tool_name, w.session, w.event_time, w.credential_kind,
       date_diff('day', b.day, w.event_time::DATE) AS days, coalesce(b.longest::VARCHAR, 'not yet seen') AS longest, r.later,
       -- the empirical tail: none of its own pauses was as long; with fewer than ten there is no tail to speak of
       CASE WHEN b.pauses >= 10 THEN 1 / (b.pauses + 1) END AS p_value,
       [b.last_event, w.event_id] AS evidence, concat_ws('|', w.credential_id, b.last_event) AS key
FROM woken w JOIN before b USING (credential_id) JOIN recorded r USING (day)
WHERE days >= $idle_days AND days > $times_longest * coalesce(b.longest, 0) AND r.later >= $least_recorded * (days - 1)
