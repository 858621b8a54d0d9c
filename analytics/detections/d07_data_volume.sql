-- title = "Far more data than usual"
-- severity = "medium"
-- confidence = 0.6
-- why = "What leaves by many ordinary reads leaves all the same: the day's bytes show it when no single call does."
-- next = "See which tools gave the data and where it went; a planned export has an owner who knows of it."
-- false_positives = ["exports and re-indexing: their like is in the history", "one large file: the day stays below the floor", "bots, whose days are alike"]
-- requires = ["user_id", "response_bytes"]
-- explain = "{megabytes} MB came back in {answers} answers this day, {times} times the median of {days} days and {over} times the largest; {tool_name} on {server_name} gave {share} % of it"
-- tags = ["MCP10", "AML.T0086", "AML.T0036", "DE.CM-03", "DE.AE-04"]
-- [parameters]
-- least_bytes = 10000000
-- least_days = 10
-- deviations = 5.0
-- least_sd = 0.4
-- over_most = 2.0
WITH daily AS (
    SELECT user_id, day, response_bytes AS bytes FROM past_days WHERE response_bytes > 0
     AND user_id IN (SELECT user_id FROM events WHERE fresh AND response_bytes > 0)
), middle AS (SELECT user_id, median(ln(bytes)) AS mid, max(bytes) AS most, count(*) AS days FROM daily GROUP BY user_id
), usual AS (
    SELECT user_id, mid, most, m.days, greatest(1.4826 * median(abs(ln(bytes) - mid)), $least_sd) AS sd
    FROM daily JOIN middle m USING (user_id) WHERE m.days >= $least_days GROUP BY ALL
), limits AS (SELECT *, greatest($least_bytes, $over_most * most, exp(mid + $deviations * sd)) AS least FROM usual
), given AS (
    SELECT e.*, sum(response_bytes) OVER (PARTITION BY user_id) AS total, count(*) OVER (PARTITION BY user_id) AS answers,
           sum(response_bytes) OVER (PARTITION BY user_id, server_name, tool_name) AS of_tool,
           sum(response_bytes) OVER (PARTITION BY user_id ORDER BY response_bytes DESC, event_id ROWS UNBOUNDED PRECEDING) AS so_far
    FROM events e WHERE fresh AND response_bytes > 0
)
SELECT g.user_id, arg_max(client, response_bytes) AS client, arg_max(credential_id, response_bytes) AS credential_id,
       arg_max(server_name, of_tool) AS server_name, arg_max(tool_name, of_tool) AS tool_name, arg_max(session, response_bytes) AS session,
       max(event_time) AS event_time, round(total / 1e6, 1) AS megabytes, answers, total / exp(mid) AS times, l.days,
       total / most AS over, round(100 * max(of_tool) / total) AS share,
       1 / (1 + exp(1.702 * (ln(total) - mid) / sd)) AS p_value,  -- logistic: a heavier tail than the normal one
       list(event_id ORDER BY event_time, event_id) AS evidence, concat_ws('|', g.user_id, $from::DATE) AS key
FROM given g JOIN limits l USING (user_id) WHERE total >= least AND so_far - response_bytes < least
GROUP BY g.user_id, total, answers, mid, sd, most, l.days
