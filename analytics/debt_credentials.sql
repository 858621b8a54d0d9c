-- Every credential seen before a time: what is said of it, who used it and from where, and when it began and ended.
-- A change that takes it away counts unless the credential stands in more than two: then it is the one who revokes.
WITH seen AS (
    SELECT *, event_class <> 'denial' AND outcome IN ('success', 'tool_error', 'input_required')
              AND event_kind NOT IN ('entity_change', 'policy_change', 'session_close') AS used
    FROM events WHERE event_time < $until AND event_date = event_time::DATE AND credential_id IS NOT NULL
), people AS (
    SELECT credential_id, coalesce(user_id, user_email) AS person, coalesce(max(user_email), max(user_id)) AS name, count(*) AS events
    FROM seen WHERE event_kind NOT IN ('entity_change', 'policy_change') GROUP BY ALL HAVING person IS NOT NULL
), owners AS (
    SELECT credential_id, first(name ORDER BY events DESC, name) AS owner, count(*) AS users FROM people GROUP BY ALL
), changes AS (
    SELECT credential_id, max(event_time) FILTER (NOT back) AS revoked_at, max(event_time) FILTER (back) AS back, count(*) FILTER (NOT back) AS times
    FROM (SELECT credential_id, event_time, decision_reason,
                 regexp_matches(decision_reason, '(?i)\b(restored|reinstated|re-?activated|re-?enabled)') AS back
          FROM seen WHERE event_kind = 'entity_change')
    WHERE back OR regexp_matches(decision_reason, '(?i)\b(revoked|(key|token|credential|access)s?\b.*\b(disabled|deactivated|suspended|deleted|removed))\b')
    GROUP BY ALL HAVING times BETWEEN 1 AND 2 AND (back IS NULL OR back < revoked_at)
), facts AS (
    SELECT credential_id, first(credential_kind ORDER BY event_time DESC, event_id)
               FILTER (credential_kind IS NOT NULL AND credential_kind <> 'unknown') AS kind,
           max(expires_at - issued_at) AS life, min(issued_at) AS issued_at, max(issued_at) AS last_rotated, max(expires_at) AS expires_at,
           min(event_time) AS first_seen, max(event_time) FILTER (used) AS last_used, count(*) FILTER (used) AS uses,
           count(DISTINCT client_address) AS addresses, bool_or(auth_method IN ('api_key', 'basic')) AS plain,
           bool_or(auth_method IN ('mtls', 'spiffe', 'iam_sigv4')) FILTER (auth_method NOT IN ('unknown', 'none')) AS sender_bound,
           regexp_extract(credential_id, ':([0-9a-f]{16})\]', 1) AS digest
    FROM seen GROUP BY credential_id
), shown AS ( -- what content held in cleartext, by the digest that stands in its place
    SELECT digest, count(DISTINCT event_id) AS times
    FROM (SELECT event_id, unnest(redactions, max_depth := 2) FROM events WHERE event_time < $until AND len(redactions) > 0) GROUP BY digest
)
SELECT f.* EXCLUDE (plain, digest), o.owner, coalesce(o.users, 0) AS users, c.revoked_at,
       CASE WHEN f.digest <> '' THEN coalesce(s.times, 0) END AS cleartext,
       CASE WHEN f.life <= to_seconds($longest) OR f.life IS NULL AND f.kind IN ('oauth_access_token', 'session', 'jit') THEN 'short-lived'
            WHEN f.kind IS NOT NULL OR f.life IS NOT NULL OR f.plain THEN 'standing' ELSE 'not said' END AS class
FROM facts f LEFT JOIN owners o USING (credential_id) LEFT JOIN changes c USING (credential_id) LEFT JOIN shown s USING (digest)
ORDER BY credential_id
