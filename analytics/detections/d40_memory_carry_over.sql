-- title = "What one person was given, in another's words"
-- severity = "high"
-- confidence = 0.7
-- why = "The arguments hold several values, or a copied passage, of one result that only another person was given and this one never: a shared memory, cache or agent carried them over. Or they hold a canary."
-- next = "Which agent, memory or notebook do the two share? Look for the moment the first result was written there."
-- false_positives = ["a team's clipboard or channel (the tool's own habit: discounted)", "scanners that look for canaries"]
-- requires = ["args_leaves", "user_id"]
-- explain = "{user_id} {how} {tool_name} {told}"
-- tags = ["ASI06", "MCP10", "AML.T0080.000", "AML.T0057", "DE.CM-09", "DE.AE-07"]
-- [parameters]
-- most_usual = 0.05
-- canaries = [0]
WITH carried AS (
    SELECT c.source, c.target, c.leaves, c.passages, (h.carried + 1) / (h.named + 2) AS p_value
    FROM crossings c JOIN holders t ON t.place = c.target JOIN habits h
      ON h.server_name IS NOT DISTINCT FROM t.server_name AND h.tool_name IS NOT DISTINCT FROM t.tool_name
    WHERE NOT c.returned AND (c.leaves >= 2 OR c.passages >= 3) AND h.carried <= greatest(1, $most_usual * h.results)
    QUALIFY row_number() OVER (PARTITION BY c.target ORDER BY c.leaves + c.passages DESC, c.source) = 1
), found AS (
    SELECT t.event_id, [s.event_id, t.event_id] AS evidence, p_value, 'sent to' AS how, NULL::DOUBLE AS confidence, '' AS canary,
           format('what only {} had been given, by {} at {} (values: {}, passages: {})', s.user_id, coalesce(s.tool_name, 'a server'),
                  strftime(s.event_time, '%Y-%m-%d %H:%M:%S'), c.leaves, c.passages) AS told
    FROM carried c JOIN holders t ON t.place = c.target JOIN holders s ON s.place = c.source
    UNION ALL BY NAME
    -- `canaries` are the fingerprints of planted records; 0 stands for none.
    SELECT event_id, [event_id] AS evidence, if(list_has_any(args_leaves, $canaries), 'sent to', 'was given by') AS how,
           0.99 AS confidence, ': a canary' AS canary, 'a planted record, which nobody works with' AS told
    FROM events WHERE fresh AND (list_has_any(args_leaves, $canaries) OR list_has_any(result_leaves, $canaries))
)
SELECT e.user_id, e.client, e.credential_id, e.server_name, e.tool_name, e.session, e.event_time, f.* EXCLUDE (event_id),
       f.event_id || f.canary AS key
FROM found f JOIN events e USING (event_id)
