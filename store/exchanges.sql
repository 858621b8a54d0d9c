-- One call as its several witnesses saw it. A comment line above each statement is its entry in `tooltrail schema`.
-- How witnesses are tied together, and why nothing here is quadratic, is told in store/witnesses.py.

-- People as the lake knows them: an id that came with one e-mail address only is that address.
CREATE MACRO people() AS TABLE
SELECT user_id, min(lower(user_email)) AS person FROM events
WHERE user_id IS NOT NULL AND user_email IS NOT NULL AND user_id_kind IS DISTINCT FROM 'install_id'
GROUP BY user_id HAVING min(lower(user_email)) = max(lower(user_email));

-- Every record of a call whose first record lies in a time: the call it belongs to (exchange_id: the event_id of the record that was taken in first), and the rung of the ladder that tied it to another (join_rule; null: it is alone). Records up to an hour outside are looked at. Takes times; '-infinity' and 'infinity' are bounds too.
CREATE MACRO witnesses(since, until) AS TABLE
WITH calls AS MATERIALIZED (
  SELECT event_id, event_time, ingest_time, user_id, user_email, tool_name, args_hmac,
         trace_id, span_id, CASE WHEN trace_id IS NOT NULL THEN unmapped->>'$."/parentSpanId"' END AS parent_span_id,
         tool_call_id, http_request_id, jsonrpc_id, session_key, mcp_method, source_system,
         source_system || '/' || vantage AS side,
         hash(source_system, vantage, source_format, evidence_kind, event_kind,
              outcome = 'unknown' AND result_state = 'absent' AND duration_ms IS NULL) AS class,
         regexp_replace(lower(server_name), '[^a-z0-9]|mcp|server', '', 'g') AS server,
         CASE WHEN evidence_kind IN ('otel_log', 'access_log') AND event_kind <> 'tool_decision'
              THEN event_time - to_microseconds((coalesce(duration_ms, 0) * 1000)::BIGINT) ELSE event_time END AS began
  FROM events
  WHERE event_time >= since::TIMESTAMPTZ - INTERVAL 1 HOUR AND event_time < until::TIMESTAMPTZ + INTERVAL 1 HOUR
    AND (mcp_method IS NOT NULL OR event_class = 'denial'
         OR event_kind IN ('tool_call', 'tool_decision', 'resource_read', 'prompt_get', 'http_request'))
), keys AS MATERIALIZED (
  SELECT 1 AS rung, trace_id || span_id AS key, 0 AS burst, event_id, tool_name, class, true AS own
  FROM calls WHERE trace_id IS NOT NULL AND span_id IS NOT NULL
  UNION ALL SELECT 2, trace_id || span_id, 0, event_id, tool_name, class, true FROM calls
  WHERE trace_id || span_id IN (SELECT trace_id || parent_span_id FROM calls)
  UNION ALL SELECT 2, trace_id || parent_span_id, 0, event_id, tool_name, class, false
  FROM calls WHERE trace_id IS NOT NULL AND parent_span_id IS NOT NULL
  UNION ALL SELECT 3, tool_call_id, 0, event_id, tool_name, class, true FROM calls WHERE tool_call_id IS NOT NULL
  UNION ALL SELECT 4, source_system || chr(0) || http_request_id, 0, event_id, tool_name, class, true
  FROM calls WHERE http_request_id IS NOT NULL
  UNION ALL SELECT 5, key, sum(coalesce(fresh, false)::INT) OVER (PARTITION BY key ORDER BY event_time, event_id), event_id, tool_name, class, true
  FROM (SELECT concat_ws(chr(0), session_key, jsonrpc_id, mcp_method) AS key, event_id, event_time, tool_name, class,
               event_time - lag(event_time) OVER (PARTITION BY session_key, jsonrpc_id, mcp_method
                                                  ORDER BY event_time, event_id) > INTERVAL 5 MINUTE AS fresh
        FROM calls WHERE session_key IS NOT NULL AND jsonrpc_id IS NOT NULL AND mcp_method IS NOT NULL)
), believed AS MATERIALIZED (
  SELECT rung, key, burst FROM (
    SELECT rung, key, burst, min(event_id) <> max(event_id) AS many, min(tool_name) AS least, max(tool_name) AS most,
           bool_or(own) AS own
    FROM keys GROUP BY rung, key, burst, class)
  GROUP BY rung, key, burst
  HAVING count(*) BETWEEN 2 AND 12 AND NOT bool_or(many) AND bool_or(own) AND (rung < 5 OR min(least) IS NOT DISTINCT FROM max(most))
), edges AS MATERIALIZED (
  SELECT rung, key, burst, event_id FROM keys SEMI JOIN believed USING (rung, key, burst)
), label1 AS MATERIALIZED (
  SELECT event_id, min(least) AS label, min(rung) AS rung, count(*) > 1 AS bridge
  FROM (SELECT event_id, rung, min(event_id) OVER (PARTITION BY rung, key, burst) AS least FROM edges) GROUP BY event_id
), spans AS MATERIALIZED (
  SELECT * FROM edges SEMI JOIN (
    SELECT e.rung, key, burst FROM edges e JOIN label1 USING (event_id) WHERE bridge) USING (rung, key, burst)
), label2 AS MATERIALIZED (
  SELECT event_id, min(least) AS label FROM (
    SELECT event_id, min(label) OVER (PARTITION BY s.rung, key, burst) AS least FROM spans s JOIN label1 USING (event_id)
  ) GROUP BY event_id
), label3 AS MATERIALIZED (
  SELECT event_id, min(least) AS label FROM (
    SELECT event_id, min(label) OVER (PARTITION BY s.rung, key, burst) AS least FROM spans s JOIN label2 USING (event_id)
  ) GROUP BY event_id
), label4 AS MATERIALIZED (
  SELECT event_id, min(least) AS label FROM (
    SELECT event_id, min(label) OVER (PARTITION BY s.rung, key, burst) AS least FROM spans s JOIN label3 USING (event_id)
  ) GROUP BY event_id
), hard AS MATERIALIZED (
  SELECT event_id, coalesce(b.label, a.label) AS label, rung FROM label1 a LEFT JOIN label4 b USING (event_id)
), alike AS MATERIALIZED (
  SELECT *, hash(person, tool_name, args_hmac) AS call FROM (
    SELECT coalesce(l.label, c.event_id) AS unit, c.event_id, c.began, c.side, c.server, c.tool_name, c.args_hmac,
           coalesce(lower(c.user_email), p.person, c.user_id) AS person
    FROM calls c LEFT JOIN people() p USING (user_id) LEFT JOIN hard l USING (event_id)
    WHERE c.args_hmac IS NOT NULL AND c.tool_name IS NOT NULL)
  WHERE person IS NOT NULL
), near AS MATERIALIZED (
  SELECT *, sum(coalesce(fresh, false)::INT) OVER (PARTITION BY call ORDER BY began, event_id) AS burst FROM (
    SELECT *, began - lag(began) OVER (PARTITION BY call ORDER BY began, event_id) > INTERVAL 2 SECOND AS fresh
    FROM alike SEMI JOIN (SELECT call FROM alike GROUP BY call HAVING min(side) <> max(side)) USING (call))
), crowd AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY call, burst, side ORDER BY began, event_id) AS place,
         count(*) OVER (PARTITION BY call, burst, side) AS fellows
  FROM near SEMI JOIN (
    SELECT call, burst FROM near GROUP BY ALL HAVING min(side) <> max(side) AND count(*) <= 64) USING (call, burst)
), pairs AS MATERIALIZED (
  SELECT a.unit AS one, b.unit AS other, a.side AS one_side, b.side AS other_side,
         a.event_id AS one_event, b.event_id AS other_event,
         CASE WHEN a.fellows = b.fellows THEN (a.place <> b.place)::INT ELSE 0 END AS apart,
         abs(epoch_us(a.began) - epoch_us(b.began)) AS distance
  FROM crowd a JOIN crowd b
    ON a.call = b.call AND a.burst = b.burst AND a.person = b.person AND a.tool_name = b.tool_name AND a.args_hmac = b.args_hmac
   AND a.side < b.side AND a.unit <> b.unit AND abs(epoch_us(a.began) - epoch_us(b.began)) <= 2000000
   AND (a.server IS NULL OR b.server IS NULL OR contains(a.server, b.server) OR contains(b.server, a.server))
), nearest AS MATERIALIZED (
  SELECT one, other, one_event, other_event FROM pairs WHERE apart = 0
  QUALIFY row_number() OVER (PARTITION BY one, other_side ORDER BY distance, other_event) = 1
      AND row_number() OVER (PARTITION BY other, one_side ORDER BY distance, one_event) = 1
), ways AS MATERIALIZED (
  SELECT one AS unit, other AS beside FROM nearest UNION ALL SELECT other, one FROM nearest
), weak1 AS MATERIALIZED (
  SELECT unit, least(unit, min(beside)) AS label FROM ways GROUP BY unit
), weak2 AS MATERIALIZED (
  SELECT w.unit, min(least(l.label, b.label)) AS label
  FROM ways w JOIN weak1 l ON l.unit = w.unit JOIN weak1 b ON b.unit = w.beside GROUP BY w.unit
), tied AS MATERIALIZED (
  SELECT c.event_id, c.event_time, c.ingest_time, coalesce(l.label, c.event_id) AS unit,
         coalesce(w.label, l.label) AS label, c.class, l.rung
  FROM calls c LEFT JOIN hard l USING (event_id)
  LEFT JOIN weak2 w ON w.unit = coalesce(l.label, c.event_id)
  WHERE l.label IS NOT NULL OR w.label IS NOT NULL
), doubtful AS (
  SELECT DISTINCT label FROM (SELECT label, class FROM tied GROUP BY ALL HAVING count(DISTINCT unit) > 1)
), settled AS MATERIALIZED (
  SELECT t.event_id, t.event_time, t.ingest_time, CASE WHEN d.label IS NULL THEN t.label ELSE t.unit END AS label,
         CASE WHEN t.rung IS NOT NULL THEN ['trace_span', 'parent_span', 'tool_call_id', 'http_request_id', 'jsonrpc'][t.rung]
              WHEN d.label IS NULL THEN 'arguments' END AS join_rule
  FROM tied t LEFT JOIN doubtful d ON d.label = t.label
), named AS MATERIALIZED (
  SELECT label, arg_min(event_id, {i: ingest_time, t: event_time, e: event_id}) AS exchange_id,
         min(event_time) AS first_time
  FROM settled GROUP BY label
)
SELECT coalesce(n.exchange_id, c.event_id) AS exchange_id, c.event_id, s.join_rule,
       coalesce(n.first_time, c.event_time) AS first_time
