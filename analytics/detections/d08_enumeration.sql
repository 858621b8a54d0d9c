-- title = "Trying one identifier after the other"
-- severity = "medium"
-- confidence = 0.7
-- why = "Who knows what to look for asks for it; who does not counts through the numbers, or guesses and is told that there is no such thing. Arguments are kept as digests, so counting is seen in resource addresses only; guessing is seen in any."
-- next = "See what was found between the misses; limit the rate, and use identifiers that cannot be counted."
-- false_positives = ["pagination: page, cursor and offset arguments are left out", "a server that is down: its errors and timeouts are no misses", "a list worked through with few misses"]
-- requires = ["user_id"]
-- explain = "{what} within {minutes} minutes, with {tool_name} on {server_name}"
-- tags = ["MCP10", "MCP07", "AML.T0085.001", "DE.CM-03"]
-- lookback_hours = 1
-- [parameters]
-- misses = 12
-- run = 12
-- minutes_within = 10
-- paging = '(cursor|offset|page|pagetoken|page_token|skip|start)'
-- down = '(5[0-9][0-9]|connect|deadline|overload|rate|refused|reset|temporar|time.?out|unavailable|upstream)'
WITH asked AS (
    SELECT event_id, event_time, user_id, client, credential_id, server_name, coalesce(tool_name, mcp_method) AS tool_name, session, fresh, source_system,
           coalesce(resource_uri, args_hmac) AS thing, regexp_extract(resource_uri, '^(.*?)(\d{1,15})\D*$', 1) AS place,
           try_cast(regexp_extract(resource_uri, '(\d{1,15})\D*$', 1) AS BIGINT) AS number,
           coalesce(http_status = 404 OR jsonrpc_error_code = -32002 OR (outcome = 'tool_error' AND coalesce(http_status, 200) < 500
                    AND NOT regexp_matches(lower(coalesce(error_message, '')), $down)), false) AS missed
    FROM events WHERE user_id IS NOT NULL AND coalesce(resource_uri, args_hmac) IS NOT NULL
     AND event_kind IN ('tool_call', 'resource_read')
     AND (resource_uri IS NOT NULL OR http_status = 404 OR jsonrpc_error_code = -32002 OR outcome = 'tool_error') AND NOT regexp_matches(lower(coalesce(array_to_string(args_keys, ' '), '')), $paging)
), misses AS (
    SELECT *, 'guess' AS way, NULL::BIGINT AS island FROM asked WHERE missed
    QUALIFY row_number() OVER (PARTITION BY user_id, source_system, server_name, tool_name, thing ORDER BY event_time, event_id) = 1
), steps AS (
    SELECT *, number - lag(number) OVER same AS step, lag(event_id) OVER same AS before FROM asked WHERE number IS NOT NULL
    WINDOW same AS (PARTITION BY user_id, source_system, server_name, place ORDER BY event_time, event_id)
), turns AS (
    SELECT * EXCLUDE (step), 'count' AS way, step IS DISTINCT FROM lag(step) OVER same OR step = 0 AS turned FROM steps WHERE step IS NOT NULL
    WINDOW same AS (PARTITION BY user_id, source_system, server_name, place ORDER BY event_time, event_id)
), runs AS (
    SELECT * EXCLUDE (turned), sum(turned::INT) OVER (PARTITION BY user_id, source_system, server_name, place ORDER BY event_time, event_id) AS island
    FROM turns
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY user_id, source_system, server_name, tool_name, way, if(way = 'count', place, ''), island
                                 ORDER BY event_time, event_id) AS n,
           if(way = 'count', $run - 1, $misses) AS needed
    FROM (FROM misses UNION ALL BY NAME FROM runs)
), ends AS (
    SELECT z.* EXCLUDE (before), a.event_time AS began, if(z.way = 'count', [a.before], []) AS first FROM ranked z JOIN ranked a ON a.user_id = z.user_id AND a.way = z.way AND a.source_system = z.source_system
     AND a.server_name IS NOT DISTINCT FROM z.server_name AND a.tool_name IS NOT DISTINCT FROM z.tool_name
     AND (z.way = 'guess' OR a.place = z.place) AND a.island IS NOT DISTINCT FROM z.island AND a.n = z.n - z.needed + 1
    WHERE z.fresh AND z.event_time <= a.event_time + to_minutes($minutes_within)
    QUALIFY row_number() OVER (PARTITION BY z.user_id, z.server_name, z.tool_name, z.way ORDER BY z.event_time, z.n) = 1
)
SELECT z.user_id, z.client, z.credential_id, z.server_name, z.tool_name, z.session, z.event_time,
       if(z.way = 'count', format('{} addresses in equal steps were read one after the other', z.needed + 1),
          format('{} different things were asked for that are not there', z.needed)) AS what,
       round(date_diff('second', z.began, z.event_time) / 60, 1) AS minutes,
       any_value(z.first) || list(r.event_id ORDER BY r.n) AS evidence, concat_ws('|', z.way, z.user_id, z.server_name, z.tool_name, $from::DATE) AS key
FROM ends z JOIN ranked r ON r.user_id = z.user_id AND r.way = z.way AND r.source_system = z.source_system
 AND r.server_name IS NOT DISTINCT FROM z.server_name AND r.tool_name IS NOT DISTINCT FROM z.tool_name
 AND (z.way = 'guess' OR r.place = z.place) AND r.island IS NOT DISTINCT FROM z.island AND r.n BETWEEN z.n - z.needed + 1 AND z.n
GROUP BY ALL
