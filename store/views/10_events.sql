-- Views and macros of the lake. A comment line above each statement is its entry in `tooltrail schema`.
-- Base views (events, dead_letters, gaps) are made from the tables; everything here stands on them.

-- Tools that were called and not refused.
CREATE VIEW tool_calls AS SELECT * FROM events WHERE event_class = 'tool_call';

-- Everything that was refused: who wanted what, who said no, why, and how sure the source is.
CREATE VIEW denials AS SELECT * FROM events WHERE event_class = 'denial';

-- What clients did besides calling tools: listings, sessions, prompts, connections, permission changes.
CREATE VIEW client_events AS SELECT * FROM events WHERE event_class = 'client_event';

-- Everything of one session, in order. Takes the session_key.
CREATE MACRO timeline(session) AS TABLE
SELECT event_time, event_class, event_kind, server_name, tool_name, resource_uri, decision, decision_reason, outcome,
       duration_ms, user_id, client_name, credential_id, args_json, error_message, event_id
FROM events WHERE session_key = session ORDER BY event_time, source_topic, source_partition, source_offset, sub_index;

-- Who called a tool, by which client, how often, and how often they were refused.
CREATE MACRO who_called(tool) AS TABLE
SELECT user_id, client_name, server_name, count(*) FILTER (event_class = 'tool_call') AS calls,
       count(*) FILTER (event_class = 'denial') AS denied, min(event_time) AS first_time, max(event_time) AS last_time
FROM events WHERE tool_name = tool GROUP BY ALL ORDER BY calls DESC, denied DESC, user_id;

-- Pairs of user and tool whose first event is at or after a time: what is new since then.
CREATE MACRO first_seen(since) AS TABLE
SELECT user_id, server_name, tool_name, min(event_time) AS first_time, count(*) AS events
FROM events WHERE tool_name IS NOT NULL GROUP BY ALL
HAVING min(event_time) >= since::TIMESTAMPTZ ORDER BY first_time;

-- What a session reached: each server and tool it was not refused, with counts.
CREATE MACRO reached(session) AS TABLE
SELECT server_name, tool_name, resource_uri, count(*) AS calls, count(*) FILTER (outcome = 'success') AS succeeded,
       sum(response_bytes) AS response_bytes, min(event_time) AS first_time, max(event_time) AS last_time
FROM events WHERE session_key = session AND event_class = 'tool_call' GROUP BY ALL ORDER BY first_time;

-- Denials of a session that were followed, within some minutes, by an allowed call that shares an argument value.
CREATE MACRO sidestepped(session, minutes) AS TABLE
SELECT d.event_time AS denied_time, d.server_name AS denied_server, d.tool_name AS denied_tool, d.decision_reason,
       c.event_time AS reached_time, c.server_name AS reached_server, c.tool_name AS reached_tool,
       len(list_intersect(d.args_leaves, c.args_leaves)) AS shared_values,
       d.event_id AS denied_event, c.event_id AS reached_event
FROM events d JOIN events c ON c.session_key = d.session_key AND c.event_class = 'tool_call'
 AND c.event_time > d.event_time AND c.event_time <= d.event_time + to_minutes(minutes)
 AND list_has_any(d.args_leaves, c.args_leaves)
WHERE d.session_key = session AND c.session_key = session AND d.event_class = 'denial' ORDER BY denied_time, reached_time;

-- Later events whose arguments hold a value that this event's result returned: where its data went.
CREATE MACRO went_to(event) AS TABLE
SELECT t.event_time, t.user_id, t.session_key, t.server_name, t.tool_name, t.event_class,
       len(list_intersect(s.result_leaves, t.args_leaves)) AS shared_values, t.event_id
FROM events t, (SELECT event_time, result_leaves FROM events WHERE event_id = event) s
WHERE t.event_time > s.event_time AND list_has_any(t.args_leaves, s.result_leaves)
ORDER BY t.event_time;

-- Denials per client and hour.
CREATE MACRO denials_per_hour() AS TABLE
SELECT date_trunc('hour', event_time) AS hour, client_name, count(*) AS denials
FROM events WHERE event_class = 'denial' GROUP BY ALL ORDER BY hour, denials DESC;
