-- What was used and not granted, side by side: nothing permitted it when it was used, or something forbade it. Only
-- sides of which anything is recorded are judged: a server's tools where any tool of that server is.
WITH judged AS (
    SELECT DISTINCT kind, CASE kind WHEN 'tool' THEN server_name ELSE '*' END AS pattern FROM population
), sides AS (
    SELECT cell, k.leg, k.who FROM cells, LATERAL (VALUES ('human', person), ('client', coalesce(client, agent)),
                                                       ('credential', credential), ('tool', tool_name)) k(leg, who)
    WHERE calls > 0 AND k.who IS NOT NULL
), loose AS (
    SELECT s.leg, s.who, c.*, CASE WHEN v.forbidden THEN v.forbidden_by END AS forbidden_by
    FROM sides s JOIN cells c USING (cell) LEFT JOIN coverage v ON v.cell = s.cell AND v.kind = s.leg
    WHERE (NOT coalesce(v.permitted, false) OR v.forbidden)
      AND EXISTS (FROM judged j WHERE j.kind = s.leg AND coalesce(c.server_name, '') GLOB j.pattern)
)
SELECT leg, l.who AS principal, CASE WHEN leg = 'tool' THEN 'tool' ELSE coalesce(any_value(i.principal_kind), leg) END AS principal_kind,
       coalesce(l.server_name, '') AS server_name, l.tool_name, sum(calls)::BIGINT AS calls,
       list_slice(list(DISTINCT person ORDER BY person) FILTER (person IS NOT NULL), 1, $evidence) AS people,
       list_slice(list(DISTINCT client ORDER BY client) FILTER (client IS NOT NULL), 1, $evidence) AS clients,
       min(first_use) AS first_use, max(last_use) AS last_use,
       arg_min(first_event, first_use, $evidence::BIGINT) AS events, arg_max(last_event, last_use) AS last_event,
       CASE WHEN leg IN (SELECT CASE principal_kind WHEN 'agent' THEN 'client' ELSE principal_kind END FROM inventory)
            THEN any_value(i.principal) IS NULL END AS orphan,
       min(forbidden_by) AS forbidden_by, any_value(k.private) AS private, any_value(k.untrusted) AS untrusted,
       any_value(k.sink) AS sink, any_value(k.write) AS write, any_value(k.persistent) AS persistent,
       any_value(k.destructive) AS destructive, any_value(k.exec) AS exec
FROM loose l
LEFT JOIN (SELECT DISTINCT ON (principal, kind) principal, principal_kind,
                  CASE principal_kind WHEN 'agent' THEN 'client' ELSE principal_kind END AS kind FROM inventory) i
     ON i.kind = l.leg AND i.principal = l.who
LEFT JOIN tool_classes k ON k.server_name IS NOT DISTINCT FROM l.server_name AND k.tool_name = l.tool_name
WHERE list_contains($kinds, leg)
  AND (len($servers) = 0 OR len([x FOR x IN $servers::VARCHAR[] IF coalesce(l.server_name, '') GLOB x]) > 0)
  AND (len($principals) = 0 OR len([x FOR x IN $principals::VARCHAR[] IF l.who GLOB x]) > 0)
GROUP BY leg, l.who, l.server_name, l.tool_name
ORDER BY (min(l.forbidden_by) IS NOT NULL) DESC, sum(calls) DESC, leg, principal, server_name, tool_name
