-- Each grant with everything its state and the recommendation stand on.
SELECT p.*, i.display AS principal_name, g.status AS gone_status, g.ended AS gone_at, g.said_by,
       coalesce(u.calls, 0) AS calls, coalesce(u.denied, 0) AS denied, coalesce(u.users, 0) AS users, u.first_use, u.last_use,
       u.last_denied, u.events, u.last_event, u.denied_events, u.last_refusal, coalesce(u.used_tools, 0) AS used_tools, u.tools AS used,
       u.windows, coalesce(u.breaks, 0) AS breaks, r.reach, r.tools, r.private, r.untrusted, r.sink, r.write, r.persistent,
       r.destructive, r.exec, o.any_first, CASE p.kind WHEN 'human' THEN o.human WHEN 'client' THEN o.client
       WHEN 'credential' THEN o.credential ELSE o.tool END AS observed, e."group" AS peer_group, e.size AS peer_size,
       e.holding AS peers_holding, e.using AS peers_using, w.who IS NOT NULL AS has_holders
FROM population p
LEFT JOIN uses u USING (entitlement_id)
LEFT JOIN reach r USING (reach_key)
LEFT JOIN observed o ON o.server_name = p.server_name
LEFT JOIN peers e USING (entitlement_id)
LEFT JOIN (SELECT entitlement_id, min(who) AS who FROM holders WHERE present GROUP BY ALL) w USING (entitlement_id)
LEFT JOIN names n ON n.kind = p.kind AND n.name = p.principal AND p.principal_kind NOT IN ('group', 'role')
LEFT JOIN gone g ON g.kind = p.kind AND g.who = n.who
LEFT JOIN (SELECT CASE principal_kind WHEN 'agent' THEN 'client' ELSE principal_kind END AS kind, principal, min(name) AS display
           FROM inventory GROUP BY ALL) i ON i.kind = p.kind AND i.principal = n.who
WHERE list_contains($kinds, p.kind)
  AND (len($servers) = 0 OR len([x FOR x IN $servers::VARCHAR[] IF p.server_name GLOB x]) > 0)
  AND (len($principals) = 0 OR len([x FOR x IN $principals::VARCHAR[] IF p.principal GLOB x OR n.who GLOB x]) > 0)
ORDER BY p.kind, p.principal, p.server_name, p.tool_name, p.entitlement_id
