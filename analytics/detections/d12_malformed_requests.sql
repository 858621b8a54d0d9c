-- title = "Requests no proper client sends"
-- severity = "medium"
-- confidence = 0.6
-- why = "Unknown tools, wrong parameters and headers that contradict the body are how a fuzzer, an injected payload or a hand-made client shows. The lake keeps no raw arguments: what was in them is not judged, only how the protocol answered."
-- next = "Look which tools and parameters were tried, and whether any such request was let through."
-- false_positives = ["a server that answers everybody so: what is usual for the tool is taken off", "tools for code and SQL, whose callers often err", "a client that erred once or twice"]
-- requires = ["jsonrpc_error_code"]
-- explain = "{bad} of {tried} requests within {minutes} minutes were malformed, the last for {tool_name} on {server_name} (error {code}), where {expected} would be usual for these tools (chance at most {p_value})"
-- tags = ["MCP05", "ASI05", "AML.T0050", "AML.T0006", "DE.CM-09", "DE.AE-02"]
-- rollout = ["server_name", "tool_name"]
-- [parameters]
-- codes = [-32700, -32600, -32601, -32602, -32020]
-- least = 6
-- minutes_within = 10
-- alpha = 1e-6
-- usual_share = 0.02
-- prior = 20
WITH suspects AS (
    SELECT coalesce(user_id, credential_id, client, client_address) AS who FROM events
    WHERE list_contains($codes, jsonrpc_error_code) AND coalesce(mcp_method, tool_name) IS NOT NULL
    GROUP BY who HAVING who IS NOT NULL AND count(*) >= $least
), mine AS MATERIALIZED (   -- few: what follows costs them, not the day
    SELECT event_id, event_time, user_id, client, credential_id, server_name, tool_name, session, fresh, source_system, jsonrpc_error_code AS code,
           coalesce(user_id, credential_id, client, client_address) AS who, coalesce(tool_name, mcp_method) AS target,
           coalesce(list_contains($codes, jsonrpc_error_code), false) AS wrong
    FROM events WHERE coalesce(user_id, credential_id, client, client_address) IN (FROM suspects) AND coalesce(mcp_method, tool_name) IS NOT NULL
), own AS (SELECT who, server_name, target, count(*) AS n, count(*) FILTER (wrong) AS bad FROM mine GROUP BY ALL
), all_of AS (
    SELECT server_name, coalesce(tool_name, mcp_method) AS target, sum(n) AS n, sum(bad) AS bad FROM (
        SELECT server_name, tool_name, mcp_method, count(*) AS n, count(*) FILTER (list_contains($codes, jsonrpc_error_code)) AS bad FROM events
        WHERE coalesce(user_id, credential_id, client, client_address) IS NOT NULL GROUP BY ALL)
    GROUP BY ALL
), rated AS (  -- what is usual for a tool is what the others had of it, leaning on usual_share where they are few
    SELECT a.*, (t.bad - o.bad + $prior * $usual_share) / (t.n - o.n + $prior) AS expected FROM mine a
    JOIN own o ON o.who = a.who AND o.target = a.target AND o.server_name IS NOT DISTINCT FROM a.server_name
    JOIN all_of t ON t.target = a.target AND t.server_name IS NOT DISTINCT FROM a.server_name
), windows AS (
    SELECT *, sum(wrong::INT) OVER recent AS bad, count(*) OVER recent AS tried, avg(expected) OVER recent AS mean FROM rated
    WINDOW recent AS (PARTITION BY who, source_system ORDER BY event_time RANGE BETWEEN to_minutes($minutes_within) PRECEDING AND CURRENT ROW)
), crossed AS (  -- Chernoff's bound on the binomial tail
    SELECT *, bad / tried AS share, exp(-tried * (share * ln(share / mean)
           + if(share = 1, 0, (1 - share) * ln((1 - share) / (1 - mean))))) AS p_value
    FROM windows WHERE wrong AND fresh AND bad >= $least AND bad / tried > mean AND p_value <= $alpha
    QUALIFY row_number() OVER (PARTITION BY who ORDER BY event_time, event_id) = 1
)
SELECT c.user_id, c.client, c.credential_id, c.server_name, c.tool_name, c.session, c.event_time, c.bad::BIGINT AS bad, c.tried, c.p_value,
       c.code::VARCHAR AS code, round(c.mean * c.tried, 1) AS expected, round(date_diff('second', min(a.event_time), max(c.event_time)) / 60, 1) AS minutes,
       list(a.event_id ORDER BY a.event_time, a.event_id) AS evidence, concat_ws('|', c.who, $from::DATE) AS key
FROM crossed c JOIN mine a ON a.who = c.who AND a.source_system = c.source_system AND a.wrong
 AND a.event_time BETWEEN c.event_time - to_minutes($minutes_within) AND c.event_time GROUP BY ALL
