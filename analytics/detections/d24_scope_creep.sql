-- title = "A client's scopes grow"
-- severity = "low"
-- confidence = 0.5
-- why = "Each new scope is granted once and kept for ever. What is compared is this day with the day before: whether a scope stays unused is for the entitlement review."
-- next = "Ask what the new scopes are for. If nothing was refused for want of them, take them back."
-- false_positives = ["a step up: something was refused for want of that scope just before", "a feature rolled out to many people at once", "a smaller token beside a larger one that was there before"]
-- requires = ["scopes"]
-- explain = "{client} now holds {added} for {user_id}, beside {before}; nothing was refused for want of them"
-- tags = ["MCP02", "NHI5", "PR.AA-05"]
-- rollout = ["client", "added"]
WITH grants AS (
    SELECT user_id, client, list_sort(list_distinct(scopes)) AS scopes, min(event_time) AS first_time, arg_min(event_id, event_time) AS first_event
    FROM events WHERE len(scopes) > 0 AND user_id IS NOT NULL AND client IS NOT NULL AND event_kind <> 'entity_change'
    GROUP BY ALL
), grown AS (
    SELECT *, list_distinct(flatten(list(scopes) OVER earlier)) AS known FROM grants
    WINDOW earlier AS (PARTITION BY user_id, client ORDER BY first_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), creeping AS (
    SELECT *, list_sort(list_filter(scopes, lambda s: NOT list_contains(known, s))) AS new FROM grown WHERE len(known) > 0
), refused AS (
    SELECT user_id, client, event_time, required_scopes FROM events WHERE denied AND len(required_scopes) > 0
), earlier AS ( -- the last thing that was done with less
    SELECT c.first_event, arg_max(e.event_id, e.event_time) AS before_event FROM creeping c
    JOIN events e ON e.user_id = c.user_id AND e.client = c.client AND len(e.scopes) > 0 AND e.event_time < c.first_time
    WHERE len(c.new) > 0 GROUP BY c.first_event
)
SELECT e.user_id, e.client, e.credential_id, e.server_name, e.tool_name, e.session, e.event_time,
       array_to_string(c.new, ' ') AS added, array_to_string(list_sort(c.known), ' ') AS before, [b.before_event, c.first_event] AS evidence,
       concat_ws('|', e.client, e.user_id, added) AS key
FROM creeping c JOIN earlier b USING (first_event) JOIN events e ON e.event_id = c.first_event
WHERE e.fresh AND NOT EXISTS (FROM refused r WHERE r.user_id = c.user_id AND r.client = c.client
                              AND r.event_time < c.first_time AND list_has_any(r.required_scopes, c.new))
