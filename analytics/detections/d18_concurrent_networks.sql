-- title = "One credential from two networks in turn"
-- severity = "high"
-- confidence = 0.6
-- why = "Whoever moves leaves one network for another; a credential that goes there, back and there again is in two places. No map is used: this says that the networks differ (/16 of IPv4, /48 of IPv6), not how far apart they are."
-- next = "Look up both networks. If one is not the owner's, revoke the credential and read the sessions from there."
-- false_positives = ["a move to another network, once", "split tunnels and mobile phones that this credential has used side by side before, or a long-lived key of which nothing earlier is known", "an egress that many people share"]
-- requires = ["credential_id", "client_address"]
-- explain = "Credential {credential_id} was used from {network}, then from {other}, then from {network} again within {minutes} minutes; it had not been on both before"
-- tags = ["AML.T0012", "AML.T0091.000", "DE.AE-03"]
-- [parameters]
-- window_minutes = 30
-- least_egress_people = 5
WITH places AS (SELECT client_address, network_of(client_address) AS network FROM (SELECT DISTINCT client_address FROM events)
), uses AS NOT MATERIALIZED (
    SELECT events.*, network FROM events JOIN places USING (client_address) WHERE credential_id IS NOT NULL AND network IS NOT NULL AND event_kind <> 'entity_change'
), egress AS (
    SELECT network FROM uses GROUP BY network HAVING count(DISTINCT user_id) >= $least_egress_people
), steps AS (
    SELECT *, lag((event_id, network, event_time)) OVER (PARTITION BY credential_id ORDER BY event_time, event_id) AS p FROM uses
    WHERE credential_id IN (SELECT credential_id FROM uses GROUP BY credential_id HAVING min(network) < max(network))
), moves AS (
    SELECT *, lag((p, event_id)) OVER (PARTITION BY credential_id ORDER BY event_time, event_id) AS q FROM steps WHERE network <> p[2]
), found AS (
    FROM moves WHERE fresh AND network = q[1][2] AND event_time <= q[1][3] + to_minutes($window_minutes)
     AND NOT (network IN (FROM egress) AND p[2] IN (FROM egress))
    QUALIFY row_number() OVER (PARTITION BY credential_id ORDER BY event_time, event_id) = 1
), known AS (
    SELECT credential_id, list(DISTINCT network_of(client_address)) AS networks FROM credential_days
    WHERE past AND credential_id IN (SELECT credential_id FROM found) AND client_address IS NOT NULL GROUP BY credential_id
)
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, network, p[2] AS other,
       round(date_diff('second', q[1][3], event_time) / 60, 1) AS minutes,
       [q[1][1], q[2], event_id] AS evidence, concat_ws('|', credential_id, event_time::DATE) AS key
FROM found LEFT JOIN known USING (credential_id)
WHERE NOT coalesce(list_has_all(known.networks, [network, p[2]]), false)
  AND (known.networks IS NOT NULL OR credential_kind IS NULL OR credential_kind IN ('oauth_access_token', 'session', 'jit'))
