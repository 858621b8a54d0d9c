-- Of hours of activity: by whom, from where and on what each credential was used on which day. `change` is what else is
-- said of it, or of a person: that it was made, revoked or restored.
SELECT credential_id, credential_kind, user_id, client, client_address, user_agent, server_name,
       DATE '1970-01-01' + (epoch_us(hour) // 86400000000)::INTEGER AS day,
       CASE WHEN event_kind IN ('entity_change', 'revocation', 'restoration') THEN event_kind END AS change,
       sum(events)::BIGINT AS events, sum(calls)::BIGINT AS calls, sum(failed)::BIGINT AS failed, min(first_time) AS first_time,
       max(last_time) AS last_time, arg_min(first_event, first_time) AS first_event, arg_max(last_event, last_time) AS last_event
FROM hours_of WHERE credential_id IS NOT NULL OR event_kind IN ('revocation', 'restoration') GROUP BY ALL
