-- Who calls, under all their names and in their groups, and which tools there are on the servers of these patterns.
SELECT p.who, coalesce(n.names, [p.who]) AS names, coalesce(g.groups, []) AS groups, t.tool, coalesce(t.server_name, '') AS server_name, t.tool_name,
       [x FOR x IN $patterns::VARCHAR[] IF coalesce(t.server_name, '') GLOB x] AS patterns, c.cells
FROM (SELECT DISTINCT person AS who FROM cells WHERE person IS NOT NULL UNION SELECT DISTINCT who FROM names WHERE kind = 'human') p
CROSS JOIN tools t
LEFT JOIN (
    SELECT person, tool, list(cell ORDER BY cell) AS cells FROM cells
    WHERE NOT EXISTS (FROM gone e WHERE e.kind = 'human' AND e.who = person AND e.ended <= lo) GROUP BY ALL
) c ON c.person = p.who AND c.tool = t.tool
LEFT JOIN (SELECT who, list(DISTINCT name ORDER BY name) AS names FROM called WHERE kind = 'human' GROUP BY who) n ON n.who = p.who
LEFT JOIN (SELECT who, list(DISTINCT "group" ORDER BY "group") AS groups FROM members GROUP BY who) g ON g.who = p.who
WHERE len([x FOR x IN $patterns::VARCHAR[] IF coalesce(t.server_name, '') GLOB x]) > 0 AND (c.cells IS NOT NULL OR $every)
ORDER BY patterns, p.who, server_name, t.tool_name
