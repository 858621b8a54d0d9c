-- Which grants of the population each person and client holds; of policies the tools they permit to them.
SELECT DISTINCT h.kind, h.who, h.entitlement_id, h.server_name, h.tool_name
FROM holders h WHERE h.present AND h.effect = 'permit' AND h.kind IN ('human', 'client') AND (h.ends IS NULL OR h.ends > $until)
UNION
SELECT r.kind, r.who, r.entitlement_id, coalesce(t.server_name, ''), t.tool_name FROM policy_reach r JOIN tools t USING (tool)
WHERE NOT EXISTS (FROM gone g WHERE g.kind = r.kind AND g.who = r.who AND g.ended <= $until)
ORDER BY ALL
