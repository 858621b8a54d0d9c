-- title = "One person's record in another's result"
-- severity = "critical"
-- confidence = 0.9
-- why = "Several values that one person was given together, and hardly anyone else ever had, came to another who had asked for nothing of that record: the walls between people failed."
-- next = "Put the two events side by side. Who else was answered by that server, pool or cache at that time? Stop it, then tell the owner of the data."
-- false_positives = ["a record both may see (named by the receiver: discounted)", "templates and public pages (more than five people: subtracted)", "lists of what a team shares (the tool's own habit: discounted)", "colleagues on one case, where a server's records are opened by name for each other (left out)"]
-- requires = ["result_leaves", "user_id"]
-- explain = "At {given_time} {giver} gave {user_id} what {owner_tool} had first given to {owner} at {source_time} (values: {leaves}, passages: {passages}); {user_id} had named nothing of that record, and {giver} does the like in {usual} of {results} results"
-- tags = ["MCP10", "MCP07", "AML.T0057", "DE.AE-03", "DE.AE-04"]
-- [parameters]
-- most_weak = 0.01
-- most_strong = 0.05
-- most_chance = 1e-4
-- most_granted = 0.01
-- # Two or three values, or a passage, are weak and four strong: each is held against the tool's habit of the
-- # like, and weak ones are let be in a result that repeats what it was asked for, and in an error, whose text is the tool's.
-- # Between two who work on the same (`tied`) a strong one counts where people of that server hardly ever open, by its name,
-- # what another was given: a wall nobody ever saw is none.
WITH walls AS (
    SELECT server_name, (sum(shared - strong) + 1) / (sum(again + shared - strong) + 2) AS granted
    FROM (FROM lake_habits UNION ALL BY NAME FROM fresh_habits) GROUP BY server_name
), found AS (
    SELECT c.* EXCLUDE (person, owner), h.results - h.own::INT AS results, h.single, t.echo,
           greatest(if(c.strong, h.strong, h.weak) - h.own::INT, 0) AS usual, greatest(h.strange - h.own::INT, 0) AS strange,
           t.event_id, t.event_time, t.user_id, t.server_name, t.tool_name,
           s.event_id AS source_event, s.event_time AS source_time, s.user_id AS owner, s.tool_name AS owner_tool, granted
    FROM crossings c JOIN holders t ON t.place = c.target JOIN holders s ON s.place = c.source
    JOIN habits h ON h.server_name IS NOT DISTINCT FROM t.server_name AND h.tool_name IS NOT DISTINCT FROM t.tool_name
    JOIN walls w ON w.server_name IS NOT DISTINCT FROM t.server_name
    WHERE c.returned AND NOT c.entitled
)
-- p: how often this tool does the like by habit, Laplace's estimate, which of few results claims nothing.
SELECT f.user_id, e.client, e.credential_id, f.server_name, f.tool_name, e.session, f.event_time, f.owner,
       strftime(f.source_time, '%Y-%m-%d %H:%M:%S') AS source_time, coalesce(f.owner_tool, 'a server') AS owner_tool,
       coalesce(f.tool_name, e.prompt_name, e.mcp_method, 'a server') AS giver,
       strftime(f.event_time, '%Y-%m-%d %H:%M:%S') AS given_time, f.leaves, f.passages, f.usual, f.results,
       (f.usual + 1) / (f.results + 2) AS p_value, if(f.strong, 0.95, 0.8) AS confidence,
       [f.source_event, f.event_id] AS evidence, f.event_id AS key
FROM found f JOIN events e USING (event_id)
WHERE CASE WHEN f.strong THEN (f.usual + 1) / (f.results + 2) <= $most_strong AND (NOT f.tied OR f.granted <= $most_granted)
           ELSE NOT f.echo AND e.outcome <> 'tool_error' AND (f.usual + 1) / (f.results + 2) <= $most_weak AND (f.single / f.results) ** 2 / 2 <= $most_chance
                AND f.usual <= greatest(1, 0.2 * $most_weak * f.results) END
   OR (f.strong AND NOT f.tied AND (f.strange + 1) / (f.results + 2) <= $most_strong)
QUALIFY row_number() OVER (PARTITION BY f.event_id ORDER BY f.strong DESC, f.leaves DESC, f.passages DESC, f.source) = 1
