-- title = "A burst of calls"
-- severity = "medium"
-- confidence = 0.6
-- why = "More calls in minutes than in any usual hour: a loop, a scraper, or someone in a hurry with a stolen session."
-- next = "Look at what was read or changed; if nobody planned it, end the session and limit the rate."
-- false_positives = ["batch agents and CI, which have their own usual hours", "month end: known after the first in the history", "little used tools: nothing is said below the floor"]
-- requires = ["tool_name"]
-- explain = "{count} calls of {tool_name} on {server_name} within {minutes} minutes; the busiest hour before had {most}, the mean of {hours} hours is {mean} (chance {p_value})"
-- tags = ["ASI08", "AML.T0029", "AML.T0034.002", "DE.CM-03", "DE.AE-02"]
-- rollout = ["server_name", "tool_name"]
-- lookback_hours = 1
-- [parameters]
-- minutes_within = 5
-- least = 40
-- least_hours = 10
-- prior_hours = 5
-- alpha = 1e-6
WITH dense AS (
    SELECT coalesce(user_id, credential_id, '') AS who, client, server_name, tool_name, source_system, row_number() OVER () AS id
    FROM events WHERE attempted AND tool_name IS NOT NULL GROUP BY who, client, server_name, tool_name, source_system
    HAVING count(*) >= $least
), calls AS (
    SELECT event_id, event_time, user_id, e.client, credential_id, e.server_name, e.tool_name, session, e.source_system, fresh, who,
           row_number() OVER same AS n, lag(event_time, $least - 1) OVER same AS began
    FROM events e JOIN dense d ON d.who = coalesce(e.user_id, e.credential_id, '') AND d.tool_name = e.tool_name
     AND d.source_system = e.source_system AND d.client IS NOT DISTINCT FROM e.client AND d.server_name IS NOT DISTINCT FROM e.server_name
    WHERE attempted WINDOW same AS (PARTITION BY d.id ORDER BY event_time, event_id)
), busy AS (  -- no burst is smaller: nobody else's past is asked for
    SELECT DISTINCT who, client, server_name, tool_name, source_system FROM calls WHERE event_time <= began + to_minutes($minutes_within)
), past AS (
    SELECT coalesce(user_id, credential_id, '') AS who, client, server_name, tool_name, hour, sum(calls + denied) AS n
    FROM activity WHERE hour < date_trunc('hour', $from) AND calls + denied > 0 AND tool_name IN (SELECT tool_name FROM busy) GROUP BY ALL
), own AS (SELECT who, client, server_name, tool_name, count(*) AS hours, sum(n) AS total, max(n) AS most FROM past GROUP BY ALL
), anyone AS (SELECT server_name, tool_name, count(*) AS hours, avg(n) AS mean FROM past GROUP BY ALL
), rated AS (  -- hours with a call are geometric: the negative binomial at its widest; the mean leans on everybody's
    SELECT b.*, coalesce(o.hours, 0) AS hours, coalesce(o.most, 0)::BIGINT AS most,
           greatest((coalesce(o.total, 0) + $prior_hours * a.mean) / (coalesce(o.hours, 0) + $prior_hours), 1.5) AS mean
    FROM busy b JOIN anyone a ON a.tool_name = b.tool_name AND a.server_name IS NOT DISTINCT FROM b.server_name
    LEFT JOIN own o ON o.who = b.who AND o.tool_name = b.tool_name AND o.client IS NOT DISTINCT FROM b.client
     AND o.server_name IS NOT DISTINCT FROM b.server_name
    WHERE a.hours >= $least_hours
), limits AS (
    SELECT *, greatest($least, most + 1, ceil(1 + ln($alpha) / ln((mean - 1) / mean)))::BIGINT AS needed FROM rated
), ends AS MATERIALIZED (  -- each call that may end a burst, with the number of the call that would begin it
    SELECT l.*, z.n AS last_n, z.n - l.needed + 1 AS first_n, z.event_time FROM limits l
    JOIN calls z ON z.who = l.who AND z.tool_name = l.tool_name AND z.source_system = l.source_system AND z.fresh AND z.n >= l.needed
     AND z.client IS NOT DISTINCT FROM l.client AND z.server_name IS NOT DISTINCT FROM l.server_name
), bursts AS (
    SELECT e.*, a.event_time AS first_time FROM ends e
    JOIN calls a ON a.n = e.first_n AND a.who = e.who AND a.tool_name = e.tool_name AND a.source_system = e.source_system
     AND a.client IS NOT DISTINCT FROM e.client AND a.server_name IS NOT DISTINCT FROM e.server_name
    WHERE e.event_time <= a.event_time + to_minutes($minutes_within)
    QUALIFY row_number() OVER (PARTITION BY e.who, e.client, e.server_name, e.tool_name ORDER BY e.event_time, e.last_n) = 1
)
SELECT any_value(c.user_id) AS user_id, b.client, any_value(c.credential_id) AS credential_id, b.server_name, b.tool_name,
       max_by(c.session, c.n) AS session, b.event_time, b.needed AS count, b.most, b.mean, b.hours,
       round(date_diff('second', b.first_time, b.event_time) / 60, 1) AS minutes, pow((b.mean - 1) / b.mean, b.needed - 1) AS p_value,
       list(c.event_id ORDER BY c.n) AS evidence, concat_ws('|', b.who, b.client, b.server_name, b.tool_name, $from::DATE) AS key
FROM bursts b JOIN calls c ON c.who = b.who AND c.tool_name = b.tool_name AND c.source_system = b.source_system
 AND c.client IS NOT DISTINCT FROM b.client AND c.server_name IS NOT DISTINCT FROM b.server_name AND c.n BETWEEN b.last_n - b.needed + 1 AND b.last_n
GROUP BY ALL
