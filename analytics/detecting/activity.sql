-- Events by the hour: who did what with what, how often, how it ended, and how much came back. A change that takes
-- access away has the event_kind `revocation`, one that gives it back `restoration`: both matter for as long as
-- somebody is known.
SELECT date_trunc('hour', event_time) AS hour, source_system, source_instance, user_id, client, credential_id,
       credential_kind, client_address, user_agent,
       server_name, tool_name, tool_definition_sha256,
       CASE WHEN event_kind <> 'entity_change' THEN event_kind
            WHEN regexp_matches(decision_reason, '(?i)\b(restored|reinstated|re-?activated|re-?enabled)') THEN 'restoration'
            WHEN regexp_matches(decision_reason, '(?i)\b(revoked|offboarded|(key|token|credential|user|account|access)s?\b.*\b(disabled|deactivated|suspended|deleted|removed))\b')
            THEN 'revocation' ELSE event_kind END AS event_kind, count(*) AS events,
       count(*) FILTER (event_class = 'tool_call') AS calls, count(*) FILTER (event_class = 'denial') AS denied,
       count(*) FILTER (outcome NOT IN ('success', 'denied', 'unknown')) AS failed,
       sum(request_bytes)::BIGINT AS request_bytes, sum(response_bytes)::BIGINT AS response_bytes,
       arg_min(event_id, event_time) AS first_event, arg_max(event_id, event_time) AS last_event,
       min(event_time) AS first_time, max(event_time) AS last_time
FROM events WHERE fresh GROUP BY ALL
