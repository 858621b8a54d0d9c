-- title = "Two sources' clocks differ"
-- severity = "low"
-- confidence = 0.8
-- why = "Two sources tell of the same calls, and one is always earlier by about the same: their clocks differ. The order of events of the two, and any rule about before and after (revoked, denied, expired), is wrong by that much. Times are left as they were told."
-- next = "Set the clock by NTP. Read orders across these sources with the offset in mind."
-- false_positives = ["sources that write when a call ends (the duration is taken off for logs and spans that do)", "a network that is slow for one call (the median of many is taken)"]
-- requires = ["tool_call_id"]
-- explain = "{one} is {seconds} s {direction} {other}: the median over {pairs} calls both tell of, half of them within {spread} s of it"
-- tags = ["MCP08", "PR.PS-04", "RS.AN-07"]
-- lookback_hours = 1
-- [parameters]
-- least_seconds = 2
-- least_pairs = 10
-- # The p-value is that of all pairs lying on one side of zero by chance (sign test, two-sided).
WITH told AS (
    SELECT tool_call_id AS call, source_system || '/' || vantage AS side, event_id, fresh,
           CASE WHEN evidence_kind IN ('otel_log', 'access_log') THEN event_time - to_microseconds((coalesce(duration_ms, 0) * 1000)::BIGINT) ELSE event_time END AS began, event_time
    FROM events WHERE tool_call_id IS NOT NULL AND event_kind = 'tool_call'
    QUALIFY count(*) OVER (PARTITION BY tool_call_id, source_system, vantage) = 1
), pairs AS (
    SELECT a.side AS one, b.side AS other, (epoch_us(a.began) - epoch_us(b.began)) / 1e6 AS apart, a.event_id AS one_event, b.event_id AS other_event,
           greatest(a.event_time, b.event_time) AS event_time,
           row_number() OVER (PARTITION BY a.side, b.side ORDER BY greatest(a.event_time, b.event_time), a.event_id) AS place
    FROM told a JOIN told b ON a.call = b.call AND a.side < b.side WHERE a.fresh AND b.fresh
), offsets AS (
    SELECT one, other, count(*) AS pairs, median(apart) AS offset_seconds, mad(apart) AS spread, greatest(count(*) FILTER (apart > 0), count(*) FILTER (apart < 0)) AS same_side,
           max(event_time) FILTER (place = $least_pairs) AS event_time,
           flatten(list([one_event, other_event] ORDER BY place) FILTER (place <= $least_pairs)) AS evidence
    FROM pairs GROUP BY ALL HAVING count(*) >= $least_pairs
)
SELECT one, other, pairs, spread, abs(offset_seconds) AS seconds, CASE WHEN offset_seconds < 0 THEN 'behind' ELSE 'ahead of' END AS direction,
       event_time, evidence, least(1.0, pow(2.0, 1 - least(pairs, 1000))) AS p_value, concat_ws(' ', one, other, $from::DATE) AS key
FROM offsets WHERE abs(offset_seconds) >= $least_seconds AND spread < abs(offset_seconds) / 2 AND same_side = pairs
