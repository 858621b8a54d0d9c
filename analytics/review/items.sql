-- What speaks for each side of each cell: permits in force, and a prohibition.
CREATE TABLE coverage AS
SELECT cell, kind, count(DISTINCT entitlement_id) FILTER (present AND effect = 'permit') AS permits,
       bool_or(effect = 'permit') AS permitted, coalesce(bool_or(present AND sure AND effect = 'forbid'), false) AS forbidden,
       min(entitlement_id) FILTER (present AND sure AND effect = 'forbid') AS forbidden_by
FROM matches GROUP BY cell, kind;

-- What became of each grant: calls it allowed, calls within it that were refused, by whom, when, and what hangs on it alone.
CREATE TABLE uses AS
WITH own AS (
    SELECT m.entitlement_id, c.*, v.permits, v.forbidden FROM matches m JOIN cells c USING (cell) JOIN coverage v USING (cell, kind)
    WHERE m.present AND m.effect = 'permit'
)
SELECT entitlement_id, coalesce(sum(calls) FILTER (NOT forbidden), 0)::BIGINT AS calls, sum(denied)::BIGINT AS denied,
       count(DISTINCT person) FILTER (calls > 0 AND NOT forbidden) AS users,
       min(first_use) FILTER (NOT forbidden) AS first_use, max(last_use) FILTER (NOT forbidden) AS last_use,
       max(last_denied) AS last_denied,
       arg_min(first_event, first_use, $evidence::BIGINT) FILTER (calls > 0 AND NOT forbidden) AS events,
       arg_max(last_event, last_use) FILTER (NOT forbidden) AS last_event,
       arg_min(first_refusal, first_denied, $evidence::BIGINT) FILTER (denied > 0) AS denied_events,
       arg_max(last_refusal, last_denied) AS last_refusal,
       count(DISTINCT tool) FILTER (calls > 0 AND NOT forbidden) AS used_tools,
       list(DISTINCT tool) FILTER (calls > 0 AND NOT forbidden) AS tools,
       bit_count(bit_or(bits) FILTER (calls > 0 AND NOT forbidden)) AS windows,
       coalesce(sum(calls) FILTER (permits = 1 AND NOT forbidden), 0)::BIGINT AS breaks
FROM own GROUP BY entitlement_id;

-- What each pattern or policy reaches: known tools, and the classes of what they do. Of a policy it is what it permits to
-- anybody known.
CREATE TABLE reach AS
WITH pairs AS (
    SELECT p.reach_key, p.server_name, p.tool_name, v.tool
    FROM (SELECT DISTINCT reach_key, server_name, tool_name FROM population WHERE policy_language IS NULL) p
    LEFT JOIN covers v ON v.server_name = p.server_name AND v.tool_name = p.tool_name
    UNION ALL
    SELECT DISTINCT p.reach_key, p.server_name, p.tool_name, r.tool
    FROM population p LEFT JOIN policy_reach r USING (entitlement_id) WHERE policy_language IS NOT NULL
), known AS (
    SELECT p.reach_key, p.tool, k.* EXCLUDE (server_name, tool_name) FROM pairs p LEFT JOIN tools t ON t.tool = p.tool
    LEFT JOIN tool_classes k ON k.server_name IS NOT DISTINCT FROM CASE WHEN t.tool IS NULL THEN p.server_name ELSE t.server_name END
         AND k.tool_name = coalesce(t.tool_name, p.tool_name)
)
SELECT reach_key, count(tool) AS reach, list(tool ORDER BY tool) FILTER (tool IS NOT NULL) AS tools,
       bool_or(private) AS private, bool_or(untrusted) AS untrusted, bool_or(sink) AS sink, bool_or(write) AS write,
       bool_or(persistent) AS persistent, bool_or(destructive) AS destructive, bool_or(exec) AS exec
FROM known GROUP BY reach_key;

-- Since when the servers of each pattern are seen, by kind of principal; nothing where they are not.
CREATE TABLE observed AS
SELECT p.server_name, min(s.first) AS any_first, min(s.first) FILTER (human) AS human, min(s.first) FILTER (client) AS client,
       min(s.first) FILTER (credential) AS credential, min(s.first) AS tool
FROM (SELECT DISTINCT server_name FROM population) p JOIN seen s ON s.server_name GLOB p.server_name GROUP BY ALL;

-- Of each person the smallest group that has peers.
CREATE TABLE peer_groups AS
SELECT who, arg_min("group", (size, "group")) AS "group", min(size) AS size
FROM members JOIN (SELECT "group", count(DISTINCT who) AS size FROM members GROUP BY ALL HAVING size > $least_peers) USING ("group")
GROUP BY who;

-- How many peers hold, and how many use, what somebody was granted directly.
CREATE TABLE peers AS
WITH held AS (
    SELECT DISTINCT who, server_name, tool_name FROM holders WHERE present AND kind = 'human' AND effect = 'permit' AND who <> '*'
), used AS (
    SELECT DISTINCT c.person AS who, p.server_name, p.tool_name
    FROM matches m JOIN cells c USING (cell) JOIN population p USING (entitlement_id)
    WHERE m.present AND m.kind = 'human' AND m.effect = 'permit' AND c.calls > 0
), own AS (
    SELECT DISTINCT h.entitlement_id, h.who, h.server_name, h.tool_name, g."group", g.size
    FROM holders h JOIN population p USING (entitlement_id) JOIN peer_groups g ON g.who = h.who
    WHERE h.present AND p.principal_kind = 'human' AND p.principal <> '*' AND h.effect = 'permit'
)
SELECT entitlement_id, any_value(o."group") AS "group", any_value(o.size) AS size, count(DISTINCT h.who) AS holding,
       count(DISTINCT u.who) AS using
FROM own o JOIN members m ON m."group" = o."group"
JOIN held h ON h.who = m.who AND h.server_name = o.server_name AND h.tool_name = o.tool_name
LEFT JOIN used u ON u.who = m.who AND u.server_name = o.server_name AND u.tool_name = o.tool_name
GROUP BY entitlement_id;