FROM calls c LEFT JOIN settled s USING (event_id) LEFT JOIN named n ON n.label = s.label
WHERE coalesce(n.first_time, c.event_time) >= since::TIMESTAMPTZ AND coalesce(n.first_time, c.event_time) < until::TIMESTAMPTZ;

-- Calls whose first record lies in a time, one row each, every column from the witness that knows best (see the table in docs/schema.md). Takes times.
CREATE MACRO exchanges(since, until) AS TABLE
WITH found AS MATERIALIZED (
  FROM witnesses(since, until)
), seen AS (
  SELECT f.exchange_id, f.join_rule, e.*
  FROM found f JOIN events e USING (event_id)
  WHERE e.event_time >= since::TIMESTAMPTZ - INTERVAL 1 HOUR AND e.event_time < until::TIMESTAMPTZ + INTERVAL 1 HOUR
), several AS MATERIALIZED (
  SELECT *, least(row_number() OVER (PARTITION BY exchange_id ORDER BY event_time, event_id), 4095) AS place
  FROM seen WHERE join_rule IS NOT NULL QUALIFY row_number() OVER (PARTITION BY event_id) = 1
), ranked AS (
  SELECT *,
{ranks}
  FROM several
), joined AS (
  SELECT exchange_id, min(event_time) AS first_time, max(event_time) AS last_time, count(*) AS witnesses,
         list(DISTINCT vantage ORDER BY vantage) AS vantages,
         list(DISTINCT source_system ORDER BY source_system) AS sources,
         list(DISTINCT join_rule ORDER BY join_rule) AS join_rules,
         list(event_id ORDER BY place) AS event_ids,
{chosen}
  FROM ranked GROUP BY exchange_id
)
SELECT exchange_id, first_time, last_time, witnesses, vantages, sources, join_rules, event_ids,
       {taken}
