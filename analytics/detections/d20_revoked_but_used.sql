-- title = "Revoked, expired or offboarded, but used"
-- severity = "critical"
-- confidence = 0.9
-- why = "Access that was taken away still worked: some gateway or server does not check, or checks a copy that is too old."
-- next = "Find out which component accepted it (server and source of the evidence), make it check, and treat what was reached since as exposed."
-- false_positives = ["clocks that differ by less than the grace", "a cache of tokens that lives longer than the grace: raise grace_seconds for it", "access that was given back and used again", "an administrator whose own credential stands in the record of the revocation"]
-- requires = ["credential_id"]
-- explain = "{what} {who} on {since} and was still accepted {grace} later; times used on this day: {uses}, the last {last_grace} after"
-- tags = ["NHI1", "MCP07", "ASI03", "AML.T0012", "PR.AA-01", "PR.AA-05", "DE.AE-03"]
-- [parameters]
-- grace_seconds = 300
-- most_revocations = 2
WITH ends AS ( -- whoever stands in many revocations is the one who revokes
    SELECT credential_id, CASE WHEN credential_id IS NULL THEN user_id END AS user_id,
           arg_max(last_event, last_time) FILTER (d.change = 'revocation') AS change,
           max(last_time) FILTER (d.change = 'revocation') AS since, max(last_time) FILTER (d.change = 'restoration') AS back
    FROM credential_days d WHERE d.change IN ('revocation', 'restoration') GROUP BY ALL
    HAVING coalesce(sum(events) FILTER (d.change = 'revocation'), 0) BETWEEN 1 AND $most_revocations AND (back IS NULL OR back < since)
), accepted AS NOT MATERIALIZED (
    FROM events WHERE fresh AND outcome = 'success' AND NOT denied AND event_kind NOT IN ('entity_change', 'policy_change', 'session_close')
), found AS (
    SELECT a.*, 'Credential' AS what, 'was revoked' AS who, e.since, e.change, 0.9 AS sure FROM accepted a JOIN ends e USING (credential_id)
    UNION ALL
    SELECT a.*, 'The person''s access', 'was taken away', e.since, e.change, 0.7
    FROM accepted a JOIN ends e ON e.credential_id IS NULL AND e.user_id = a.user_id
    UNION ALL
    SELECT *, 'Credential', 'expired', expires_at, NULL, 0.9 FROM accepted WHERE expires_at IS NOT NULL
), late AS (
    SELECT *, count(*) OVER same AS uses, max(event_time) OVER same AS last_time FROM found
    WHERE event_time > since + to_seconds($grace_seconds)
    WINDOW same AS (PARTITION BY who, coalesce(credential_id, user_id), change)
)
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, what, who, uses, sure AS confidence,
       strftime(since, '%Y-%m-%d %H:%M:%S UTC') AS since,
       list_transform([event_time, last_time], lambda t: CASE WHEN t > since + to_days(2) THEN date_diff('day', since, t) || ' days'
                                                              ELSE to_seconds(date_diff('second', since, t))::VARCHAR END) AS graces,
       graces[1] AS grace, graces[2] AS last_grace,
       list_filter([change, event_id], lambda e: e IS NOT NULL) AS evidence,
       concat_ws('|', who, coalesce(credential_id, user_id), change, event_time::DATE) AS key
FROM late
QUALIFY row_number() OVER (PARTITION BY who, coalesce(credential_id, user_id), change ORDER BY event_time, event_id) = 1
