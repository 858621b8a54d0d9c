-- title = "Session ids that say nothing"
-- severity = "low"
-- confidence = 0.9
-- why = "Either one session id came with the calls of several people (a pool shared by users: answers can reach the wrong one), or a client opened a new session for every call. Neither tells which calls belong together, so sessions are stitched without these ids, and rules that rely on them are blind."
-- next = "One id for several people: find the pool and have it keyed by user, then look for answers that crossed. A new id for every call: nothing is wrong, but do not count sessions by these ids."
-- false_positives = ["one person under two names (names of one kind only are compared)", "short pieces of work that are one call each (calls must follow on each other)"]
-- requires = ["session_key"]
-- explain = "{source}, {client}: {what} ({number})"
-- tags = ["MCP07", "MCP08", "PR.AA-03", "RS.AN-07"]
-- lookback_hours = 24
-- [parameters]
-- least_keys = 20
-- calls_per_key = 1.3
-- near_seconds = 120
-- # The bounds are those of analytics/stitching/trust.py, which withholds belief from the same ids.
WITH keyed AS NOT MATERIALIZED (
    SELECT event_id, event_time, event_kind, session_key, user_id, user_id_kind, client, fresh, concat_ws('/', source_system, source_instance) AS source
    FROM events WHERE session_key IS NOT NULL
), several AS (SELECT session_key FROM keyed GROUP BY session_key HAVING min(user_id) < max(user_id)
), people AS (   -- the first event of each person under one id
    SELECT session_key, coalesce(user_id_kind, '') AS kind, user_id, arg_min(event_id, {t: event_time, e: event_id}) AS event_id, min(event_time) AS event_time, any_value(client) AS client,
           any_value(source) AS source, max(event_time) FILTER (fresh) AS fresh_time
    FROM keyed WHERE session_key IN (FROM several) AND user_id IS NOT NULL AND user_id_kind IS DISTINCT FROM 'anonymous' GROUP BY session_key, kind, user_id
), shared AS (
    SELECT session_key, kind, any_value(source) AS source, any_value(client) AS client, count(*) AS number, min(event_time) AS first_time,
           list({t: event_time, e: event_id} ORDER BY event_time, event_id)[:2] AS first
    FROM people GROUP BY session_key, kind HAVING count(*) > 1 AND max(fresh_time) IS NOT NULL
), single AS (
    FROM keyed WHERE fresh AND event_kind = 'tool_call' AND session_key NOT IN (SELECT session_key FROM shared)
), many AS (
    SELECT source, client FROM single GROUP BY ALL
    HAVING count(DISTINCT session_key) >= $least_keys AND count(*) < $calls_per_key * count(DISTINCT session_key)
), paced AS (
    SELECT k.*, event_time - lag(event_time) OVER (PARTITION BY k.source, k.client, user_id ORDER BY event_time, event_id) <= to_seconds($near_seconds) AS near
    FROM keyed k JOIN many m ON m.source = k.source AND m.client IS NOT DISTINCT FROM k.client
), lone AS (
    SELECT source, client, count(DISTINCT session_key) AS number, list({t: event_time, e: event_id} ORDER BY event_time, event_id) FILTER (place = 1) AS first FROM (
        SELECT *, row_number() OVER (PARTITION BY source, client, session_key ORDER BY event_time, event_id) AS place FROM paced
        WHERE fresh AND event_kind = 'tool_call' AND session_key NOT IN (SELECT session_key FROM shared))
    GROUP BY source, client HAVING avg(coalesce(near, false)::INT) > 0.5
)
SELECT source, client, 'one id for several people' AS what, number, first[-1].t AS event_time, list_transform(first, lambda x: x.e) AS evidence,
       concat_ws(' ', 'shared', session_key, kind) AS key, 0.9 AS confidence FROM shared
WHERE first[-1].t >= $from
UNION ALL
SELECT source, client, 'a new id for every call', number, first[$least_keys].t, list_transform(first[:$least_keys], lambda x: x.e),
       concat_ws(' ', 'lone', source, client, $from::DATE), 0.8 FROM lone
