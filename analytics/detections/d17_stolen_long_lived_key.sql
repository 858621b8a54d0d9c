-- title = "A long-lived key in a new place and a new program"
-- severity = "high"
-- confidence = 0.7
-- why = "A stolen key works for whoever holds it. It is known by its company: the network, program, tools and hours it was used with before. Networks are /16 of IPv4 and /48 of IPv6, for no log says whose they are."
-- next = "Ask the owner. If it was not they, revoke the key, read that session, and look for where the key was written down."
-- false_positives = ["a new laptop: a new program on a known network", "a deployment to a new region: a known program from a new network", "an owner who often shows new networks and programs", "a key too young to have habits"]
-- requires = ["credential_id", "credential_kind", "client_address"]
-- explain = "Credential {credential_id} came from {network} by {software}, neither seen in its {hours} hours of use before{also}; {odds} to 1 against its own habits"
-- tags = ["NHI7", "NHI2", "MCP01", "AML.T0012", "AML.T0055", "AML.T0091.000", "PR.AA-01", "DE.CM-03"]
-- [parameters]
-- kinds = ["static_key", "personal_access_token", "service_account"]
-- least_hours = 3
-- least_odds = 200
-- least_age_days = 14
WITH company AS ( -- every network and program, before anything is taken apart: few, whatever the history
    SELECT credential_id, credential_kind, person, first_time, unnest([
        {feature: 'network', shown: network_of(client_address)},
        {feature: 'program', shown: concat_ws(', ', client, regexp_extract(user_agent, '^[^/ ]+'))}], recursive := true)
    FROM (SELECT credential_id, credential_kind, coalesce(user_id, credential_id) AS person, client_address, client, user_agent,
                 min(first_time) AS first_time FROM credential_days WHERE change IS NULL GROUP BY ALL)
), owners AS ( -- what the people of the fleet show
    SELECT feature, shown, count(DISTINCT person) AS people FROM company WHERE shown <> '' GROUP BY ALL
), changed AS ( -- keys that showed a new network and a new program
    SELECT credential_id FROM (
        SELECT credential_id, feature FROM company WHERE list_contains($kinds, credential_kind) AND shown <> ''
        GROUP BY credential_id, feature, shown HAVING min(first_time) >= $from)
    GROUP BY credential_id HAVING count(DISTINCT feature) = 2
), features AS (
    FROM (SELECT credential_id, hour AS active, first_time, first_event, unnest([
        {feature: 'network', shown: network_of(client_address)},
        {feature: 'program', shown: concat_ws(', ', client, regexp_extract(user_agent, '^[^/ ]+'))},
        {feature: 'tool', shown: concat_ws('.', server_name, tool_name)}, {feature: 'hour of day', shown: hour(hour)::VARCHAR}
    ], recursive := true) FROM activity WHERE event_kind NOT IN ('entity_change', 'revocation', 'restoration') AND credential_id IN (FROM changed) AND list_contains($kinds, credential_kind))
    WHERE shown <> ''
), fleet AS (
    SELECT feature, sum(people) / count(*) AS usual_people FROM owners GROUP BY feature
), born AS (
    SELECT credential_id, feature, shown, min(first_time) AS since, arg_min(first_event, first_time) AS event_id
    FROM features GROUP BY ALL
), novel AS (
    SELECT b.*, coalesce(e.session, '') AS session FROM born b JOIN events e USING (event_id) WHERE e.fresh
), suspects AS (
    SELECT credential_id, session, min(since) AS since, list(DISTINCT feature) AS new,
           arg_min(shown, since) FILTER (feature = 'network') AS network, arg_min(shown, since) FILTER (feature = 'program') AS software,
           list_sort([(min(since) FILTER (feature = 'network'), arg_min(event_id, since) FILTER (feature = 'network')),
                      (min(since) FILTER (feature = 'program'), arg_min(event_id, since) FILTER (feature = 'program'))]) AS proof
    FROM novel GROUP BY ALL HAVING network IS NOT NULL AND software IS NOT NULL
), habits AS ( -- how often each use brought something new before (Krichevsky-Trofimov); the hours of use are the trials
    SELECT s.*, f.feature, count(DISTINCT f.active) AS hours,
           least(0.5, (count(DISTINCT f.shown) - 0.5) / (count(DISTINCT f.active) + 1)) AS own,
           CASE WHEN f.feature IN ('network', 'program') THEN 0.8 ELSE 0.5 END AS thief
    FROM suspects s JOIN features f USING (credential_id) WHERE f.first_time < s.since GROUP BY ALL
), scored AS (
    SELECT credential_id, session, network, software, new, proof, max(hours) AS hours,
           exp(sum(CASE WHEN list_contains(new, feature) THEN ln(thief / own) ELSE ln((1 - thief) / (1 - own)) END)) AS odds
    FROM habits GROUP BY ALL
), strange AS ( -- an owner who changes takes what many have; a thief is as likely to show any
    SELECT credential_id, session, product(usual_people / people) AS more
    FROM (SELECT credential_id, session, unnest([
        {feature: 'network', shown: network}, {feature: 'program', shown: software}], recursive := true) FROM scored)
    JOIN owners USING (feature, shown) JOIN fleet USING (feature) GROUP BY ALL
), weighed AS (
    SELECT * REPLACE (odds * more AS odds) FROM scored JOIN strange USING (credential_id, session)
)
SELECT e.user_id, e.client, e.credential_id, e.server_name, e.tool_name, e.session, e.event_time,
       s.network, s.software, s.hours, round(s.odds)::BIGINT AS odds,
       coalesce('; new too: ' || nullif(array_to_string(
           list_filter(['tool', 'hour of day'], lambda f: list_contains(new, f)), ', '), ''), '') AS also,
       1 / s.odds AS p_value, -- Wald: by its own habits the ratio exceeds t no more often than 1 / t
       [proof[1][2], proof[2][2]] AS evidence, concat_ws('|', e.credential_id, s.network, s.software) AS key
FROM weighed s JOIN events e ON e.event_id = s.proof[2][2]
WHERE s.hours >= $least_hours AND s.odds >= $least_odds
  AND (e.issued_at IS NULL OR e.event_time > e.issued_at + to_days($least_age_days))
