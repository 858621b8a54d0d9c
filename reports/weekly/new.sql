-- Clients, servers and tools whose first event ever lies in the week, with who began to use them.
WITH named AS (
    SELECT event_time, event_id, coalesce(user_email, user_id) AS who,
           unnest([{kind: 'client', name: coalesce(client_oauth_id, client_name, agent_id)}, {kind: 'server', name: server_name},
                   {kind: 'tool', name: server_name || '.' || tool_name}], recursive := true)
    FROM events WHERE event_time < $until
)
SELECT kind, name, min(event_time) AS first, count(*) AS events,
       list(DISTINCT who ORDER BY who) FILTER (who IS NOT NULL) AS people, arg_min(event_id, (event_time, event_id)) AS first_event
FROM named WHERE name IS NOT NULL GROUP BY ALL HAVING first >= $week::TIMESTAMPTZ ORDER BY kind, events DESC, name
