-- population: Grants by kind of principal and source, at the import the review stands on.
SELECT kind, principal_kind, effect, import_source, count(*) AS grants, count(DISTINCT principal) AS principals
FROM entitlements_at({version}) GROUP BY ALL ORDER BY ALL

-- use: Calls of tools by server: those that reached them, and those that were refused.
SELECT server_name, event_class, count(*) AS calls, min(event_time) AS first, max(event_time) AS last,
       arg_min(event_id, event_time, 5) AS events
FROM events WHERE {between} AND event_class IN ('tool_call', 'denial') AND tool_name IS NOT NULL
GROUP BY ALL ORDER BY server_name, event_class

-- credentials: Credentials by kind, as the events show them; `tooltrail debt` says what each owes.
SELECT credential_kind, count(DISTINCT credential_id) AS credentials, count(*) AS records
FROM events WHERE {between} AND credential_id IS NOT NULL GROUP BY ALL ORDER BY ALL

-- findings: Findings of the period by detection, severity and what people said of them.
SELECT detection, severity, state, count(*) AS findings FROM findings WHERE NOT rollout AND {between}
GROUP BY ALL ORDER BY ALL
