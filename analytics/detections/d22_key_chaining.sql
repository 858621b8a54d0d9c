-- title = "A credential made another, and that was used"
-- severity = "high"
-- confidence = 0.6
-- why = "A key that can make keys outlives its own revocation: whoever stole the first holds the second."
-- next = "List what the new credential did, revoke the whole chain from the newest on, and take the right to make credentials from the first."
-- false_positives = ["a rotation job: the same client makes credentials on other days too", "the ordinary renewal of short-lived tokens", "a key that was issued before, or is another person's"]
-- requires = ["credential_id", "credential_kind"]
-- explain = "{minter} made a credential ({how}); {minutes} minutes later {credential_id}, never seen before, was used by the same person{deeper}"
-- tags = ["MCP02", "NHI5", "ASI03", "AML.T0098", "PR.AA-01", "PR.AA-05"]
-- [parameters]
-- window_minutes = 60
-- making = '(?i)^(create|mint|issue|generate|add|new)[_-]?.*(key|token|credential|secret|service_?account)s?$'
WITH mints AS (
    SELECT *, coalesce(tool_name, event_kind) AS how FROM events
    WHERE credential_id IS NOT NULL AND NOT denied AND outcome = 'success'
      AND (event_kind = 'token_mint' OR reached AND regexp_matches(tool_name, $making))
), born AS (
    SELECT credential_id, arg_min(first_event, first_time) AS event_id FROM credential_days
    WHERE credential_id IN (SELECT credential_id FROM events WHERE user_id IN (SELECT user_id FROM mints)) GROUP BY credential_id
), first_uses AS (
    SELECT e.* FROM events e JOIN born b USING (event_id) WHERE e.event_kind <> 'entity_change'
), links AS (
    SELECT m.credential_id AS minter, m.event_id AS mint, m.event_time AS minted, m.client AS minting_client, m.how, u.*,
           coalesce(list_contains(list_transform(m.redactions, lambda r: r.digest),
                                  regexp_extract(u.credential_id, ':([0-9a-f]{16})\]', 1)), false) AS given
    FROM first_uses u ASOF JOIN mints m ON u.user_id = m.user_id AND u.event_time > m.event_time
    WHERE u.event_time <= m.event_time + to_minutes($window_minutes)
      AND (u.issued_at IS NULL OR u.issued_at > m.event_time - to_minutes(5))
      -- tokens are renewed all the time: a short-lived one counts where its digest was in what was given out
      AND (u.credential_kind NOT IN ('oauth_access_token', 'session') OR given)
), usual AS ( -- who makes credentials as a matter of course
    SELECT DISTINCT client, coalesce(tool_name, event_kind) AS how FROM activity
    WHERE hour < $from AND events > denied + failed AND coalesce(client, '') IN (SELECT coalesce(minting_client, '') FROM links)
      AND coalesce(tool_name, event_kind) IN (SELECT how FROM links)
), deep AS (
    SELECT l.event_id, arg_min(m.event_id, m.event_time) AS next_mint, min(m.event_time) AS next_time FROM links l
    JOIN mints m ON m.credential_id = l.credential_id AND m.event_time >= l.event_time
     AND m.event_time <= l.event_time + to_minutes($window_minutes)
    GROUP BY l.event_id
)
SELECT l.user_id, l.client, l.credential_id, l.server_name, l.tool_name, l.session, coalesce(d.next_time, l.event_time) AS event_time,
       l.minter, l.how, round(date_diff('second', l.minted, l.event_time) / 60, 1) AS minutes,
       concat(CASE WHEN given THEN ' (the very one: its digest stood in the result)' END,
              CASE WHEN d.next_mint IS NOT NULL THEN ', and made one in its turn' END) AS deeper,
       CASE WHEN given OR d.next_mint IS NOT NULL THEN 0.9 ELSE 0.6 END AS confidence,
       list_filter([l.mint, l.event_id, d.next_mint], lambda e: e IS NOT NULL) AS evidence, concat_ws('|', l.minter, l.credential_id) AS key
FROM links l LEFT JOIN deep d USING (event_id)
WHERE (l.fresh OR d.next_time >= $from)
  AND (d.next_mint IS NOT NULL OR NOT EXISTS (FROM usual u WHERE u.client IS NOT DISTINCT FROM l.minting_client AND u.how = l.how))
