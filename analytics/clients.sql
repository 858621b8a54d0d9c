-- The client inventory: every client that was seen, what it is known by, how much it did and what was found.
-- Records of one call share its tool_call_id and count as one.
WITH own AS (
    SELECT *, coalesce(client_oauth_id, client_name, agent_id) AS client, coalesce(tool_call_id, event_id) AS call
    FROM events
), found AS (
    SELECT client, count(*) AS findings FROM findings WHERE client IS NOT NULL GROUP BY client
), seen AS (
    SELECT client, CASE WHEN bool_or(client_oauth_id IS NOT NULL) THEN 'attested'
                        WHEN bool_or(client_name IS NOT NULL) THEN 'self-reported' ELSE 'agent' END AS identity,
           list(DISTINCT client_name ORDER BY client_name) FILTER (client_name IS NOT NULL) AS names,
           list(DISTINCT client_version ORDER BY client_version) FILTER (client_version IS NOT NULL) AS versions,
           count(DISTINCT coalesce(user_email, user_id)) AS users,
           list(DISTINCT server_name ORDER BY server_name) FILTER (server_name IS NOT NULL) AS servers,
           min(event_time) AS first, max(event_time) AS last,
           count(DISTINCT call) FILTER (event_class IN ('tool_call', 'denial')) AS calls,
           count(DISTINCT call) FILTER (event_class = 'denial') AS denied
    FROM own WHERE client IS NOT NULL GROUP BY client
)
SELECT client, identity, names, versions, users, servers, first, last, calls, denied, coalesce(findings, 0) AS findings
FROM seen LEFT JOIN found USING (client)
WHERE $since IS NULL OR first >= $since::TIMESTAMPTZ
ORDER BY first DESC, client
