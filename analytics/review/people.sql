-- Cells with each one's own name: what an inventory calls them, else what the events do.
CREATE OR REPLACE TABLE cells AS
SELECT row_number() OVER (ORDER BY r.key, r.segment, r.outside) AS cell, t.tool, coalesce(u.who, m.who, r.user_id, r.user_email) AS person,
       coalesce(o.who, c.who, r.client_oauth_id, r.client_name) AS client,
       coalesce(i.who, a.who, r.agent_id, r.agent_name) AS agent, coalesce(k.who, r.credential_id) AS credential, r.*
FROM raw r JOIN tools t ON t.server_name IS NOT DISTINCT FROM r.server_name AND t.tool_name = r.tool_name
LEFT JOIN names u ON u.kind = 'human' AND u.name = r.user_id
LEFT JOIN names m ON m.kind = 'human' AND m.name = r.user_email
LEFT JOIN names o ON o.kind = 'client' AND o.name = r.client_oauth_id
LEFT JOIN names c ON c.kind = 'client' AND c.name = r.client_name
LEFT JOIN names i ON i.kind = 'client' AND i.name = r.agent_id
LEFT JOIN names a ON a.kind = 'client' AND a.name = r.agent_name
LEFT JOIN names k ON k.kind = 'credential' AND k.name = r.credential_id;

-- Who is meant by a name that a grant says: by the inventories, by the events, and else by itself.
CREATE OR REPLACE TABLE called AS
WITH known AS (
    SELECT DISTINCT kind, name, who FROM (
        FROM names
        UNION ALL SELECT 'human', unnest([user_id, user_email, person]), person FROM cells
        UNION ALL SELECT 'client', unnest([client_oauth_id, client_name, client]), client FROM cells
        UNION ALL SELECT 'client', unnest([agent_id, agent_name, agent]), agent FROM cells
        UNION ALL SELECT 'credential', unnest([credential_id, credential]), credential FROM cells
    ) WHERE name IS NOT NULL AND who IS NOT NULL
)
FROM known
UNION ALL
SELECT DISTINCT s.kind, s.principal, s.principal FROM spans s
WHERE s.principal_kind NOT IN ('group', 'role', 'tool') AND s.principal <> '*'
  AND NOT EXISTS (FROM known k WHERE k.kind = s.kind AND k.name = s.principal);

-- The sides of a call that grants can be about.
CREATE OR REPLACE TABLE acts AS
SELECT cell, 'human' AS kind, person AS who FROM cells WHERE person IS NOT NULL
UNION ALL SELECT cell, 'client', client FROM cells WHERE client IS NOT NULL
UNION ALL SELECT cell, 'client', agent FROM cells WHERE agent IS NOT NULL AND agent IS DISTINCT FROM client
UNION ALL SELECT cell, 'credential', credential FROM cells WHERE credential IS NOT NULL
UNION ALL SELECT cell, 'tool', '*' FROM cells;
