-- What each source told of each server, hour by hour: how much, and of whom.
CREATE TABLE hours AS
SELECT source_system, source_instance, server_name, date_trunc('hour', event_time) AS hour,
       list(DISTINCT evidence_kind) AS evidence_kinds, count(*) AS events,
       count(*) FILTER (event_class IN ('tool_call', 'denial') AND tool_name IS NOT NULL) AS calls,
       count(coalesce(user_id, user_email)) AS with_human, count(coalesce(client_oauth_id, client_name, agent_id)) AS with_client,
       count(credential_id) AS with_credential, min(event_time) AS first, max(event_time) AS last
FROM lake_events WHERE event_time >= $since AND event_time < $until GROUP BY ALL;

-- Since when each server is seen, and whether what is said of it names humans, clients and credentials.
CREATE TABLE seen AS
SELECT coalesce(server_name, '') AS server_name, min(first) AS first, max(last) AS last, sum(with_human) > 0 AS human,
       sum(with_client) > 0 AS client, sum(with_credential) > 0 AS credential, true AS tool
FROM hours GROUP BY ALL;
