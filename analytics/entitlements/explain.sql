SELECT entitlement_id, kind, principal_kind, principal, effect, server_name, tool_name, resource_scope, conditions, source,
       via, granted_by, granted_at, expires_at, revoked_at, ticket, owner, break_glass, policy_language, policy,
       policy_entities, import_source, version
FROM entitlements
WHERE kind = $kind AND $server GLOB server_name
  AND (policy_language IS NOT NULL OR ($tool GLOB tool_name AND (
       principal = '*' OR kind = 'tool'
       OR (principal_kind NOT IN ('group', 'role') AND list_contains($names, principal))
       OR (principal_kind IN ('group', 'role') AND list_contains($groups, principal)))))
ORDER BY version, entitlement_id
