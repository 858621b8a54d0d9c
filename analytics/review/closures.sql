-- What happened within the reach of revoked access after it was decided: what was refused, and what was still reached.
WITH asked AS (
    SELECT unnest($ids::VARCHAR[]) AS item_id, unnest($kinds::VARCHAR[]) AS kind, unnest($names::VARCHAR[]) AS name,
           unnest($servers::VARCHAR[]) AS server, unnest($tools::VARCHAR[]) AS tool, unnest($times::TIMESTAMPTZ[]) AS decided_at
), after AS (
    SELECT event_id, event_time, event_class, outcome, coalesce(server_name, '') AS server_name, tool_name,
           unnest([{'kind': 'human', 'name': user_id}, {'kind': 'human', 'name': user_email}, {'kind': 'client', 'name': client_oauth_id},
                   {'kind': 'client', 'name': client_name}, {'kind': 'client', 'name': agent_id}, {'kind': 'client', 'name': agent_name},
                   {'kind': 'credential', 'name': credential_id}, {'kind': 'tool', 'name': '*'}]) AS side
    FROM events
    WHERE event_time > $since AND event_class IN ('tool_call', 'denial') AND tool_name IS NOT NULL
      AND decision_source IS DISTINCT FROM 'rate_limit'
)
SELECT item_id, max(event_time) FILTER (event_class = 'denial') AS refused_at,
       arg_max(event_id, event_time) FILTER (event_class = 'denial') AS refusal,
       max(event_time) FILTER (reached) AS reached_at, arg_min(event_id, event_time, 5) FILTER (reached) AS reached
FROM (
    SELECT DISTINCT a.item_id, e.event_id, e.event_time, e.event_class,
           e.event_class = 'tool_call' AND e.outcome IN ('success', 'tool_error', 'input_required', 'unknown') AS reached
    FROM asked a JOIN after e ON e.side.kind = a.kind AND e.side.name = a.name
    WHERE e.event_time > a.decided_at AND e.server_name GLOB a.server AND e.tool_name GLOB a.tool
) GROUP BY item_id
