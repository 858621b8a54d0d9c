-- title = "Another organisation's mark in a result"
-- severity = "critical"
-- confidence = 0.85
-- why = "Values that only people of one organisation are ever given came to somebody of another: the tenant was lost on the way."
-- next = "Look at how that server learns the tenant: from the token, or from an argument anybody can write? Find everybody else who was answered so."
-- false_positives = ["administrators and consultants (people of several organisations: left out)", "public values (seen in several organisations: not learned)"]
-- requires = ["org_id", "result_leaves", "user_id"]
-- explain = "{tool_name} gave {user_id} of {org_id} what only people of {owner_org}, at least {people} of them, had been given before (values: {marks})"
-- tags = ["MCP07", "MCP10", "AML.T0057", "PR.AA-05"]
-- [parameters]
-- least_people = 5
-- most_chance = 1e-6
-- # So many of an organisation, before anybody else, that it would be chance less often than that were the value public.
WITH member AS (
    SELECT user_id, any_value(org_id) AS org_id FROM events WHERE org_id IS NOT NULL AND user_id IS NOT NULL
    GROUP BY user_id HAVING count(DISTINCT org_id) = 1
), judged AS (FROM member WHERE (SELECT min(org_id) < max(org_id) FROM member)  -- one organisation alone has no other's marks
), given AS (
    SELECT leaf, org_id, user_id, min_by(event_id, (event_time, event_id)) AS event_id, min(event_time) AS event_time
    FROM (SELECT event_id, event_time, user_id, org_id, unnest(result_leaves) AS leaf
          FROM (SELECT event_id, event_time, user_id, result_leaves FROM events WHERE reached) JOIN judged USING (user_id))
    GROUP BY ALL
), enough AS (
    SELECT org_id, greatest($least_people, ceil(ln($most_chance) / ln(count(*) / (SELECT count(*) FROM member)))) AS least
    FROM member GROUP BY org_id HAVING count(*) < (SELECT count(*) FROM member)
), shared AS (
    SELECT leaf FROM given GROUP BY leaf HAVING min(org_id) < max(org_id) AND count(*) > $least_people
), numbered AS (
    SELECT g.*, row_number() OVER (PARTITION BY leaf, org_id ORDER BY event_time, event_id) AS nth,
           count(*) OVER (PARTITION BY leaf, org_id) AS people
    FROM given g SEMI JOIN shared USING (leaf)
), mark AS (
    SELECT leaf, max_by(org_id, people) AS org_id, max(people) AS people FROM numbered WHERE nth = 1
    GROUP BY leaf HAVING count(*) = 2 AND min(people) = 1
), known AS (
    SELECT leaf, any_value(least) AS least, max(event_time) AS since, list(event_id ORDER BY event_time, event_id) AS events
    FROM numbered JOIN mark USING (leaf, org_id) JOIN enough USING (org_id)
    WHERE nth <= least AND mark.people >= least GROUP BY leaf
), hit AS (
    SELECT n.event_id, m.org_id AS owner_org, min(k.least)::INT AS people, count(*) AS marks, min_by(k.events, (k.since, k.leaf)) AS seen
    FROM numbered n JOIN mark m ON m.leaf = n.leaf AND m.org_id <> n.org_id JOIN known k ON k.leaf = n.leaf
    WHERE n.event_time > k.since GROUP BY ALL
)
SELECT e.user_id, e.client, e.credential_id, e.server_name, e.tool_name, e.session, e.event_time, e.org_id,
       hit.owner_org, hit.people, hit.marks, list_append(hit.seen, e.event_id) AS evidence, e.event_id AS key
FROM hit JOIN events e USING (event_id) WHERE e.fresh
