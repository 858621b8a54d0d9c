-- title = "Looking over what there is, using none of it"
-- severity = "medium"
-- confidence = 0.6
-- why = "Who lists the tools of many servers and calls next to none is drawing a map: of what a stolen session could reach, or of what to attack."
-- next = "Ask whose inventory it is. If nobody's: end the session and look for what was called later."
-- false_positives = ["an IDE that refreshes every server when it starts: its client does so for others or did so before", "a known inventory scanner: it did so before", "work on many servers: calls follow"]
-- requires = ["server_name"]
-- explain = "{client} listed {count} servers within {minutes} minutes and called {called} tools in the {minutes_within} minutes before and after; the most any user of this client listed in an hour before is {usual}"
-- tags = ["MCP09", "AML.T0084.001", "AML.T0075", "DE.CM-03"]
-- rollout = ["client"]
-- lookback_hours = 1
-- [parameters]
-- servers = 8
-- minutes_within = 10
-- calls_per_server = 0.25
-- listing = ["tool_list", "resource_list", "prompt_list", "discover", "session_open"]
WITH acts AS NOT MATERIALIZED (
    SELECT event_id, event_time, user_id, coalesce(client, '') AS client, credential_id, server_name, session, source_system, fresh, attempted,
           coalesce(user_id, credential_id, client) AS who, event_kind IN (SELECT unnest($listing)) AS listed
    FROM events WHERE coalesce(user_id, credential_id, client) IS NOT NULL
), wide AS (SELECT who FROM acts WHERE listed GROUP BY who HAVING count(DISTINCT server_name) >= $servers
), counted AS (
    SELECT *, count(DISTINCT server_name) OVER recent AS servers FROM acts WHERE listed AND who IN (FROM wide)
    WINDOW recent AS (PARTITION BY who, client, source_system ORDER BY event_time RANGE BETWEEN to_minutes($minutes_within) PRECEDING AND CURRENT ROW)
), many AS (FROM counted WHERE fresh AND servers >= $servers
), near AS (  -- with the calls around each: few are asked about
    SELECT m.*, count(a.who) AS called FROM many m LEFT JOIN (FROM acts WHERE attempted) a
      ON a.who = m.who AND a.client = m.client AND a.source_system = m.source_system
     AND a.event_time BETWEEN m.event_time - to_minutes($minutes_within) AND m.event_time + to_minutes($minutes_within)
    GROUP BY ALL HAVING count(a.who) <= servers * $calls_per_server
), usual AS (
    SELECT client, max(n) AS most FROM (
        SELECT coalesce(client, '') AS client, coalesce(user_id, credential_id, client) AS who, hour, count(DISTINCT server_name) AS n
        FROM activity WHERE hour < $from AND event_kind IN (SELECT unnest($listing)) AND coalesce(client, '') IN (SELECT client FROM near)
        GROUP BY ALL) GROUP BY client
), swept AS (
    SELECT n.*, coalesce(u.most, 0) AS usual FROM near n LEFT JOIN usual u USING (client) WHERE servers > coalesce(u.most, 0)
    QUALIFY row_number() OVER (PARTITION BY who, client ORDER BY event_time, event_id) = 1
), lists AS (
    SELECT s.who, s.client, a.event_id, a.event_time FROM swept s JOIN acts a ON a.who = s.who AND a.client = s.client AND a.source_system = s.source_system
     AND a.listed AND a.server_name IS NOT NULL AND a.event_time BETWEEN s.event_time - to_minutes($minutes_within) AND s.event_time
    QUALIFY row_number() OVER (PARTITION BY s.who, s.client, a.server_name ORDER BY a.event_time, a.event_id) = 1
)
SELECT s.user_id, nullif(s.client, '') AS client, s.credential_id, s.session, s.event_time, s.called::BIGINT AS called, s.usual, count(*) AS count,
       $minutes_within AS minutes_within, round(date_diff('second', min(l.event_time), max(s.event_time)) / 60, 1) AS minutes,
       list(l.event_id ORDER BY l.event_time, l.event_id) AS evidence, concat_ws('|', s.who, s.client, $from::DATE) AS key
FROM swept s JOIN lists l USING (who, client) GROUP BY ALL
