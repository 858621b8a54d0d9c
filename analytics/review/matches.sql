-- Which grant bears on which cell, and whether that is sure: a condition, or a resource nobody saw, leaves it open.
CREATE TABLE matches AS
WITH acting AS (
    SELECT a.kind, a.who, c.cell, c.tool, c.lo, c.hi, c.outside FROM acts a JOIN cells c USING (cell)
), bearing AS (
    SELECT h.*, a.* EXCLUDE (kind, who) FROM holders h JOIN acting a ON a.kind = h.kind AND a.who = h.who WHERE h.who <> '*' OR h.kind = 'tool'
    UNION ALL
    SELECT h.*, a.* EXCLUDE (kind, who) FROM holders h JOIN acting a ON a.kind = h.kind WHERE h.who = '*' AND h.kind <> 'tool'
)
SELECT DISTINCT b.entitlement_id, b.present, b.kind, b.cell, b.effect, b.conditions IS NULL AND b.resource_scope IS NULL AS sure
FROM bearing b JOIN covers v ON v.server_name = b.server_name AND v.tool_name = b.tool_name AND v.tool = b.tool
WHERE (b.begins IS NULL OR b.begins <= b.lo) AND (b.ends IS NULL OR b.ends > b.hi)
  AND NOT coalesce(list_contains(b.outside, b.resource_scope), false);
