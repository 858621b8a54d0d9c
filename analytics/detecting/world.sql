-- What a detection sees, from `lake_events` (canonical events with `session`) and `lake_activity` (hours before).
CREATE OR REPLACE TABLE events AS
SELECT * EXCLUDE (client_oauth_id), client_oauth_id, coalesce(client_oauth_id, client_name) AS client,
       event_class IN ('tool_call', 'denial') AS attempted, event_class = 'denial' AS denied,
       event_class = 'tool_call' AND outcome IN ('success', 'tool_error', 'input_required') AS reached,
       event_time BETWEEN $from AND $to AS fresh
FROM lake_events ORDER BY session, event_time, event_id;

-- The same by the hour: history of any length that costs little. Hours of the window itself are included.
CREATE OR REPLACE TABLE activity AS
FROM lake_activity UNION ALL BY NAME FROM fresh_activity;
