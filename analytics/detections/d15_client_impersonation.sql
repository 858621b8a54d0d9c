-- title = "A client is not what it says it is"
-- severity = "high"
-- confidence = 0.6
-- why = "clientInfo is what a client says of itself. Where everybody else with that name shows one OAuth client or one User-Agent, and one shows another, a program pretends; a token whose client's version goes down and up again is held by two programs. TLS fingerprints are not in the logs and play no part."
-- next = "Ask the user which client that was. Deny the OAuth client or User-Agent if it is not approved, and revoke its tokens."
-- false_positives = ["dynamic registration, where every installation has an OAuth client of its own", "a beta release or a second machine: another token", "a proxy that writes its own User-Agent for one source", "a new build that many people get at once"]
-- requires = ["client_name"]
-- explain = "{client_name} showed {how} {shown}; of {people} people with that client {usual_share} % show {usual}"
-- tags = ["MCP07", "ASI03", "AML.T0073", "AML.T0074", "PR.AA-03", "PR.AA-04", "DE.CM-06"]
-- rollout = ["client_name", "shown"]
-- [parameters]
-- least_people = 10
-- least_share = 0.8
WITH claims AS NOT MATERIALIZED (
    SELECT *, coalesce(user_id, credential_id, session) AS person FROM events WHERE client_name IS NOT NULL AND event_kind <> 'entity_change'
), shows AS (
    SELECT source_system, client_name, client_oauth_id, user_agent, person,
           unnest([{how: 'OAuth client', shown: client_oauth_id},
                   {how: 'User-Agent', shown: regexp_extract(user_agent, '^[^/ ]+')}], recursive := true)
    FROM (SELECT DISTINCT source_system, client_name, client_oauth_id, user_agent, person FROM claims)
), counts AS (
    SELECT source_system, client_name, how, shown, count(DISTINCT person) AS people FROM shows WHERE shown <> '' GROUP BY ALL
), usual AS (
    SELECT source_system, client_name, how, max(people) AS usual_people, arg_max(shown, people) AS usual, sum(people) AS people
    FROM counts GROUP BY ALL HAVING usual_people >= $least_people AND usual_people >= $least_share * sum(counts.people)
), odd AS (
    SELECT c.user_id, c.client, c.credential_id, c.server_name, c.tool_name, c.session, c.event_time, c.client_name, n.how, n.shown,
           u.people, u.usual, 100.0 * u.usual_people / u.people AS usual_share, c.person,
           -- how often one of these people would show something else, by their number alone
           (n.people + 1) / (u.people + 1) AS p_value, [c.event_id] AS evidence
    FROM usual u JOIN counts n USING (source_system, client_name, how) JOIN claims c USING (source_system, client_name)
    WHERE c.fresh AND n.shown <> u.usual
      AND n.shown = CASE n.how WHEN 'OAuth client' THEN c.client_oauth_id ELSE regexp_extract(c.user_agent, '^[^/ ]+') END
    QUALIFY row_number() OVER (PARTITION BY c.source_system, c.client_name, n.how, n.shown, c.person ORDER BY c.event_time, c.event_id) = 1
), versions AS (
    SELECT *, list_transform(regexp_extract_all(client_version, '\d+'), lambda v: v::UBIGINT) AS v,
           lag((event_id, v, client_version)) OVER token AS p
    FROM events WHERE credential_kind IN ('oauth_access_token', 'session', 'jit') AND client_version IS NOT NULL
      AND credential_id IN (SELECT credential_id FROM events GROUP BY credential_id HAVING min(client_version) < max(client_version))
    WINDOW token AS (PARTITION BY credential_id, client_name ORDER BY event_time, event_id)
), changes AS (
    SELECT *, lag((p, event_id)) OVER (PARTITION BY credential_id, client_name ORDER BY event_time, event_id) AS q FROM versions WHERE v <> p[2]
), flicker AS (
    SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, client_name, 'version' AS how,
           concat(q[1][3], ', then ', p[3], ', then ', client_version, ' under one token') AS shown, 1 AS people, 'one version' AS usual,
           100.0 AS usual_share, credential_id AS person, NULL::DOUBLE AS p_value, [q[1][1], q[2], event_id] AS evidence
    FROM changes WHERE fresh AND v > p[2] AND q[1][2] > p[2]
    QUALIFY row_number() OVER (PARTITION BY credential_id, client_name ORDER BY event_time, event_id) = 1
)
SELECT * EXCLUDE (person), concat_ws('|', client_name, how, shown, person, event_time::DATE) AS key FROM odd
UNION ALL SELECT * EXCLUDE (person), concat_ws('|', client_name, how, person, event_time::DATE) FROM flicker
