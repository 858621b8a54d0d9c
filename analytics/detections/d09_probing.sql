-- title = "Probing after refusals"
-- severity = "high"
-- confidence = 0.7
-- why = "Refused here, tried there: many different refusals in a short time are someone, or a model, looking for what is open."
-- next = "See what was reached afterwards, and whether the credential belongs to who used it."
-- false_positives = ["a policy roll-out: many people are refused on one server: one note instead", "rate limits and outages, which say nothing of rights", "one tool tried again and again"]
-- requires = ["decision_source"]
-- explain = "{count} different tools or resources were refused within {minutes} minutes, the last {tool_name} on {server_name}; of {tried} attempts {refused} were refused where {usual} % is usual (chance at most {p_value})"
-- tags = ["MCP02", "MCP07", "ASI03", "AML.T0006", "AML.T0084.001", "PR.AA-05", "DE.AE-02"]
-- rollout = ["server_name"]
-- lookback_hours = 1
-- [parameters]
-- distinct_targets = 5
-- minutes_within = 10
-- alpha = 1e-3
-- probing_share = 0.5
-- not_rights = ["rate_limit", "transport", "quarantine", "user_prompt"]
WITH tries AS NOT MATERIALIZED (
    SELECT event_id, event_time, user_id, client, credential_id, server_name, tool_name, session, fresh, source_system,
           coalesce(user_id, credential_id, client) AS who, denied AND decision_source NOT IN (SELECT unnest($not_rights)) AS refused,
           concat_ws('|', coalesce(server_name, ''), coalesce(tool_name, ''), coalesce(resource_uri, '')) AS target
    FROM events WHERE (attempted OR denied) AND coalesce(user_id, credential_id, client) IS NOT NULL
     AND NOT (denied AND coalesce(decision_source IN (SELECT unnest($not_rights)), false))
), usual AS (
    SELECT greatest(0.02, least(0.25, coalesce(sum(denied) / sum(calls + denied), 0.02))) AS share FROM past_days
), windows AS (
    SELECT *, count(DISTINCT target) FILTER (refused) OVER recent AS targets, count(*) OVER recent AS tried, sum(refused::INT) OVER recent AS denials
    FROM tries WHERE who IN (SELECT who FROM tries WHERE refused GROUP BY who HAVING count(DISTINCT target) >= $distinct_targets)
    WINDOW recent AS (PARTITION BY who, source_system ORDER BY event_time RANGE BETWEEN to_minutes($minutes_within) PRECEDING AND CURRENT ROW)
), crossed AS (  -- Wald's likelihood ratio; that it ever exceeds 1/alpha by chance has at most the chance alpha (Ville 1939)
    SELECT *, least(1, exp(-(denials * ln($probing_share / share) + (tried - denials) * ln((1 - $probing_share) / (1 - share))))) AS p_value, share
    FROM windows, usual WHERE refused AND fresh AND targets >= $distinct_targets AND p_value <= $alpha
    QUALIFY row_number() OVER (PARTITION BY who ORDER BY event_time, event_id) = 1
), found AS (
    SELECT c.who, t.event_id, t.event_time, t.target FROM crossed c JOIN tries t ON t.who = c.who AND t.source_system = c.source_system
     AND t.refused AND t.event_time BETWEEN c.event_time - to_minutes($minutes_within) AND c.event_time
    QUALIFY row_number() OVER (PARTITION BY c.who, t.target ORDER BY t.event_time, t.event_id) = 1
)
SELECT c.user_id, c.client, c.credential_id, c.server_name, c.tool_name, c.session, c.event_time, c.tried, c.denials::BIGINT AS refused,
       round(100 * c.share, 1) AS usual, c.p_value, count(*) AS count,
       round(date_diff('second', min(f.event_time), max(c.event_time)) / 60, 1) AS minutes,
       list(f.event_id ORDER BY f.event_time, f.event_id) AS evidence, concat_ws('|', c.who, $from::DATE) AS key
FROM crossed c JOIN found f USING (who) GROUP BY ALL
