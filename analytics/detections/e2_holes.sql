-- title = "Records that should be there are not"
-- severity = "medium"
-- confidence = 0.6
-- why = "A decision was allowed for a call that no record tells of, a request has no answer, or the numbers a session gives its requests skip some: records were lost or left out. Only kinds of record that the same source otherwise completes are counted."
-- next = "Compare with the source's own log; ask whether it drops records under load, and whether someone can delete them."
-- false_positives = ["calls still under way at the end of the day", "sources that record only one side (their share of halves is high, so none is a hole)", "answers that are lost with a broken connection"]
-- requires = []
-- explain = "{source}: {count} {what}; {share} of its {all_of} are whole"
-- tags = ["MCP08", "PR.PS-04", "RS.AN-07"]
-- lookback_hours = 1
-- [parameters]
-- least = 3
-- least_whole = 0.95
-- least_known = 40
WITH called AS (
    SELECT DISTINCT tool_call_id FROM events WHERE tool_call_id IS NOT NULL AND event_kind = 'tool_call'
), halves AS (
    SELECT source_system, source_instance, event_id, event_time, fresh, 'decisions to allow without a call' AS what, 'decisions' AS all_of,
           tool_call_id NOT IN (SELECT tool_call_id FROM called) AS half
    FROM events WHERE event_kind = 'tool_decision' AND decision = 'allow' AND tool_call_id IS NOT NULL
    UNION ALL
    SELECT source_system, source_instance, event_id, event_time, fresh, 'requests without an answer', 'requests', outcome = 'unknown' AND result_state = 'absent'
    FROM events WHERE event_kind = 'tool_call' AND event_class = 'tool_call'
    UNION ALL   -- the request after a gap in the numbers of one session
    SELECT source_system, source_instance, event_id, event_time, fresh, 'gaps in the numbers of requests', 'requests', number - before BETWEEN 2 AND 100 FROM (
        SELECT source_system, source_instance, event_id, event_time, fresh, try_cast(jsonrpc_id AS BIGINT) AS number,
               lag(try_cast(jsonrpc_id AS BIGINT)) OVER (PARTITION BY source_system, source_instance, vantage, session_key ORDER BY event_time, try_cast(jsonrpc_id AS BIGINT)) AS before
        FROM events WHERE session_key IS NOT NULL AND try_cast(jsonrpc_id AS BIGINT) IS NOT NULL) WHERE before IS NOT NULL
), counted AS (
    SELECT concat_ws('/', source_system, source_instance) AS source, what, all_of, count(*) FILTER (half) AS count, avg((NOT half)::INT) AS share,
           min({t: event_time, e: event_id}, $least) FILTER (half) AS first
    FROM halves WHERE fresh AND event_time <= $to - INTERVAL 5 MINUTE GROUP BY source_system, source_instance, what, all_of
    HAVING count(*) >= $least_known AND count(*) FILTER (half) >= $least AND avg((NOT half)::INT) >= $least_whole
)
SELECT source, what, all_of, count, round(100 * share, 1) || ' %' AS share, first[-1].t AS event_time,
       list_transform(first, lambda x: x.e) AS evidence, concat_ws(' ', source, what, $from::DATE) AS key
FROM counted
