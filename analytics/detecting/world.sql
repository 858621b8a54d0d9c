-- What a detection sees, from `lake_events` (canonical events with `session`) and `lake_activity` (hours before).
CREATE OR REPLACE TABLE events AS
SELECT * EXCLUDE (client_oauth_id), client_oauth_id, coalesce(client_oauth_id, client_name) AS client,
       event_class IN ('tool_call', 'denial') AS attempted, event_class = 'denial' AS denied,
       event_class = 'tool_call' AND outcome IN ('success', 'tool_error', 'input_required') AS reached,
       event_time BETWEEN $from AND $to AS fresh
FROM lake_events;

-- The same by the hour: history of any length. Hours of the window itself are included. It is read from the lake's files
-- as it is asked for: name few columns and few values. A cast to DATE would look up the time zone for every row: `day` is
-- plain arithmetic, in UTC.
CREATE OR REPLACE TEMP VIEW activity AS
SELECT *, DATE '1970-01-01' + (epoch_us(hour) // 86400000000)::INTEGER AS day
FROM (FROM lake_activity UNION ALL BY NAME FROM fresh_activity);

-- The network of an address, for want of a map of who owns which: /16 of IPv4, /48 of IPv6. Null when it is neither.
CREATE OR REPLACE MACRO network_of(address) AS
nullif(regexp_extract(address, '^([0-9]+\.[0-9]+|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F]*)', 1), '');
