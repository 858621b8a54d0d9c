-- Every name under which an inventory knows somebody, and whom it names. Agents are clients among clients.
CREATE TABLE names AS
SELECT kind, name, min(principal) AS who FROM (
    SELECT CASE principal_kind WHEN 'agent' THEN 'client' ELSE principal_kind END AS kind, principal, unnest([principal] || aliases) AS name
    FROM inventory
) GROUP BY kind, name;

-- When each principal's access ended, by its inventory; of those gone without a day, when the inventory first said so.
CREATE TABLE gone AS
SELECT CASE principal_kind WHEN 'agent' THEN 'client' ELSE principal_kind END AS kind, principal AS who, status,
       min(CASE WHEN status = 'active' THEN until ELSE coalesce(until, state_time) END) AS ended,
       any_value(import_source || ' version ' || version) AS said_by
FROM inventory WHERE status <> 'active' OR until IS NOT NULL GROUP BY ALL;

-- In which groups and roles each person is.
CREATE TABLE members AS
SELECT principal AS who, unnest(member_of) AS "group" FROM inventory WHERE principal_kind = 'human';

-- Entitlements that came with a later import of their source: they began after the import before.
CREATE TABLE begun AS
SELECT c.entitlement_id, max(i.import_time) AS not_before FROM (
    SELECT entitlement_id, import_source, min(version) AS version FROM grant_changes GROUP BY ALL
) c JOIN imports i ON i.import_source = c.import_source AND i.version < c.version GROUP BY ALL;

-- What is granted now, with what bounds it in time, and whether its principal is in no inventory.
CREATE TABLE population AS
SELECT n.* EXCLUDE (change, import_id, state_time), coalesce(granted_at, not_before) AS begins,
       least(expires_at, revoked_at) AS ends,
       CASE WHEN policy_language IS NULL THEN server_name || chr(0) || tool_name ELSE entitlement_id END AS reach_key,
       CASE WHEN principal <> '*' AND principal_kind IN (SELECT principal_kind FROM inventory)
            THEN NOT EXISTS (FROM inventory p WHERE p.principal_kind = n.principal_kind
                             AND (p.principal = n.principal OR list_contains(p.aliases, n.principal))) END AS orphan
FROM (
    FROM grant_changes QUALIFY row_number() OVER (PARTITION BY entitlement_id ORDER BY version DESC) = 1
) n LEFT JOIN begun USING (entitlement_id) WHERE change <> 'revoked';

-- What was granted at some time: each entitlement as every import said it, from that import to the next that says
-- otherwise. What the first import of a source says may have been so before.
CREATE TABLE history AS
SELECT o.* EXCLUDE (import_id, next_time, nth, change),
       CASE WHEN nth > 1 THEN o.state_time ELSE coalesce(granted_at, not_before) END AS begins,
       least(o.expires_at, o.revoked_at, o.next_time) AS ends
FROM (
    SELECT *, lead(state_time) OVER own AS next_time, row_number() OVER own AS nth, count(*) OVER (PARTITION BY entitlement_id) AS times
    FROM grant_changes WINDOW own AS (PARTITION BY entitlement_id ORDER BY version)
) o LEFT JOIN begun USING (entitlement_id)
WHERE change <> 'revoked' AND policy_language IS NULL AND times > 1;

-- Both, by when: `present` spans are those of what is granted now.
CREATE TABLE spans AS
SELECT row_number() OVER () AS span, * FROM (
    SELECT entitlement_id, true AS present, kind, principal_kind, principal, effect, server_name, tool_name, resource_scope,
           conditions, begins, ends FROM population WHERE policy_language IS NULL
    UNION ALL
    SELECT entitlement_id, false, kind, principal_kind, principal, effect, server_name, tool_name, resource_scope, conditions,
           begins, ends FROM history
);

-- Tools that are known: by calls in the period, or by their names in grants.
CREATE TABLE tools AS
SELECT row_number() OVER (ORDER BY server_name, tool_name) AS tool, * FROM (
    SELECT server_name, tool_name, min(operation_class) AS operation_class, bool_or(seen) AS seen FROM (
        SELECT server_name, tool_name, operation_class, true AS seen FROM raw
        UNION ALL
        SELECT server_name, tool_name, NULL, false FROM population
        WHERE NOT regexp_matches(server_name, '[*?\[]') AND NOT regexp_matches(tool_name, '[*?\[]') AND tool_name <> '-'
    ) GROUP BY server_name, tool_name
);

-- Which tools each pattern of a grant covers.
CREATE TABLE covers AS
SELECT p.server_name, p.tool_name, t.tool FROM (
    SELECT DISTINCT server_name, tool_name FROM spans UNION SELECT server_name, tool_name FROM population
) p JOIN tools t ON coalesce(t.server_name, '') GLOB p.server_name AND t.tool_name GLOB p.tool_name;
