-- Every tool that is known up to a time, with the operation class that most of its events state.
SELECT server_name, tool_name, nullif(mode(operation_class), 'unknown') AS operation_class
FROM events WHERE event_time < $until AND tool_name IS NOT NULL GROUP BY ALL ORDER BY ALL
