-- What imports said of entitlements, change by change: granted, changed (with what it was before) or revoked.
CREATE VIEW entitlement_changes AS
SELECT s.* EXCLUDE (state_date), i.version FROM entitlement_states s JOIN entitlement_imports i USING (import_id);

-- What imports said of principals, change by change.
CREATE VIEW principal_changes AS
SELECT s.* EXCLUDE (state_date), i.version FROM principal_states s JOIN entitlement_imports i USING (import_id);

-- The entitlements that were in force by what was imported up to a version, each as last said.
CREATE MACRO entitlements_at(until) AS TABLE
SELECT * EXCLUDE (change, changed, before, import_id, state_time) FROM (
    FROM entitlement_changes WHERE version <= until
    QUALIFY row_number() OVER (PARTITION BY entitlement_id ORDER BY version DESC) = 1
) WHERE change <> 'revoked';

-- People, groups, clients, agents and credentials, as the newest import of each inventory says.
CREATE VIEW principals AS
SELECT * EXCLUDE (change, changed, before, import_id, state_time) FROM (
    FROM principal_changes QUALIFY row_number() OVER (PARTITION BY principal_id ORDER BY version DESC) = 1
) WHERE change <> 'revoked';

-- What is granted now, by the newest import of each source. An orphan is granted something and in no inventory of
-- its kind; null where no inventory of that kind was imported, or the principal is everybody (*).
CREATE VIEW entitlements AS
SELECT e.*, CASE WHEN e.principal <> '*' AND e.principal_kind IN (SELECT principal_kind FROM principals)
                 THEN n.name IS NULL END AS orphan
FROM entitlements_at(9223372036854775807) e LEFT JOIN (
    SELECT principal_kind, principal AS name FROM principals
    UNION SELECT principal_kind, unnest(aliases) FROM principals
) n ON n.principal_kind = e.principal_kind AND n.name = e.principal;

-- What humans may do: themselves, by a group, or by a role.
CREATE VIEW human_entitlements AS SELECT * FROM entitlements WHERE kind = 'human';

-- What client applications and agents may do, whoever sits before them.
CREATE VIEW client_entitlements AS SELECT * FROM entitlements WHERE kind = 'client';

-- What servers offer, tool by tool, whoever asks.
CREATE VIEW tool_entitlements AS SELECT * FROM entitlements WHERE kind = 'tool';

-- What credentials may be used for.
CREATE VIEW credential_entitlements AS SELECT * FROM entitlements WHERE kind = 'credential';

-- What differs between two versions: granted, revoked, or changed, with both sides.
CREATE MACRO entitlements_between(earlier, later) AS TABLE
WITH a AS (SELECT * EXCLUDE (version) FROM entitlements_at(earlier)),
     b AS (SELECT * EXCLUDE (version) FROM entitlements_at(later))
SELECT CASE WHEN a.entitlement_id IS NULL THEN 'granted' WHEN b.entitlement_id IS NULL THEN 'revoked'
            ELSE 'changed' END AS change,
       coalesce(b.principal_kind, a.principal_kind) AS principal_kind, coalesce(b.principal, a.principal) AS principal,
       coalesce(b.server_name, a.server_name) AS server_name, coalesce(b.tool_name, a.tool_name) AS tool_name,
       coalesce(b.import_source, a.import_source) AS import_source,
       CASE WHEN a.entitlement_id IS NOT NULL THEN a END AS before, CASE WHEN b.entitlement_id IS NOT NULL THEN b END AS after,
       coalesce(b.entitlement_id, a.entitlement_id) AS entitlement_id
FROM a FULL JOIN b USING (entitlement_id)
WHERE a.entitlement_id IS NULL OR b.entitlement_id IS NULL OR a IS DISTINCT FROM b;

-- Whether a call is in a grant's resource scope, by the resource it names or by the argument that a scope such as
-- repo:acme/* names. Null: the call names neither.
CREATE MACRO in_scope(scope, resource, arguments) AS
CASE WHEN scope IS NULL OR resource GLOB scope THEN true
     WHEN strpos(scope, ':') > 1 AND json_extract_string(arguments, '$."' || replace(split_part(scope, ':', 1), '"', '') || '"') IS NOT NULL
     THEN json_extract_string(arguments, '$."' || replace(split_part(scope, ':', 1), '"', '') || '"') GLOB substr(scope, strpos(scope, ':') + 1)
     WHEN resource IS NOT NULL THEN false END;
