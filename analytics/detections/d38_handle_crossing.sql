-- title = "A handle given to one person used by another"
-- severity = "high"
-- confidence = 0.8
-- why = "What this tool is asked for has always been something its caller was given before; here it is something only another person was given. Handles that are not bound to their owner let whoever has them in."
-- next = "How did the second person come by it? If it was not sent on purpose, bind the handle to the user on the server."
-- false_positives = ["links and ids that are meant to be shared (the tool's own habit: discounted)", "ids known from elsewhere, such as a ticket's number from a chat (a tool that is called with what nobody was given: left out)", "an id everybody knows (more than five people: subtracted)"]
-- requires = ["args_leaves", "result_leaves", "user_id"]
-- explain = "{user_id} {how} to {tool_name} what only {owner} had been given, by {owner_tool} at {source_time} (values in common: {leaves}); {usual} of {of} calls of {tool_name} do the like"
-- tags = ["MCP07", "ASI03", "ASI07", "PR.AA-04", "DE.AE-03"]
-- [parameters]
-- most_carried = 0.02
-- most_shared = 0.01
-- most_unheard = 0.02
-- # Nothing says which values are handles: that a tool's callers were given theirs before does, and that hardly a call names
-- # anything nobody was given (a number from a chat, a text of one's own). Shares are Laplace's estimates.
WITH found AS (
    SELECT c.*, h.carried AS usual, h.named AS of, (h.carried + 1) / (h.named + 2) AS p_value, t.event_id, t.user_id, t.tool_name,
           t.server_name, t.event_time
    FROM crossings c JOIN holders t ON t.place = c.target
    JOIN habits h ON h.server_name IS NOT DISTINCT FROM t.server_name AND h.tool_name IS NOT DISTINCT FROM t.tool_name
    WHERE NOT c.returned AND c.leaves >= 1 AND c.minted AND (h.carried + 1) / (h.named + 2) <= $most_carried
    UNION ALL BY NAME
    -- It opened a record that is another's, with a tool whose records only their first reader ever reads again.
    SELECT c.*, h.shared AS usual, h.again + h.shared AS of, (h.shared + 1) / (h.again + h.shared + 2) AS p_value, t.event_id,
           t.user_id, t.tool_name, t.server_name, t.event_time
    FROM crossings c JOIN holders t ON t.place = c.target
    JOIN habits h ON h.server_name IS NOT DISTINCT FROM t.server_name AND h.tool_name IS NOT DISTINCT FROM t.tool_name
    WHERE c.returned AND c.entitled AND c.strong AND (h.shared + 1) / (h.again + h.shared + 2) <= $most_shared
)
SELECT f.user_id, e.client, e.credential_id, f.server_name, f.tool_name, e.session, f.event_time, s.user_id AS owner,
       coalesce(s.tool_name, 'a server') AS owner_tool, strftime(s.event_time, '%Y-%m-%d %H:%M:%S') AS source_time,
       if(f.returned, 'named', 'sent') AS how, f.leaves, f.usual, f.of, f.p_value, if(f.returned, 0.6, 0.8) AS confidence,
       [s.event_id, f.event_id] AS evidence, f.event_id AS key
FROM found f JOIN holders s ON s.place = f.source JOIN events e ON e.event_id = f.event_id
JOIN habits h ON h.server_name IS NOT DISTINCT FROM f.server_name AND h.tool_name IS NOT DISTINCT FROM f.tool_name
WHERE (h.unheard + 1) / (h.asked + 2) <= $most_unheard
QUALIFY row_number() OVER (PARTITION BY f.event_id ORDER BY f.returned, f.leaves DESC, f.source) = 1
