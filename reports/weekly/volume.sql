-- Each of two weeks in numbers: this one and the one before.
SELECT event_time >= $week::TIMESTAMPTZ AS this_week, count(*) AS events, count(DISTINCT event_time::DATE) AS days,
       count(*) FILTER (event_class IN ('tool_call', 'denial')) AS calls, count(*) FILTER (event_class = 'denial') AS denied,
       count(*) FILTER (event_class = 'tool_call' AND outcome IN ('tool_error', 'protocol_error', 'transport_error', 'timeout')) AS failed,
       count(DISTINCT coalesce(user_id, user_email)) AS users,
       count(DISTINCT coalesce(client_oauth_id, client_name, agent_id)) AS clients,
       count(DISTINCT server_name) AS servers, count(DISTINCT (server_name, tool_name)) FILTER (tool_name IS NOT NULL) AS tools,
       count(*) FILTER (coalesce(user_id, user_email) IS NULL) AS without_user
FROM events WHERE event_time >= $before AND event_time < $until GROUP BY ALL ORDER BY ALL
