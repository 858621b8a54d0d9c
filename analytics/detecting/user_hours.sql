-- Of hours of activity: who was at work in which hour, how much they did and were given, by which source.
SELECT hour, source_system, source_instance, user_id, client, sum(events)::BIGINT AS events, sum(calls)::BIGINT AS calls,
       sum(denied)::BIGINT AS denied, sum(response_bytes)::BIGINT AS response_bytes
FROM hours_of GROUP BY ALL
