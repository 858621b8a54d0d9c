-- title = "Not the human it is said to be"
-- severity = "medium"
-- confidence = 0.6
-- why = "A client that a person sits at sleeps when the person does and has the person's own credential. Work at hours this user never works from a client never seen, work without rest, and a desktop client with a service account show someone or something else."
-- next = "Ask the user. If it was not they: end the session, revoke the credential and read what was reached."
-- false_positives = ["declared autonomous agents: other clients are not judged, nor hours usual for the user", "travel: the client is known", "new users: nothing is said before least_days of history"]
-- requires = ["user_id"]
-- explain = "{what}"
-- tags = ["NHI10", "ASI10", "DE.CM-03", "PR.AA-02"]
-- [parameters]
-- interactive = '(chatgpt|claude|codex|copilot|cursor|desktop|goose|openai-mcp|visual studio code|vscode|windsurf|zed)'
-- headless = '(^|[^a-z])(bot|ci|cron|runner|svc)([^a-z]|$)'
-- rest_hours = 6
-- least_days = 10
-- alpha = 0.05
-- kappa = 6.0
WITH worked AS ( -- how many days of which hours
    SELECT user_id, hours, count(*) AS n FROM past_days WHERE user_id IN (SELECT user_id FROM events WHERE fresh) GROUP BY ALL
), hours AS (
    SELECT user_id, h, sum(n)::BIGINT AS n FROM worked, (SELECT unnest(range(24))::INT AS h) WHERE hours & (1 << h) > 0 GROUP BY ALL
), known AS (SELECT user_id, sum(n)::BIGINT AS days FROM worked GROUP BY user_id
), density AS (  -- a von Mises kernel around the clock over the hours worked
    SELECT user_id, c.h, sum(n * exp($kappa * (cos(2 * pi() * (hours.h - c.h) / 24) - 1))) AS dense,
           coalesce(sum(n) FILTER (hours.h = c.h), 0) AS worked
    FROM hours, (SELECT unnest(range(24)) AS h) c GROUP BY ALL
), odd AS (  -- empirical: the share of past hours at least as unusual
    SELECT user_id, h, (1 + sum(worked) OVER (PARTITION BY user_id ORDER BY dense)) / (1 + sum(worked) OVER (PARTITION BY user_id)) AS p_value
    FROM density
), acts AS NOT MATERIALIZED (
    SELECT *, epoch_us(event_time) // 3600000000 % 24 AS h FROM events WHERE fresh AND attempted AND user_id IS NOT NULL
), at_odd_hours AS (
    SELECT a.*, o.p_value, format('work at {:02d}h UTC, as odd as {:.1f} % of this user''s hours over {} days, from a client never seen before ({})',
                                  a.h, 100 * o.p_value, days, client) AS what
    FROM acts a JOIN known k USING (user_id) JOIN odd o ON o.user_id = a.user_id AND o.h = a.h
    WHERE days >= $least_days AND o.p_value <= $alpha AND client IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY a.user_id, client ORDER BY event_time, event_id) = 1
), off AS (
    FROM at_odd_hours a ANTI JOIN (FROM user_hours WHERE past AND user_id IN (SELECT user_id FROM at_odd_hours)) b
      ON b.user_id = a.user_id AND b.client = a.client
), round_the_clock AS (SELECT user_id, client FROM acts GROUP BY ALL HAVING count(DISTINCT h) > 24 - $rest_hours
), asked AS MATERIALIZED ( -- few, so that few names are looked at
    SELECT a.*, r.user_id IS NOT NULL AS tireless FROM acts a
    LEFT JOIN round_the_clock r ON r.user_id = a.user_id AND r.client IS NOT DISTINCT FROM a.client
    WHERE r.user_id IS NOT NULL OR credential_kind = 'service_account'
), human AS (
    FROM asked WHERE regexp_matches(lower(concat_ws(' ', client, client_name, agent_name)), $interactive)
      AND NOT regexp_matches(lower(concat_ws(' ', user_id, client, agent_name)), $headless)
), clock AS (
    SELECT user_id, client, arg_min(event_id, event_time) AS event_id, min(event_time) AS event_time
    FROM human WHERE tireless GROUP BY user_id, client, h QUALIFY count(*) OVER (PARTITION BY user_id, client) > 24 - $rest_hours
), restless AS (
    SELECT *, row_number() OVER (PARTITION BY user_id, client ORDER BY event_time) AS n FROM clock
    WHERE user_id NOT IN (SELECT user_id FROM worked WHERE bit_count(hours) > 24 - $rest_hours)
)
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, p_value, what, [event_id] AS evidence,
       concat_ws('|', 'hours', user_id, client, $from::DATE) AS key FROM off
UNION ALL BY NAME
SELECT user_id, client, max(event_time) AS event_time, list(event_id ORDER BY event_time) AS evidence,
       format('{} was at work in {} different hours of one day, without {} hours of rest', client, count(*), $rest_hours) AS what,
       concat_ws('|', 'rest', user_id, client, $from::DATE) AS key FROM restless WHERE n <= 25 - $rest_hours GROUP BY user_id, client
UNION ALL BY NAME
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, [event_id] AS evidence,
       format('{}, a client a person sits at, used the service account {}', client, credential_id) AS what,
       concat_ws('|', 'service', user_id, client, credential_id, $from::DATE) AS key
FROM human WHERE credential_kind = 'service_account'
QUALIFY row_number() OVER (PARTITION BY user_id, client, credential_id ORDER BY event_time, event_id) = 1
