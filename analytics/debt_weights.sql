-- What each server a credential reached weighs: as much as the most sensitive tool there that it was not always refused.
-- A credential that reached nothing weighs 1, on no server.
CREATE TABLE weights AS
SELECT s.credential_id, s.server_name, coalesce(max(w.worth), 1) AS weight, max_by(w.tool_name, (w.worth, w.tool_name)) AS worst_tool
FROM (SELECT DISTINCT credential_id, server_name FROM tried WHERE NOT refused) s
LEFT JOIN tools w ON w.server_name IS NOT DISTINCT FROM s.server_name
 AND NOT EXISTS (FROM tried t WHERE t.refused AND t.credential_id = s.credential_id AND t.tool_name = w.tool_name
                  AND t.server_name IS NOT DISTINCT FROM s.server_name)
GROUP BY ALL
UNION ALL
SELECT credential_id, NULL, 1, NULL FROM keys ANTI JOIN (FROM tried WHERE NOT refused) USING (credential_id)
