-- What each person and client used with permission (or unjudged, where nothing of that kind was imported), tool by tool.
WITH judged AS (SELECT DISTINCT kind FROM population)
SELECT a.kind, a.who, t.tool, coalesce(t.server_name, '') AS server_name, t.tool_name, sum(c.calls)::BIGINT AS calls, sum(c.early)::BIGINT AS early,
       max(c.last_use) AS last_use, arg_max(c.last_event, c.last_use) AS last_event
FROM acts a JOIN cells c USING (cell) JOIN tools t USING (tool) LEFT JOIN coverage v ON v.cell = a.cell AND v.kind = a.kind
WHERE c.calls > 0 AND a.kind IN ('human', 'client')
  AND (coalesce(v.permitted AND NOT v.forbidden, false) OR a.kind NOT IN (FROM judged))
GROUP BY ALL ORDER BY a.kind, a.who, server_name, t.tool_name
