-- title = "Two witnesses of one call disagree"
-- severity = "high"
-- confidence = 0.8
-- why = "Client and gateway, or gateway and server, tell of the same call and say different things of it: one of them is wrong, was changed, or saw another call. A call that one refused and another carried out is a way around the refusal."
-- next = "Read both records. Where the gateway refused and the server acted, find the way past the gateway; else find out which of the two writes false records."
-- false_positives = ["clients that report an error of the tool as success (a source that always differs so says nothing)", "arguments that one side keeps after taking something out (compared only where both are whole)"]
-- requires = ["tool_call_id"]
-- explain = "Of one call of {tool_name}, {one_source} ({one_vantage}) says {one_says}, {other_source} ({other_vantage}) says {other_says}: they differ in the {fact}"
-- tags = ["MCP08", "ASI10", "RS.AN-03"]
-- lookback_hours = 1
-- [parameters]
-- most_share = 0.2
-- least_pairs = 20
-- # The lake's macro `disagreements` ties calls by more than the id of the call; a detection sees one day and ties by that
-- # id and by trace and span.
WITH calls_told AS NOT MATERIALIZED (
    SELECT *, source_system || '/' || vantage AS side, lower(coalesce(user_email, CASE WHEN user_id_kind = 'email' THEN user_id END)) AS person,
           CASE WHEN outcome = 'denied' OR (decision = 'deny' AND decision_basis IS DISTINCT FROM 'weak') THEN 'refused'
                WHEN outcome = 'success' OR vantage = 'server' THEN 'reached' END AS refusal,
           CASE WHEN outcome NOT IN ('unknown', 'denied') THEN CASE outcome WHEN 'success' THEN 'success' ELSE 'failure' END END AS ended,
           unnest(list_filter([tool_call_id, trace_id || span_id], lambda k: k IS NOT NULL)) AS call
    FROM events WHERE attempted AND event_kind = 'tool_call' OR event_class = 'denial'
), believed AS (   -- an id that one side gives to several calls names none
    SELECT call FROM (SELECT call, side, count(*) AS n FROM calls_told GROUP BY ALL) GROUP BY call HAVING count(*) >= 2 AND max(n) = 1
), pairs AS (
    SELECT a.call, a.tool_name, a.user_id, a.client, a.server_name, a.session, a.event_id AS one_event, b.event_id AS other_event,
           a.source_system AS one_source, b.source_system AS other_source, a.vantage AS one_vantage, b.vantage AS other_vantage,
           greatest(a.event_time, b.event_time) AS event_time, a.event_time <= b.event_time AS in_order, a.fresh OR b.fresh AS fresh,
           unnest([{fact: 'refusal', a: a.refusal, b: b.refusal}, {fact: 'outcome', a: a.ended, b: b.ended}, {fact: 'tool', a: a.tool_name, b: b.tool_name},
                   {fact: 'user', a: a.person, b: b.person},
                   {fact: 'arguments', a: CASE WHEN a.args_state = 'full' THEN a.args_hmac END, b: CASE WHEN b.args_state = 'full' THEN b.args_hmac END},
                   {fact: 'result', a: CASE WHEN a.result_state = 'full' THEN a.result_hmac END, b: CASE WHEN b.result_state = 'full' THEN b.result_hmac END}]) AS claim
    FROM calls_told a JOIN calls_told b ON a.call = b.call AND a.side < b.side AND a.event_id <> b.event_id WHERE a.call IN (FROM believed)
), judged AS (   -- a fact on which two sources differ as a rule is told differently, not wrongly
    SELECT *, avg((claim.a <> claim.b)::INT) OVER w AS share, count(*) OVER w AS known FROM pairs WHERE claim.a IS NOT NULL AND claim.b IS NOT NULL
    WINDOW w AS (PARTITION BY one_source, other_source, one_vantage, other_vantage, claim.fact)
)
SELECT user_id, client, server_name, tool_name, session, event_time, claim.fact AS fact, one_source, other_source, one_vantage, other_vantage,
       left(claim.a, 40) AS one_says, left(claim.b, 40) AS other_says, CASE claim.fact WHEN 'refusal' THEN 0.9 ELSE 0.8 END AS confidence,
       CASE WHEN in_order THEN [one_event, other_event] ELSE [other_event, one_event] END AS evidence, concat_ws(' ', one_event, other_event, claim.fact) AS key
FROM judged WHERE fresh AND claim.a <> claim.b AND (known < $least_pairs OR share <= $most_share)
QUALIFY row_number() OVER (PARTITION BY one_event, other_event ORDER BY claim.fact = 'refusal' DESC, claim.fact) = 1
