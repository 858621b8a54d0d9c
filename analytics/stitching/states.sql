-- Sessions in numbers. `story` has the events of some sessions; calls seen by several witnesses share a tool_call_id.
-- `elsewhere` names events whose denial was got around in another session, or that got around one. What was tried again
-- the same way and then allowed got around nothing.
WITH {ways_around}, counted AS (
    SELECT session, min(event_time) AS first, max(event_time) AS last, count(*) AS events,
           mode(person) AS "user", mode(client) AS client,
           count(DISTINCT coalesce(tool_call_id, event_id)) FILTER (attempted) AS calls,
           count(DISTINCT coalesce(tool_call_id, event_id)) FILTER (denied) AS denied,
           count(DISTINCT coalesce(tool_call_id, event_id)) FILTER (reached) AS reached,
           list_sort(list_distinct(list(server_name) FILTER (server_name IS NOT NULL))) AS servers,
           list_sort(list_distinct(list(joined_by) FILTER (joined_by <> 'start'))) AS joined_by,
           min(1 / (1 + exp(-log_odds))) AS weakest
    FROM story GROUP BY session
), sidestepped AS (
    SELECT session, count(DISTINCT call) AS sidestepped FROM (
        SELECT n.session, coalesce(r.tool_call_id, r.event_id) AS call
        FROM ways_around n JOIN story r ON r.event_id = n.reached_event JOIN story d ON d.event_id = n.denied_event
        WHERE len(n.way) > 0 AND call <> coalesce(d.tool_call_id, d.event_id)
        UNION ALL SELECT session, coalesce(tool_call_id, event_id) FROM story SEMI JOIN elsewhere USING (event_id)
    ) GROUP BY session
)
SELECT session, "user", client, first, last, events, calls, denied, coalesce(sidestepped, 0) AS sidestepped, reached,
       servers, joined_by, coalesce(weakest, $certain) AS confidence
FROM counted LEFT JOIN sidestepped USING (session) ORDER BY session
