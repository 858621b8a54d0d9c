ways_around AS (
    -- Each reached event with the earlier denial of its session that it got around: it comes later and names the same
    -- resource, or has the same arguments, or shares a value that no call had reached before the denial; or, where
    -- arguments were not seen, is the same tool. Stands on `story`.
    WITH leaves AS (
        SELECT session, event_id, place, denied, reached, unnest(args_leaves) AS leaf FROM story
        WHERE session IN (SELECT session FROM story WHERE denied)
    ), fresh AS (
        SELECT d.* FROM leaves d
        WHERE d.denied AND NOT EXISTS (
            FROM leaves e WHERE e.session = d.session AND e.reached AND e.leaf = d.leaf AND e.place < d.place)
    ), refused AS (
        FROM story WHERE denied
    ), got AS (
        FROM story WHERE reached AND outcome = 'success'
    ), found AS (
        SELECT d.event_id AS denied_event, r.event_id AS reached_event, 1 AS rank, 'same resource' AS link
        FROM refused d JOIN got r ON r.session = d.session AND r.resource_uri = d.resource_uri AND r.place > d.place
        UNION ALL
        SELECT d.event_id, r.event_id, 2, 'same arguments'
        FROM refused d JOIN got r ON r.session = d.session AND r.args_hmac = d.args_hmac AND r.place > d.place
        WHERE len(d.args_keys) > 0
        UNION ALL
        SELECT DISTINCT d.event_id, r.event_id, 3, 'shared value'
        FROM fresh d JOIN leaves r ON r.session = d.session AND r.leaf = d.leaf AND r.reached AND r.place > d.place
        UNION ALL
        SELECT d.event_id, r.event_id, 4, 'same tool'
        FROM refused d JOIN got r ON r.session = d.session AND r.tool_name = d.tool_name AND r.place > d.place
         AND r.server_name IS NOT DISTINCT FROM d.server_name
        WHERE d.args_hmac IS NULL AND d.resource_uri IS NULL
    )
    SELECT r.session, f.reached_event, f.denied_event, f.link, d.event_time AS denied_time, d.tool_name AS denied_tool,
           d.server_name AS denied_server
    FROM found f JOIN refused d ON d.event_id = f.denied_event JOIN got r ON r.event_id = f.reached_event
    QUALIFY row_number() OVER (
        PARTITION BY f.reached_event ORDER BY f.link = 'shared value', d.place DESC, f.rank) = 1
)
