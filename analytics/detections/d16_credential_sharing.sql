-- title = "One credential, several at once"
-- severity = "high"
-- confidence = 0.7
-- why = "A credential that several people or machines hold names nobody: what was done with it cannot be told apart, and it cannot be revoked for one of them."
-- next = "Ask both who else has it. Give each their own credential, revoke this one, and treat its use from an unknown machine as theft."
-- false_positives = ["one person who moves between networks: from there to here and not back", "one machine with two clients, or one client on a network that changes", "a gateway that pools one credential for all its users", "people named in two ways by two sources"]
-- requires = ["credential_id"]
-- explain = "{what} used credential {credential_id} within {minutes} minutes: {one} and {other}"
-- tags = ["NHI9", "NHI10", "MCP01", "AML.T0012", "PR.AA-01", "PR.AA-02"]
-- [parameters]
-- people_minutes = 60
-- machine_minutes = 10
-- most_people = 5
WITH several AS (
    SELECT credential_id FROM events WHERE credential_id IS NOT NULL GROUP BY credential_id
    HAVING min(user_id) < max(user_id) OR min(client_address) < max(client_address)
), uses AS ( -- names compare only where one source gives them in one way
    SELECT event_id, event_time, fresh, credential_id, user_id, client, client_address, server_name, tool_name, session,
           (source_system, user_id_kind) AS namer FROM events
    WHERE credential_id IN (FROM several) AND credential_kind IS DISTINCT FROM 'service_account' AND delegation IS NULL
      AND event_kind <> 'entity_change' AND coalesce(user_id_kind, '') NOT IN ('none', 'anonymous', 'install_id')
), pooled AS (
    SELECT credential_id FROM uses GROUP BY credential_id, namer HAVING count(DISTINCT user_id) > $most_people
), people AS (
    SELECT *, lag((event_id, user_id, event_time)) OVER (PARTITION BY credential_id, namer ORDER BY event_time, event_id) AS p
    FROM uses WHERE user_id IS NOT NULL
), steps AS (
    SELECT *, lag((event_id, client, client_address, event_time)) OVER (PARTITION BY credential_id, namer ORDER BY event_time, event_id) AS p
    FROM uses WHERE client IS NOT NULL AND client_address IS NOT NULL
), moves AS ( -- from one machine, client and address, to another
    SELECT *, lag((p, event_id, client, client_address)) OVER (PARTITION BY credential_id, namer ORDER BY event_time, event_id) AS q
    FROM steps WHERE (client, client_address) IS DISTINCT FROM (p[2], p[3])
), found AS (
    SELECT * EXCLUDE (p), 'Two people' AS what, p[2] AS one, user_id AS other, p[3] AS since, [p[1], event_id] AS evidence, 0.8 AS confidence
    FROM people WHERE user_id <> p[2]
    UNION ALL
    SELECT * EXCLUDE (p, q), 'Two machines', concat_ws(' at ', client, client_address), concat_ws(' at ', p[2], p[3]), q[1][4],
           [q[1][1], q[2], event_id], 0.6
    FROM moves WHERE client = q[1][2] AND client_address = q[1][3] AND p[2] <> client AND p[3] <> client_address
)
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, what, one, other, confidence, evidence,
       round(date_diff('second', since, event_time) / 60, 1) AS minutes, concat_ws('|', credential_id, what, event_time::DATE) AS key
FROM found WHERE fresh AND credential_id NOT IN (FROM pooled)
 AND event_time <= since + to_minutes(CASE what WHEN 'Two people' THEN $people_minutes ELSE $machine_minutes END)
QUALIFY row_number() OVER (PARTITION BY credential_id, what ORDER BY event_time, event_id) = 1
