-- Who can reach all three: private data, what strangers wrote, and a way out. What was used counts whoever granted it.
WITH given AS (
    SELECT h.kind, h.who, h.entitlement_id, v.tool FROM holders h
    JOIN covers v ON v.server_name = h.server_name AND v.tool_name = h.tool_name
    WHERE h.present AND h.effect = 'permit' AND h.kind IN ('human', 'client') AND (h.ends IS NULL OR h.ends > $until)
      AND (h.begins IS NULL OR h.begins <= $until)
    UNION ALL
    SELECT kind, who, entitlement_id, tool FROM policy_reach
), everyone AS (
    SELECT kind, who, entitlement_id, tool FROM given WHERE who <> '*'
    UNION ALL
    SELECT DISTINCT g.kind, o.who, g.entitlement_id, g.tool FROM given g JOIN (SELECT DISTINCT kind, who FROM called) o USING (kind) WHERE g.who = '*'
), flagged AS (
    SELECT t.tool, coalesce(t.server_name, '') || '/' || t.tool_name AS name, k.private, k.untrusted, k.sink
    FROM tools t JOIN tool_classes k ON k.server_name IS NOT DISTINCT FROM t.server_name AND k.tool_name = t.tool_name
    WHERE k.private OR k.untrusted OR k.sink
), holding AS (
    SELECT kind, who, list_slice(list(DISTINCT name ORDER BY name) FILTER (private), 1, $evidence) AS sources,
           list_slice(list(DISTINCT name ORDER BY name) FILTER (untrusted), 1, $evidence) AS taints,
           list_slice(list(DISTINCT name ORDER BY name) FILTER (sink), 1, $evidence) AS sinks,
           list_slice(list(DISTINCT entitlement_id ORDER BY entitlement_id), 1, 4 * $evidence) AS grants
    FROM everyone JOIN flagged USING (tool)
    GROUP BY kind, who HAVING bool_or(private) AND bool_or(untrusted) AND bool_or(sink)
), acted AS (
    SELECT a.kind, a.who, list_slice(list(DISTINCT name ORDER BY name), 1, 2 * $evidence) AS used,
           coalesce(bit_count(bit_or(bits) FILTER (private) & bit_or(bits) FILTER (untrusted) & bit_or(bits) FILTER (sink)), 0) AS realised
    FROM acts a JOIN cells c USING (cell) JOIN flagged USING (tool) WHERE c.calls > 0 AND a.kind IN ('human', 'client') GROUP BY ALL
)
SELECT h.kind, h.who AS principal, sources, taints, sinks, grants, coalesce(a.used, []) AS used, coalesce(a.realised, 0) AS realised,
       CASE WHEN a.realised > 0 THEN 'all three were used within one window, ' || a.realised || ' times'
            ELSE 'all three are in reach; they were not used together' END AS reason
FROM holding h LEFT JOIN acted a USING (kind, who)
LEFT JOIN gone g ON g.kind = h.kind AND g.who = h.who AND g.ended <= $until
WHERE g.who IS NULL ORDER BY realised DESC, len(used) DESC, kind, principal
