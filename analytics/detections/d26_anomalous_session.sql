-- title = "A session unlike those before it"
-- severity = "medium"
-- confidence = 0.5
-- why = "Injected or hijacked agents call ordinary tools in ways this client never did: a value passed on that nobody had seen, a tool that never followed, an address that is new. No rule names them; history does (docs/anomaly.md)."
-- next = "Read the session around the call named here: who asked for it, and where did the value it used come from?"
-- false_positives = ["a new errand: the first session of its kind is as odd as an attack", "a new client or a new tool, until it has a history"]
-- requires = ["tool_name", "sessions.anomaly"]
-- explain = "Of sessions like it one in {rarity} is so surprising, and of the other {others} judged that day {odd} are more so: {reason}"
-- tags = ["ASI01", "ASI02", "MCP06", "AML.T0053", "DE.AE-02"]
-- [parameters]
-- least_anomaly = 0.995
-- most_share = 0.01
-- fewest_calls = 2
-- # History grows old: where a day brings much that is new, many of its sessions are odd, and that is the day's doing. So a
-- # session is also held against the others of its day, of which at most `most_share`, or two, may be odder.
WITH judged AS (
    SELECT *, count(*) OVER () - 1 AS others, rank() OVER (ORDER BY anomaly DESC) - 1 AS odd
    FROM sessions WHERE anomaly IS NOT NULL AND calls >= $fewest_calls
)
SELECT e.user_id, e.client, e.credential_id, e.server_name, e.tool_name, e.session, e.event_time,
       greatest(1 - s.anomaly, s.odd / greatest(s.others, 1)) AS p_value,
       round(1 / greatest(1 - s.anomaly, 1e-6))::BIGINT AS rarity, s.others, s.odd, s.anomaly_reason AS reason,
       [e.event_id] AS evidence, s.session AS key
FROM judged s JOIN events e ON e.event_id = s.top_event
WHERE e.fresh AND s.anomaly >= $least_anomaly AND s.odd <= greatest(2, $most_share * s.others)
