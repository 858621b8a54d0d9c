-- Everything of one user, client, credential, server or tool: when, how much and how it ended, from where, by what.
-- Records of one call share its tool_call_id and count as one.
WITH own AS (
    SELECT *, coalesce(tool_call_id, event_id) AS call, coalesce(client_oauth_id, client_name, agent_id) AS client,
           coalesce(user_email, user_id) AS person, event_class IN ('tool_call', 'denial') AS asked,
           event_class = 'tool_call' AND outcome = 'success' AS succeeded,
           event_class = 'tool_call' AND outcome NOT IN ('success', 'unknown', 'input_required', 'denied') AS failed,
           event_class = 'denial' AS denied
    FROM events WHERE {condition}
), sums AS (
    SELECT min(event_time) AS first, max(event_time) AS last, count(*) AS events,
           count(DISTINCT call) FILTER (asked) AS calls, count(DISTINCT call) FILTER (succeeded) AS succeeded,
           count(DISTINCT call) FILTER (failed) AS failed, count(DISTINCT call) FILTER (denied) AS denied
    FROM own
), facets AS (
    {facets}
), tools AS (
    SELECT list({server: server_name, tool: tool_name, calls: calls, succeeded: good, failed: bad, denied: no, first: first, last: last}
                ORDER BY calls DESC, server_name, tool_name) AS tools
    FROM (SELECT server_name, tool_name, count(DISTINCT call) AS calls, count(DISTINCT call) FILTER (succeeded) AS good,
                 count(DISTINCT call) FILTER (failed) AS bad, count(DISTINCT call) FILTER (denied) AS no,
                 min(event_time) AS first, max(event_time) AS last
          FROM own WHERE asked AND tool_name IS NOT NULL GROUP BY ALL)
), refused AS (
    SELECT list({server: server_name, tool: tool_name, reason: reason, times: times, last: last}
                ORDER BY times DESC, server_name, tool_name) AS denials
    FROM (SELECT server_name, tool_name, coalesce(decision_reason, error_message) AS reason, count(DISTINCT call) AS times,
                 max(event_time) AS last FROM own WHERE denied GROUP BY ALL)
), seen AS (
    SELECT list({session: session, first: first, last: last, calls: calls, denied: denied, sidestepped: sidestepped,
                 anomaly: anomaly} ORDER BY last DESC, session) AS sessions
    FROM sessions WHERE session IN (
        SELECT session FROM session_events SEMI JOIN own USING (event_id)
        WHERE event_time BETWEEN (SELECT first FROM sums) AND (SELECT last FROM sums))
), found AS (
    SELECT list({finding: finding_id, severity: severity, title: title, event_time: event_time, state: state}
                ORDER BY event_time DESC, finding_id) AS findings
    FROM findings WHERE {found}
       OR list_has_any(evidence, (SELECT coalesce(list(event_id), []) FROM own))
)
SELECT * FROM sums, facets, tools, refused, seen, found
