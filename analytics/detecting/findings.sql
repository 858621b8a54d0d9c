-- Findings, the gravest first. With a budget: of each day the gravest, and among those the least likely by chance, no
-- more than the budget. q_value is the p-value corrected for all findings of that day (Benjamini and Hochberg 1995); what
-- a detection asked and did not find is not among them, so that it ranks findings and is no rate of false ones.
WITH ranked AS (
    SELECT *, event_time::DATE AS day,
           list_position(['info', 'low', 'medium', 'high', 'critical'], severity) AS gravity,
           row_number() OVER (PARTITION BY event_time::DATE ORDER BY p_value NULLS LAST) AS place,
           count(p_value) OVER (PARTITION BY event_time::DATE) AS tests
    FROM findings
), corrected AS (
    SELECT *, min(p_value * tests / place) OVER (
        PARTITION BY day ORDER BY place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS q
    FROM ranked
)
SELECT finding_id, severity, detection, title, event_time, user_id, client, credential_id, server_name, tool_name,
       session, round(confidence, 2) AS confidence, p_value, least(q, 1) AS q_value, explanation, evidence, tags, rollout,
       state
FROM corrected
WHERE $every OR (state = 'open' AND NOT rollout)
QUALIFY $budget IS NULL OR row_number() OVER (
    PARTITION BY day ORDER BY gravity DESC, coalesce(q, 1 - confidence), p_value, event_time, finding_id) <= $budget
ORDER BY gravity DESC, coalesce(q, 1 - confidence), p_value, event_time DESC, finding_id
