-- Who tried what and was refused, whether it was granted, whether it was reached all the same, and by which finding.
WITH why AS (
    SELECT hash(user_id, user_email, client_oauth_id, client_name, agent_id, agent_name, credential_id, server_name, tool_name) AS key,
           event_id, decision_reason
    FROM lake_events WHERE event_time >= $since AND event_time < $until AND event_class = 'denial' AND tool_name IS NOT NULL
      AND decision_source IS DISTINCT FROM 'rate_limit'
), told AS (
    SELECT key, list_slice(list(DISTINCT decision_reason ORDER BY decision_reason) FILTER (decision_reason IS NOT NULL), 1, 3) AS reasons FROM why GROUP BY key
), around AS (
    SELECT w.key, list(DISTINCT f.finding_id ORDER BY f.finding_id) AS findings
    FROM (SELECT finding_id, unnest(evidence) AS event_id FROM findings WHERE detection LIKE 'd10%') f JOIN why w USING (event_id) GROUP BY w.key
), tried AS (
    SELECT coalesce(person, client, agent, credential, '') AS principal, coalesce(server_name, '') AS server_name, tool_name, cell, key, calls, denied,
           first_denied, last_denied, first_refusal, last_refusal FROM cells
)
SELECT principal, server_name, tool_name, coalesce(bool_or(v.permitted AND NOT v.forbidden) FILTER (denied > 0), false) AS granted,
       sum(denied)::BIGINT AS denied, sum(calls)::BIGINT AS reached,
       list_slice(list_distinct(flatten(list(w.reasons ORDER BY w.reasons) FILTER (w.reasons IS NOT NULL))), 1, 3) AS reasons,
       min(first_denied) AS first, max(last_denied) AS last,
       arg_min(first_refusal, first_denied, $evidence::BIGINT) FILTER (denied > 0) AS events,
       list_distinct(flatten(list(r.findings ORDER BY r.findings) FILTER (r.findings IS NOT NULL))) AS sidestepped
FROM tried t LEFT JOIN coverage v ON v.cell = t.cell AND v.kind = 'human'
LEFT JOIN told w USING (key) LEFT JOIN around r USING (key)
GROUP BY principal, server_name, tool_name HAVING sum(denied) > 0
ORDER BY len(coalesce(sidestepped, [])) DESC, denied DESC, principal, server_name, tool_name