FROM joined
UNION ALL
SELECT exchange_id, event_time, event_time, 1, [vantage], [source_system], [], [event_id],
       {columns}
FROM seen WHERE join_rule IS NULL;

-- What the witnesses of one call do not agree on, one row per call and fact: outcome, refused_yet_reached, decision, user, user_id, tool, server, arguments, result, client, clock. What each of them says is in `said`. Takes times.
CREATE MACRO disagreements(since, until) AS TABLE
WITH found AS MATERIALIZED (
  FROM witnesses(since, until) WHERE join_rule IS NOT NULL
), several AS MATERIALIZED (
  SELECT DISTINCT ON (f.event_id) f.exchange_id, f.event_id, e.event_time, e.vantage, e.source_system, e.event_kind, e.evidence_kind,
         e.outcome, e.decision, e.decision_basis, e.result_state, e.args_state, e.tool_name, e.args_hmac, e.result_hmac,
         coalesce(e.duration_ms, 0) AS duration_ms, coalesce(lower(e.user_email), p.person) AS person,
         CASE WHEN e.user_id_kind IN ('idp_sub', 'idp_oid') THEN e.user_id_kind || ' ' || e.user_id END AS subject,
         lower(e.client_name) AS client_name,
         regexp_replace(lower(e.server_name), '[^a-z0-9]|mcp|server', '', 'g') AS server
  FROM found f JOIN events e USING (event_id) LEFT JOIN people() p USING (user_id)
  WHERE e.event_time >= since::TIMESTAMPTZ - INTERVAL 1 HOUR AND e.event_time < until::TIMESTAMPTZ + INTERVAL 1 HOUR
), claims AS (
  SELECT exchange_id, 'outcome' AS fact, event_id, event_time, source_system, vantage,
         CASE outcome WHEN 'success' THEN 'success' ELSE 'failure' END AS value FROM several
  WHERE outcome NOT IN ('unknown', 'denied') AND (outcome <> 'success' OR vantage <> 'gateway' OR result_state <> 'absent')
  UNION ALL
  SELECT exchange_id, 'refused_yet_reached', event_id, event_time, source_system, vantage,
         CASE WHEN outcome = 'denied' OR (decision = 'deny' AND decision_basis IS DISTINCT FROM 'weak') THEN 'refused' ELSE 'reached' END
  FROM several WHERE outcome IN ('success', 'denied') OR decision = 'deny' OR vantage = 'server'
  UNION ALL
  SELECT exchange_id, 'decision', event_id, event_time, source_system, vantage, decision FROM several
  WHERE vantage <> 'client' AND decision NOT IN ('unknown', 'not_evaluated') AND decision_basis IN ('explicit', 'strong')
  UNION ALL
  SELECT exchange_id, 'user', event_id, event_time, source_system, vantage, person FROM several
  UNION ALL
  SELECT exchange_id, 'user_id', event_id, event_time, source_system, vantage, subject FROM several
  UNION ALL
  SELECT exchange_id, 'tool', event_id, event_time, source_system, vantage, tool_name FROM several
  UNION ALL
  SELECT exchange_id, 'server', event_id, event_time, source_system, vantage, server FROM several
  UNION ALL
  SELECT exchange_id, 'arguments', event_id, event_time, source_system, vantage, args_hmac FROM several WHERE args_state = 'full'
  UNION ALL
  SELECT exchange_id, 'result', event_id, event_time, source_system, vantage, result_hmac FROM several WHERE result_state = 'full'
  UNION ALL
  SELECT exchange_id, 'client', event_id, event_time, source_system, vantage, client_name FROM several
  UNION ALL
  SELECT exchange_id, 'clock', event_id, event_time, source_system, vantage, event_time::VARCHAR
  FROM several SEMI JOIN (
    SELECT exchange_id FROM several WHERE event_kind <> 'tool_decision' GROUP BY exchange_id
    HAVING epoch_ms(max(event_time)) - epoch_ms(min(event_time)) > 5000 + max(duration_ms)
  ) USING (exchange_id) WHERE event_kind <> 'tool_decision'
), told AS (
  SELECT exchange_id, fact, min(event_time) AS first_time, list(DISTINCT value ORDER BY value) AS sayings,
         arg_min(value, length(value)) AS shortest,
         list({source: source_system, vantage: vantage, value: value, event_id: event_id} ORDER BY event_time, event_id) AS said
  FROM claims WHERE value IS NOT NULL AND value <> '' GROUP BY exchange_id, fact
)
SELECT exchange_id, fact, first_time, said FROM told
WHERE len(sayings) > 1 AND (fact <> 'server' OR len(list_filter(sayings, lambda name: NOT contains(name, shortest))) > 0)
ORDER BY first_time, exchange_id, fact;

-- Every record of the call that an event belongs to, in order of time, each whole, with the rung that tied it. Takes the event_id of any of them.
CREATE MACRO exchange(event) AS TABLE
WITH around AS MATERIALIZED (
  FROM witnesses((SELECT event_time - INTERVAL 1 HOUR FROM events WHERE event_id = event LIMIT 1),
                 (SELECT event_time + INTERVAL 1 HOUR FROM events WHERE event_id = event LIMIT 1))
)
SELECT a.exchange_id, a.join_rule, e.*
FROM around a JOIN events e USING (event_id)
WHERE a.exchange_id = (SELECT exchange_id FROM around WHERE event_id = event LIMIT 1)
ORDER BY e.event_time, e.event_id;
