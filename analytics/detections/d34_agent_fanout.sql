-- title = "Agents acting for agents"
-- severity = "medium"
-- confidence = 0.5
-- why = "One piece of work was handed to many agents, or an agent that acts for another held rights the other lacks: an injected instruction then spreads, or climbs."
-- next = "Look at which agent began it and what each was told; give delegates no scope that their principal lacks."
-- false_positives = ["orchestrators that always do so (the same agent or client doing it before is known)"]
-- requires = ["trace_id"]
-- explain = "{how}: {number} {what} in one trace that {beginner} began"
-- tags = ["ASI07", "ASI08", "ASI03", "AML.T0103", "PR.AA-05"]
-- lookback_hours = 24
-- [parameters]
-- least_agents = 6
WITH suspects AS (   -- no other trace can have so many agents, or anyone who acts for another
    SELECT trace_id FROM events WHERE trace_id IS NOT NULL GROUP BY trace_id
    HAVING count(coalesce(agent_id, agent_name)) >= $least_agents OR max(len(delegation)) > 0
), traced AS (
    SELECT *, coalesce(agent_id, agent_name) AS agent, coalesce(len(delegation), 0) AS depth,
           first_value(coalesce(agent_id, agent_name, client)) OVER (PARTITION BY trace_id ORDER BY event_time, event_id) AS beginner
    FROM events WHERE trace_id IN (FROM suspects)
), agents AS (
    SELECT trace_id, beginner, agent, arg_min(event_id, {t: event_time, e: event_id}) AS event_id, min(event_time) AS event_time,
           bool_or(fresh) AS fresh, row_number() OVER (PARTITION BY trace_id ORDER BY min(event_time), agent) AS place
    FROM traced WHERE agent IS NOT NULL GROUP BY trace_id, beginner, agent
), fans AS (
    SELECT trace_id, beginner, bool_or(fresh AND place = $least_agents) AS fresh, count(*) AS number, max(event_time) FILTER (place <= $least_agents) AS event_time,
           list(event_id ORDER BY place) FILTER (place <= $least_agents) AS evidence
    FROM agents GROUP BY trace_id, beginner HAVING count(*) >= $least_agents
), usual AS (
    SELECT DISTINCT beginner FROM fans WHERE event_time < $from
), principals AS (   -- what those who act for nobody held in the trace
    SELECT trace_id, list_distinct(flatten(list(scopes))) AS scopes, arg_min(event_id, {t: event_time, e: event_id}) AS parent, min(event_time) AS since
    FROM traced WHERE depth = 0 AND scopes IS NOT NULL GROUP BY trace_id
), widened AS (   -- the first call of a delegate with a scope that nobody it acts for carried
    SELECT t.trace_id, t.beginner, t.event_id, t.event_time, p.parent, len(list_filter(t.scopes, lambda s: NOT list_contains(p.scopes, s))) AS number
    FROM traced t JOIN principals p USING (trace_id) WHERE t.fresh AND t.depth > 0 AND t.event_time > p.since
     AND len(list_filter(t.scopes, lambda s: NOT list_contains(p.scopes, s))) > 0
    QUALIFY row_number() OVER (PARTITION BY t.trace_id ORDER BY t.event_time, t.event_id) = 1
), found AS (
    SELECT trace_id, beginner, 'fan-out' AS how, number, 'agents' AS what, event_time, evidence, 0.5 AS confidence FROM fans
    WHERE fresh AND beginner NOT IN (SELECT beginner FROM usual WHERE beginner IS NOT NULL)
    UNION ALL SELECT trace_id, beginner, 'wider rights', number, 'scopes its principal lacks', event_time, [parent, event_id], 0.8 FROM widened
)
SELECT e.user_id, e.client, e.session, f.* EXCLUDE (trace_id), concat_ws(' ', f.trace_id, f.how) AS key
FROM found f JOIN events e ON e.event_id = f.evidence[-1]
