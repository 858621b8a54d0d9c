-- One identity with the access of another: what one side of a call permits and the other does not.
WITH judged AS (
    SELECT DISTINCT kind, CASE kind WHEN 'tool' THEN server_name ELSE '*' END AS pattern FROM population
), sided AS (
    SELECT c.*, coalesce(h.permitted AND NOT h.forbidden, false) AS human, coalesce(k.permitted AND NOT k.forbidden, false) AS by_client,
           coalesce(t.permitted AND NOT t.forbidden, false) AS by_tool,
           EXISTS (FROM judged WHERE kind = 'human') AS human_judged, EXISTS (FROM judged WHERE kind = 'client') AS client_judged,
           EXISTS (FROM judged j WHERE j.kind = 'tool' AND coalesce(c.server_name, '') GLOB j.pattern) AS tool_judged
    FROM cells c
    LEFT JOIN coverage h ON h.cell = c.cell AND h.kind = 'human'
    LEFT JOIN coverage k ON k.cell = c.cell AND k.kind = 'client'
    LEFT JOIN coverage t ON t.cell = c.cell AND t.kind = 'tool'
    WHERE c.calls > 0
), found AS (
    SELECT 'person_through_client' AS how, person AS who, coalesce(client, agent) AS through, *,
           'the person may, the client ' || coalesce(client, agent) || ' may not' AS because
    FROM sided WHERE human AND client_judged AND NOT by_client AND person IS NOT NULL AND coalesce(client, agent) IS NOT NULL
    UNION ALL
    SELECT 'person_through_client', person, 'tool ' || tool_name, *, 'the person may, and the server does not offer this tool'
    FROM sided WHERE human AND tool_judged AND NOT by_tool AND person IS NOT NULL
    UNION ALL
    SELECT 'client_beyond_person', coalesce(client, agent), person, *, 'the client may, the person it acts for may not'
    FROM sided WHERE by_client AND human_judged AND NOT human AND person IS NOT NULL
    UNION ALL
    SELECT 'shared_credential', s.person, s.credential, s.*, 'the credential belongs to ' || i.owner
    FROM sided s JOIN inventory i ON i.principal_kind = 'credential' AND i.principal = s.credential
    LEFT JOIN names n ON n.kind = 'human' AND n.name = i.owner
    WHERE s.person IS NOT NULL AND i.owner IS NOT NULL AND s.person <> coalesce(n.who, i.owner) AND NOT list_contains([s.user_id, s.user_email], i.owner)
)
SELECT how, who, through, coalesce(server_name, '') AS server_name, tool_name, sum(calls)::BIGINT AS calls, min(first_use) AS first_use,
       max(last_use) AS last_use, arg_min(first_event, first_use, $evidence::BIGINT) AS events, any_value(because) AS because
FROM found GROUP BY how, who, through, server_name, tool_name ORDER BY calls DESC, how, who, through, server_name, tool_name
