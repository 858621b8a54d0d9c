-- title = "Private data sent where untrusted content said"
-- severity = "critical"
-- confidence = 0.9
-- why = "Someone's work within an hour read private data and a stranger's content, then gave something to a tool whose input others can read. The grade says how much is proven: edge (values of the private answer went to an address that only the untrusted content named), size (the address is such a one, and as many bytes left as the private answer had), co-occurrence (all three in one session, with a tool the person never used before and hardly anyone else does, and arguments that were not seen or do hold a value of either)."
-- next = "For an edge: treat it as a breach, find the recipient, and read the untrusted content. For the lower grades: read the session first."
-- false_positives = ["replies that quote private data to whoever asked for it: the recipient then usually stands in the private record too, which is not found", "the first use of a tool by someone new (only the lowest grade)"]
-- requires = ["tool_name", "session"]
-- explain = "{grade}: {private_tool} was read after {untrusted_tool}, then {server_name}.{tool_name} was given {payload} values of the first and {address} of the second"
-- tags = ["MCP10", "ASI01", "ASI02", "AML.T0085.001", "AML.T0086", "AML.T0025", "DE.AE-03", "DE.AE-04", "RS.AN-03"]
-- lookback_hours = 2
-- [parameters]
-- window_minutes = 60
-- least_values = 2
-- least_bytes = 2048
-- history_days = 7
-- most_share = 0.05
-- # Each value of a sink's arguments is traced to the latest answers that held it, so that the cost is n log n.
WITH acts AS MATERIALIZED (   -- events, who acts, where, and each value by the person that has it are hashes: numbers join in a third of the time
    SELECT hash(event_id) AS act, event_time, hash(coalesce(user_id, session)) AS actor, if(session IS NOT NULL, hash(session), NULL) AS place, fresh, reached, sink, private, untrusted,
           request_bytes, response_bytes
    FROM calls WHERE (sink OR (reached AND (private OR untrusted))) AND coalesce(user_id, session) IS NOT NULL
), answers AS (
    FROM acts WHERE reached AND (private OR untrusted) AND actor IN (SELECT actor FROM acts WHERE sink AND fresh)
), sinks AS (   -- with the last private and the last untrusted answer before, for the lower grades
    SELECT s.*, p.act AS last_private, p.response_bytes AS private_bytes, u.act AS last_untrusted
    FROM (FROM acts WHERE sink AND reached AND fresh AND place IS NOT NULL) s
    ASOF LEFT JOIN (SELECT act, event_time, place, response_bytes FROM answers WHERE NOT untrusted AND place IS NOT NULL) p
      ON p.place = s.place AND s.event_time > p.event_time
    ASOF LEFT JOIN (SELECT act, event_time, place FROM answers WHERE untrusted AND place IS NOT NULL) u
      ON u.place = s.place AND s.event_time > u.event_time
), sent AS (
    SELECT act, event_time, hash(actor, leaf) AS value
    FROM (SELECT act, s.event_time, actor, unnest(list_distinct(args_leaves)) AS leaf FROM events e JOIN sinks s ON s.act = hash(e.event_id))
), told AS (
    FROM (SELECT act, event_time, untrusted, hash(actor, leaf) AS value
          FROM (SELECT act, a.event_time, untrusted, actor, unnest(result_leaves) AS leaf FROM events e JOIN answers a ON a.act = hash(e.event_id)))
    SEMI JOIN sent USING (value)
), given AS (   -- what came from nowhere says nothing
    FROM sent SEMI JOIN told USING (value)
), asked AS (
    SELECT value, min(event_time) AS since
    FROM (SELECT event_time, hash(actor, leaf) AS value FROM (
        SELECT event_time, hash(coalesce(user_id, session)) AS actor, unnest(args_leaves) AS leaf FROM events WHERE attempted AND tool_name IS NOT NULL))
    SEMI JOIN given USING (value) GROUP BY value
), traced AS (   -- the latest private answer, the latest anyone could write, and the latest such before it was first asked for
    SELECT g.act AS sink_event, if(p.event_time >= g.since, p.act, NULL) AS private_event,
           if(u.event_time >= g.since, u.act, NULL) AS untrusted_event, coalesce(n.event_time >= g.since, false) AS anyones
    FROM (SELECT g.*, a.since AS asked, g.event_time - to_minutes($window_minutes) AS since FROM given g JOIN asked a USING (value)) g
    ASOF LEFT JOIN (FROM told WHERE NOT untrusted) p ON p.value = g.value AND g.event_time > p.event_time
    ASOF LEFT JOIN (FROM told WHERE untrusted) n ON n.value = g.value AND g.event_time > n.event_time
    ASOF LEFT JOIN (FROM told WHERE untrusted) u ON u.value = g.value AND g.asked > u.event_time
), counted AS (
    SELECT sink_event, count(*) FILTER (private_event IS NOT NULL AND NOT anyones) AS payload,
           count(*) FILTER (untrusted_event IS NOT NULL AND private_event IS NULL) AS address,
           mode(private_event ORDER BY private_event) FILTER (NOT anyones) AS private_event,
           mode(untrusted_event ORDER BY untrusted_event) FILTER (private_event IS NULL) AS untrusted_event FROM traced GROUP BY ALL
), likely AS (   -- of few acts the rest is looked up
    SELECT s.*, e.* EXCLUDE (event_time, fresh, reached, request_bytes, response_bytes), coalesce(c.payload, 0) AS payload, coalesce(c.address, 0) AS address,
           coalesce(c.untrusted_event, s.last_untrusted) AS untrusted_event, CASE WHEN c.payload > 0 THEN c.private_event ELSE s.last_private END AS private_event
    FROM sinks s LEFT JOIN counted c ON c.sink_event = s.act JOIN events e ON hash(e.event_id) = s.act
    WHERE coalesce(c.untrusted_event, s.last_untrusted) IS NOT NULL AND (c.payload > 0 OR s.last_private IS NOT NULL)
), before AS (   -- who used the sinks before
    SELECT user_id, server_name, tool_name FROM tool_uses WHERE past AND tool_name IN (SELECT tool_name FROM likely)
), rare AS (   -- the share of all people who used a tool before
    SELECT server_name, tool_name, count(DISTINCT user_id) / (SELECT count(DISTINCT user_id) FROM past_days) AS share
    FROM before GROUP BY ALL
), graded AS (
    SELECT s.*,
           CASE WHEN payload >= $least_values AND address > 0 THEN 'edge'
                WHEN address > 0 AND private_bytes >= $least_bytes AND request_bytes BETWEEN 0.8 * private_bytes AND 1.5 * private_bytes THEN 'size'
                WHEN last_untrusted IS NOT NULL AND last_private IS NOT NULL AND h.since <= $from - to_days($history_days)
                 AND b.user_id IS NULL AND coalesce(r.share, 0) <= $most_share
                 AND (args_leaves IS NULL OR payload + address > 0) THEN 'co-occurrence' END AS grade
    FROM likely s
    LEFT JOIN (SELECT user_id, min(since) AS since FROM past_days GROUP BY user_id) h USING (user_id)
    LEFT JOIN before b ON b.user_id = s.user_id AND b.tool_name = s.tool_name AND b.server_name IS NOT DISTINCT FROM s.server_name
    LEFT JOIN rare r ON r.tool_name = s.tool_name AND r.server_name IS NOT DISTINCT FROM s.server_name
)
SELECT g.user_id, g.client, g.credential_id, g.server_name, g.tool_name, g.session, g.event_time, g.grade, g.payload, g.address,
       concat_ws('.', p.server_name, p.tool_name) AS private_tool,
       concat_ws('.', u.server_name, u.tool_name) AS untrusted_tool, CASE g.grade WHEN 'edge' THEN 0.9 WHEN 'size' THEN 0.6 ELSE 0.3 END AS confidence,
       CASE WHEN p.event_time <= u.event_time THEN [p.event_id, u.event_id, g.event_id] ELSE [u.event_id, p.event_id, g.event_id] END AS evidence,
       g.event_id AS key
FROM graded g JOIN events p ON hash(p.event_id) = g.private_event JOIN events u ON hash(u.event_id) = g.untrusted_event WHERE g.grade IS NOT NULL
QUALIFY g.grade <> 'co-occurrence' OR row_number() OVER (PARTITION BY g.user_id, g.server_name, g.tool_name, g.grade ORDER BY g.event_time) = 1
