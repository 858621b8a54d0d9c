-- title = "Untrusted content written to what steers agents"
-- severity = "high"
-- confidence = 0.8
-- why = "After reading what strangers wrote, a session wrote to an agent's memory, rules, skills, configuration or schedule: what was injected once would then act in every later session. Such targets are known by the names of tool and server and by the resource; paths inside arguments are not kept, so a rules file written by a general file tool is not seen."
-- next = "Read what was written, take it out, and look for sessions of the same agent since."
-- false_positives = ["people who have their assistant note what they read (known by earlier use of the same tool: then only repeated texts count)"]
-- requires = ["tool_name", "user_id"]
-- explain = "{server_name}.{tool_name} was called {seconds} s after {source}, with {shared} values or passages of it{first}"
-- tags = ["ASI06", "AML.T0080.000", "AML.T0081", "DE.CM-09"]
-- lookback_hours = 2
-- [parameters]
-- window_minutes = 60
-- history_days = 7
-- least_passages = 2
WITH kept AS (
    SELECT *, coalesce(session, '') AS place FROM calls WHERE reached AND write AND user_id IS NOT NULL AND fresh
      AND (persistent OR regexp_matches(lower(resource_uri), '/(\.(claude|cursor|codex|gemini|github/copilot)[^ ]*|claude\.md|agents\.md|gemini\.md|mcp\.json|skills?/.*|crontab)$'))
), reads AS (
    SELECT event_id, event_time, user_id, coalesce(session, '') AS place, args_leaves, result_leaves, result_shingles FROM calls
    WHERE untrusted AND reached AND user_id IN (SELECT user_id FROM kept)
), given AS (
    SELECT event_id, event_time, user_id, place, unnest(list_distinct(coalesce(args_leaves, []) || coalesce(args_shingles, []))) AS leaf FROM kept
), told AS (
    FROM (SELECT event_id, event_time, user_id, place, unnest(list_distinct(coalesce(result_leaves, []) || coalesce(result_shingles, []))) AS leaf FROM reads)
    SEMI JOIN given USING (user_id, place, leaf)
), likely AS (   -- of each value the latest answer that held it, and the latest answer: no more pairs than there are values
    SELECT g.event_id AS kept_event, t.event_id AS source_event FROM given g
    ASOF JOIN told t ON t.user_id = g.user_id AND t.place = g.place AND t.leaf = g.leaf AND g.event_time > t.event_time
    UNION
    SELECT k.event_id, r.event_id FROM kept k ASOF JOIN reads r ON r.user_id = k.user_id AND r.place = k.place AND k.event_time > r.event_time
), pairs AS (
    SELECT u.event_id AS source_event, k.event_id AS kept_event, u.event_time AS read_time,
           len(list_filter(list_intersect(coalesce(k.args_leaves, []) || coalesce(k.args_shingles, []), coalesce(u.result_leaves, []) || coalesce(u.result_shingles, [])),
                           lambda x: NOT list_contains(coalesce(u.args_leaves, []), x))) AS shared,
           (SELECT min(since) FROM tool_uses a WHERE a.user_id = k.user_id) <= $from - to_days($history_days)
           AND NOT EXISTS (FROM tool_uses a WHERE a.tool_name IN (SELECT tool_name FROM kept)
                           AND a.user_id = k.user_id AND a.past AND a.tool_name = k.tool_name
                           AND a.server_name IS NOT DISTINCT FROM k.server_name) AS is_first
    FROM likely l JOIN kept k ON k.event_id = l.kept_event JOIN reads u ON u.event_id = l.source_event
    WHERE u.event_time >= k.event_time - to_minutes($window_minutes)
)
SELECT k.user_id, k.client, k.credential_id, k.server_name, k.tool_name, k.session, k.event_time, p.shared,
       concat_ws('.', u.server_name, u.tool_name) AS source, date_diff('second', u.event_time, k.event_time) AS seconds,
       CASE WHEN p.is_first THEN '; the person never used it before' ELSE '' END AS first,
       CASE WHEN p.shared >= $least_passages THEN 0.8 ELSE 0.4 END AS confidence, [u.event_id, k.event_id] AS evidence, k.event_id AS key
FROM pairs p JOIN events u ON u.event_id = p.source_event JOIN events k ON k.event_id = p.kept_event
WHERE p.shared >= $least_passages OR p.is_first
QUALIFY row_number() OVER (PARTITION BY k.event_id ORDER BY p.shared DESC, p.read_time DESC) = 1
