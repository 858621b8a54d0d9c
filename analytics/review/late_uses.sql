-- Access that was used after its end: of people, clients and credentials who are gone, of credentials whose own events
-- say that they had expired, and of grants where nothing else permitted it.
WITH ended AS (
    SELECT CASE g.kind WHEN 'human' THEN 'person' ELSE g.kind END AS what, g.who AS name,
           CASE g.status WHEN 'active' THEN 'expired' ELSE g.status END AS ended, g.ended AS ended_at, g.said_by, c.*
    FROM gone g JOIN acts a ON a.kind = g.kind AND a.who = g.who JOIN cells c USING (cell) WHERE c.calls > 0 AND c.lo >= g.ended
    UNION ALL
    SELECT DISTINCT 'grant', p.principal || ' on ' || h.server_name || '/' || h.tool_name,
           CASE WHEN p.expires_at = h.ends THEN 'expired' ELSE 'revoked' END, h.ends, p.import_source || ' version ' || p.version, c.*
    FROM holders h JOIN acts a ON a.kind = h.kind AND (a.who = h.who OR h.who = '*') JOIN cells c USING (cell)
    JOIN covers v ON v.server_name = h.server_name AND v.tool_name = h.tool_name AND v.tool = c.tool
    JOIN (FROM grant_changes QUALIFY row_number() OVER (PARTITION BY entitlement_id ORDER BY version DESC) = 1) p USING (entitlement_id)
    LEFT JOIN coverage o ON o.cell = c.cell AND o.kind = h.kind
    LEFT JOIN gone g ON g.kind = h.kind AND g.who = h.who
    WHERE h.effect = 'permit' AND h.ends <= c.lo AND c.calls > 0 AND NOT coalesce(o.permitted, false) AND h.ends IS DISTINCT FROM g.ended
)
SELECT what, name, ended, ended_at, any_value(said_by) AS said_by, coalesce(server_name, '') AS server_name, tool_name,
       sum(calls)::BIGINT AS calls, min(first_use) AS first_use, max(last_use) AS last_use,
       epoch(max(last_use) - ended_at) AS grace_seconds, arg_min(first_event, first_use, $evidence::BIGINT) AS events
FROM ended GROUP BY what, name, ended, ended_at, server_name, tool_name
UNION ALL
SELECT 'credential', credential_id, 'expired', expires_at, 'the credential''s own expiry in the events', coalesce(server_name, ''),
       tool_name, count(*), min(event_time), max(event_time), epoch(max(event_time) - expires_at),
       arg_min(event_id, event_time, $evidence::BIGINT)
FROM lake_events
WHERE event_time >= $since AND event_time < $until AND expires_at < event_time - INTERVAL 5 MINUTE AND event_class = 'tool_call'
  AND outcome IN ('success', 'tool_error', 'input_required') AND credential_id IS NOT NULL AND tool_name IS NOT NULL
GROUP BY credential_id, expires_at, server_name, tool_name
ORDER BY grace_seconds DESC, what, name, server_name, tool_name
