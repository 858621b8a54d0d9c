-- title = "One person's record in another's result"
-- severity = "critical"
-- confidence = 0.9
-- why = "Several values that one person was given together, and hardly anyone else ever had, came to another who had asked for nothing of that record: the walls between people failed."
-- next = "Put the two events side by side. Who else was answered by that server, pool or cache at that time? Stop it, then tell the owner of the data."
-- false_positives = ["a record both may see (named by the receiver: discounted)", "templates and public pages (more than five people: subtracted)", "lists of what a team shares (the tool's own habit: discounted)", "records that people open by name for each other (the server's own habit: discounted)"]
-- requires = ["result_leaves", "user_id"]
-- explain = "At {given_time} {giver} gave {user_id} what {owner_tool} had first given to {owner} at {source_time} (values: {leaves}, passages: {passages}); {user_id} had named nothing of that record, and {giver} does the like in {usual} of {results} results"
-- tags = ["MCP10", "MCP07", "AML.T0057", "DE.AE-03", "DE.AE-04"]
-- [parameters]
-- most_weak = 0.01
-- most_strong = 0.05
-- most_chance = 1e-4
-- # Two or three values, or a passage, are weak and four strong: each is held against the tool's habit of the
-- # like, and weak ones are let be in a result that repeats what it was asked for, and in an error, whose text is the tool's.
-- # Where people open, by its name, what another was given, there is no wall to fail: there, and where the tool did the like
-- # more than once before, only far more of them in a day than that explains are leaks. Between two who work on the same
-- # (`tied`) a wall that nobody ever saw is none. What the receiver opened says nothing for the receiver. A phrase (`brief`) is
-- # believed where far more passages than ever come across that day.
WITH walls AS (
    SELECT server_name, coalesce(sum(opened), 0) AS opened, coalesce(sum(named) FILTER (opened IS NOT NULL), 0) AS named
    FROM (FROM lake_habits UNION ALL BY NAME FROM fresh_habits) GROUP BY server_name
), mine AS (
    SELECT t.server_name, t.person, count(*) AS opened FROM marks JOIN holders t USING (event_id) WHERE marks.opened GROUP BY ALL
), crossed AS (
    SELECT c.* EXCLUDE (person, owner), h.results - h.own::INT AS results, h.single, h.own, t.echo,
           greatest(if(c.strong, h.strong, h.weak) - h.own::INT, 0) AS usual, greatest(h.strange - h.own::INT, 0) AS strange,
           t.event_id, t.event_time, t.user_id, t.server_name, t.tool_name,
           s.event_id AS source_event, s.event_time AS source_time, s.user_id AS owner, s.tool_name AS owner_tool,
           w.opened - coalesce(m.opened, 0) AS opened, w.named, n.results AS today, if(c.strong, n.strong, n.weak) AS found,
           n.strange AS strangers
    FROM crossings c JOIN holders t ON t.place = c.target JOIN holders s ON s.place = c.source
    JOIN habits h ON h.server_name IS NOT DISTINCT FROM t.server_name AND h.tool_name IS NOT DISTINCT FROM t.tool_name
    JOIN fresh_habits n ON n.server_name IS NOT DISTINCT FROM t.server_name AND n.tool_name IS NOT DISTINCT FROM t.tool_name
    JOIN walls w ON w.server_name IS NOT DISTINCT FROM t.server_name
    LEFT JOIN mine m ON m.server_name IS NOT DISTINCT FROM t.server_name AND m.person = t.person
    WHERE c.returned AND NOT c.entitled
), held_against AS ( -- how many of the tool's results of the window would do the like, were there no leak
    SELECT *, (usual + 1) / (results + 2) AS share, (strange + 1) / (results + 2) AS strange_share,
           if(tied AND strong, (opened + 1) / (named + 2), opened / greatest(named, 1)) AS open,
           today * greatest(open, CASE WHEN brief THEN share WHEN usual > 1 AND NOT own THEN usual / results ELSE 0 END) AS expected,
           today * greatest(open, if(strange > 1 AND NOT own, strange / results, 0)) AS expected_strangers
    FROM crossed
), judged AS ( -- Chernoff: so many more than expected come with at most this chance (its logarithm); null where none is expected
    SELECT *, if(found > expected, found - expected - found * ln(nullif(found, 0) / nullif(expected, 0)), 0) AS chance,
           if(strangers > expected_strangers, strangers - expected_strangers - strangers * ln(strangers / nullif(expected_strangers, 0)), 0) AS strange_chance
    FROM held_against
)
-- p: how often this tool does the like by habit, Laplace's estimate, which of few results claims nothing.
SELECT f.user_id, e.client, e.credential_id, f.server_name, f.tool_name, e.session, f.event_time, f.owner,
       strftime(f.source_time, '%Y-%m-%d %H:%M:%S') AS source_time, coalesce(f.owner_tool, 'a server') AS owner_tool,
       coalesce(f.tool_name, e.prompt_name, e.mcp_method, 'a server') AS giver,
       strftime(f.event_time, '%Y-%m-%d %H:%M:%S') AS given_time, f.leaves, f.passages, f.usual, f.results,
       if(f.strong AND NOT f.tied, least(share, strange_share), share) AS p_value, if(f.strong, 0.95, 0.8) AS confidence,
       [f.source_event, f.event_id] AS evidence, f.event_id AS key
FROM judged f JOIN events e USING (event_id)
WHERE coalesce(chance <= ln($most_chance), true)
      AND CASE WHEN f.strong THEN share <= $most_strong
               ELSE NOT f.echo AND e.outcome <> 'tool_error' AND share <= $most_weak AND (f.single / f.results) ** 2 / 2 <= $most_chance
                AND f.usual <= greatest(1, 0.2 * $most_weak * f.results) END
   OR (f.strong AND NOT f.tied AND strange_share <= $most_strong AND coalesce(strange_chance <= ln($most_chance), true))
QUALIFY row_number() OVER (PARTITION BY f.event_id ORDER BY f.strong DESC, f.leaves DESC, f.passages DESC, f.source) = 1
