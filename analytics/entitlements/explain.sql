SELECT entitlement_id, kind, principal_kind, principal, effect, server_name, tool_name, resource_scope, conditions, source,
       via, granted_by, granted_at, expires_at, revoked_at, ticket, owner, break_glass, policy_language, policy,
       policy_entities, import_source, version,
       policy_language IS NULL AND in_scope(resource_scope, $resource::VARCHAR, $arguments::VARCHAR) IS NULL AS scope_open
FROM entitlements
WHERE kind = $kind AND $server GLOB server_name
  AND (policy_language IS NOT NULL OR ($tool GLOB tool_name AND (
       principal = '*' OR kind = 'tool'
       OR (principal_kind NOT IN ('group', 'role') AND list_contains($names, principal))
       OR (principal_kind IN ('group', 'role') AND list_contains($groups, principal)))))
  AND (policy_language IS NOT NULL OR coalesce(in_scope(resource_scope, $resource::VARCHAR, $arguments::VARCHAR), true))
ORDER BY version, entitlement_id
