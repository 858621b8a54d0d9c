-- title = "A secret in arguments or results"
-- severity = "medium"
-- confidence = 0.7
-- why = "A secret that passes through a model's context is in its provider's logs, its memory and whatever it writes next. The lake keeps a keyed digest only."
-- next = "Rotate the secret, then look where its digest shows up (`went_to`), and give the tool its credential by configuration instead."
-- false_positives = ["test keys and examples that many people paste", "a random string that looks like a key of that kind"]
-- requires = ["args_keys"]
-- explain = "A secret of the kind {kind} stood in the {place} of {tool_name} on {server_name}; events with it: {seen}, people: {people}{used}"
-- tags = ["MCP01", "NHI2", "AML.T0055", "AML.T0083", "AML.T0098", "PR.AA-01"]
-- [parameters]
-- most_people = 5
-- not_credentials = ["card"]
WITH hits AS (
    SELECT event_id, event_time, fresh, user_id, client, credential_id, server_name, tool_name, session,
           r.path, r.kind, r.digest, -- a dead letter's own session id was taken out, and is in nobody's arguments
           r.kind = 'session' AND NOT regexp_matches(r.path, '(^|/)(arguments|result)') AS of_session
    FROM (SELECT *, unnest(redactions) AS r FROM events WHERE len(redactions) > 0 AND event_class <> 'denial')
), secrets AS ( -- an example that many people paste is none
    SELECT digest, any_value(kind) AS kind, count(DISTINCT event_id) AS seen, count(DISTINCT user_id) AS people FROM hits
    WHERE NOT list_contains($not_credentials, kind) AND NOT of_session GROUP BY digest HAVING people <= $most_people
), first_hits AS (
    FROM hits QUALIFY row_number() OVER (PARTITION BY digest ORDER BY fresh DESC, event_time, event_id) = 1
), shown AS ( -- where a gateway logs the credential itself, what is stored of it is the same digest
    SELECT regexp_extract(credential_id, ':([0-9a-f]{16})\]', 1) AS digest, event_id, event_time, fresh FROM events
    WHERE contains(credential_id, '[REDACTED:')
), used AS (
    SELECT digest, arg_min(s.event_id, s.event_time) AS event_id, min(s.event_time) AS event_time
    FROM shown s JOIN first_hits h USING (digest) WHERE s.event_time > h.event_time AND s.fresh GROUP BY digest
)
SELECT h.user_id, h.client, h.credential_id, h.server_name, h.tool_name, h.session, s.kind, s.seen, s.people,
       coalesce(u.event_time, h.event_time) AS event_time, CASE WHEN starts_with(h.path, 'result') THEN 'result' WHEN starts_with(h.path, 'arguments') THEN 'arguments' ELSE 'field ' || h.path END AS place,
       CASE WHEN u.event_id IS NULL THEN '' ELSE ', and then used as a credential' END AS used,
       CASE WHEN u.event_id IS NULL THEN 0.7 ELSE 0.95 END AS confidence,
       list_filter([h.event_id, u.event_id], lambda e: e IS NOT NULL) AS evidence, digest AS key
FROM first_hits h JOIN secrets s USING (digest) LEFT JOIN used u USING (digest)
WHERE h.fresh OR u.event_id IS NOT NULL
