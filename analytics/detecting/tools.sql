-- Every tool that is known, and the operation class that most of its events state.
SELECT server_name, tool_name, any_value(operation_class) AS operation_class FROM (
    SELECT server_name, tool_name, nullif(mode(operation_class), 'unknown') AS operation_class FROM events
    WHERE tool_name IS NOT NULL GROUP BY ALL
    UNION ALL SELECT DISTINCT server_name, tool_name, NULL FROM tool_uses WHERE tool_name IS NOT NULL
) GROUP BY server_name, tool_name ORDER BY server_name, tool_name
