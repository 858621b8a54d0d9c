-- Who holds each span; * is everybody. Of a person who is gone it ended when they went.
CREATE TABLE holders AS
WITH held AS (
    SELECT span, kind, '*' AS who FROM spans WHERE kind = 'tool' OR principal = '*'
    UNION ALL
    SELECT s.span, s.kind, c.who FROM spans s JOIN called c ON c.kind = s.kind AND c.name = s.principal
    WHERE s.kind <> 'tool' AND s.principal <> '*' AND s.principal_kind NOT IN ('group', 'role')
    UNION ALL
    SELECT s.span, s.kind, m.who FROM spans s JOIN members m ON m."group" = s.principal
    WHERE s.principal_kind IN ('group', 'role') AND s.principal <> '*'
)
SELECT DISTINCT h.span, h.kind, h.who, s.entitlement_id, s.present, s.effect, s.server_name, s.tool_name, s.resource_scope,
       s.conditions, s.begins, least(s.ends, g.ended) AS ends
FROM held h JOIN spans s USING (span) LEFT JOIN gone g ON g.kind = h.kind AND g.who = h.who;

-- Where grants begin or end, or access ends, within a cell: there it is cut.
CREATE TABLE cuts AS
SELECT key, list(DISTINCT edge ORDER BY edge) AS edges FROM (
    SELECT c.key, c.lo, c.hi, unnest([h.begins, h.ends]) AS edge
    FROM (FROM holders WHERE begins BETWEEN $since AND $until OR ends BETWEEN $since AND $until) h
    JOIN acts a ON a.kind = h.kind AND (a.who = h.who OR h.who = '*') JOIN cells c USING (cell)
    JOIN covers v ON v.server_name = h.server_name AND v.tool_name = h.tool_name AND v.tool = c.tool
    UNION ALL
    SELECT c.key, c.lo, c.hi, g.ended FROM gone g JOIN acts a ON a.kind = g.kind AND a.who = g.who JOIN cells c USING (cell)
) WHERE edge > lo AND edge <= hi GROUP BY key;
