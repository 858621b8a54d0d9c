-- title = "Reach that grows week by week"
-- severity = "low"
-- confidence = 0.5
-- why = "Access that widens a little each week never makes a spike: it is how scope creeps, and how patient misuse stays below every limit. What is reached is counted as tools of servers; the hours that are kept name no resources."
-- next = "Compare the user's role with what was added week by week; take back what the role does not need."
-- false_positives = ["a new project: a jump within one week, then level", "a new user, whose first weeks all grow"]
-- requires = ["user_id", "tool_name"]
-- explain = "{reach} tools were used in the last 7 days, {usual} in a usual week of the {baseline} before the rise, and more in each of the last {rising} weeks (CUSUM {score}, chance {p_value})"
-- tags = ["ASI02", "AML.T0085.001", "DE.AE-02", "DE.AE-03"]
-- [parameters]
-- baseline_weeks = 4
-- rising_weeks = 3
-- slack = 0.5
-- height = 6.0
-- least_sd = 0.15
WITH used AS (
    SELECT user_id, ago FROM tool_weeks WHERE days > 0 AND user_id IS NOT NULL AND tool_name IS NOT NULL
     AND user_id IN (SELECT user_id FROM events WHERE fresh)
), weeks AS (SELECT user_id, ago, count(*) AS reach, ln(1 + count(*)) AS size FROM used GROUP BY ALL
), usual AS (
    SELECT user_id, avg(size) AS mean, greatest(stddev_samp(size), $least_sd) AS sd, count(*) AS baseline
    FROM weeks WHERE ago >= $rising_weeks GROUP BY user_id HAVING count(*) >= $baseline_weeks
), last AS (
    SELECT user_id, mean, sd, baseline, sum((size - mean) / sd - $slack) AS score, max(reach) AS reach,
           list(size ORDER BY ago DESC) AS sizes, (exp(mean) - 1) AS usual
    FROM weeks JOIN usual USING (user_id) WHERE ago < $rising_weeks GROUP BY ALL HAVING count(*) = $rising_weeks
), drifts AS (  -- Page's CUSUM; its chance in the long run is at most exp(-2 * slack * height), Siegmund 1985
    SELECT *, exp(-2 * $slack * score) AS p_value,
           greatest(ceil(exp(sizes[-1] - sd * (score - $height)) - 1), round(exp(sizes[-2])))::BIGINT AS needed
    FROM last WHERE score >= $height AND sizes[1] > mean
     AND list_bool_and([sizes[i] > sizes[i - 1] FOR i IN range(2, len(sizes) + 1)])
     AND list_max([sizes[1] - mean] || [sizes[i] - sizes[i - 1] FOR i IN range(2, len(sizes) + 1)]) <= 0.6 * (sizes[-1] - mean)
), this_week AS (
    SELECT user_id, arg_min(first_event, first_time) AS event_id, min(first_time) AS event_time, arg_min(client, first_time) AS client
    FROM tool_days WHERE calls > 0 AND tool_name IS NOT NULL AND date_diff('day', day, $to::DATE) // 7 = 0
     AND user_id IN (SELECT user_id FROM drifts) GROUP BY user_id, server_name, tool_name
), added AS (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY event_time, event_id) AS n FROM this_week
)
SELECT d.user_id, max_by(a.client, n) AS client, max(a.event_time) AS event_time, d.reach, d.usual, d.baseline, len(sizes) AS rising,
       d.score, d.p_value, list(a.event_id ORDER BY n) AS evidence, concat_ws('|', d.user_id, strftime($from::TIMESTAMPTZ, '%G-%V')) AS key
FROM drifts d JOIN added a ON a.user_id = d.user_id AND a.n <= d.needed GROUP BY ALL
HAVING max(a.event_time) >= $from - to_days(7)
