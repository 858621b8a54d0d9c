ways_around AS (
    -- Each reached event with the earlier denial of its session that it got around: it comes later and names the same
    -- resource, or has the same arguments, or shares a value that no call had reached before the denial; or, where
    -- arguments were not seen, is the same tool. `way` is what was different; empty: the same way, later. Stands on
    -- `story`. Of each kind only the latest denial counts: the cost is n log n, however long the session.
    WITH refused AS (
        SELECT session, event_id, place, event_time, tool_name, server_name, coalesce(server_name, '') AS server, client, credential_id,
               resource_uri, args_hmac, args_keys, args_leaves
        FROM story WHERE denied
    ), got AS (
        SELECT session, event_id, place, tool_name, server_name, coalesce(server_name, '') AS server, client, credential_id, resource_uri,
               args_hmac, args_leaves
        FROM story WHERE reached AND outcome = 'success' AND session IN (SELECT session FROM refused)
    ), opened AS (
        SELECT session, leaf, min(place) AS since FROM (
            SELECT session, place, unnest(args_leaves) AS leaf FROM story WHERE reached AND session IN (SELECT session FROM refused)
        ) GROUP BY ALL
    ), fresh AS (
        SELECT d.* FROM (SELECT session, event_id, place, unnest(args_leaves) AS leaf FROM refused) d
        LEFT JOIN opened o ON o.session = d.session AND o.leaf = d.leaf AND o.since < d.place WHERE o.leaf IS NULL
    ), found AS (
        SELECT d.event_id AS denied_event, r.event_id AS reached_event, 1 AS rank, 'same resource' AS link
        FROM got r ASOF JOIN refused d ON r.session = d.session AND r.resource_uri = d.resource_uri AND r.place > d.place
        UNION ALL
        SELECT d.event_id, r.event_id, 2, 'same arguments'
        FROM got r ASOF JOIN (FROM refused WHERE len(args_keys) > 0) d
          ON r.session = d.session AND r.args_hmac = d.args_hmac AND r.place > d.place
        UNION ALL
        SELECT d.event_id, r.event_id, 3, 'shared value'
        FROM (SELECT session, event_id, place, unnest(args_leaves) AS leaf FROM got) r
        ASOF JOIN fresh d ON r.session = d.session AND r.leaf = d.leaf AND r.place > d.place
        UNION ALL
        SELECT d.event_id, r.event_id, 4, 'same tool'
        FROM got r ASOF JOIN (FROM refused WHERE args_hmac IS NULL AND resource_uri IS NULL) d
          ON r.session = d.session AND r.tool_name = d.tool_name AND r.server = d.server AND r.place > d.place
    )
    SELECT r.session, f.reached_event, f.denied_event, f.link, d.event_time AS denied_time, d.tool_name AS denied_tool,
           d.server_name AS denied_server, list_filter([
               CASE WHEN d.tool_name IS DISTINCT FROM r.tool_name THEN 'tool' END,
               CASE WHEN d.server_name IS DISTINCT FROM r.server_name THEN 'server' END,
               CASE WHEN d.client IS DISTINCT FROM r.client THEN 'client' END,
               CASE WHEN d.credential_id IS DISTINCT FROM r.credential_id THEN 'credential' END
           ], lambda part: part IS NOT NULL) AS way
    FROM found f JOIN refused d ON d.event_id = f.denied_event JOIN got r ON r.event_id = f.reached_event
    QUALIFY row_number() OVER (
        PARTITION BY f.reached_event ORDER BY f.link = 'shared value', d.place DESC, f.rank) = 1
)
