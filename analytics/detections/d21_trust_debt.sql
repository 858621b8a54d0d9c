-- title = "Trust debt: long-lived where short-lived works"
-- severity = "low"
-- confidence = 0.8
-- why = "A key is dangerous all day and useful for minutes. Where short-lived credentials are proven to work on the same server the rest is a debt nobody needs to carry; so is a token that lives longer than a working day."
-- next = "Move the keys named here to short-lived credentials, those idle longest first; shorten the lifetime at the issuer."
-- false_positives = ["a server on which nothing but keys has ever worked: structural, and not a debt", "a token that lives a few seconds longer than the rule"]
-- requires = ["credential_id", "credential_kind"]
-- explain = "{what} {place}: {keys} of them on this day{debt}; {proof}"
-- tags = ["NHI7", "NHI4", "MCP01", "PR.AA-01", "PR.AA-03"]
-- [parameters]
-- short_life_minutes = 15
-- longest_hours = 12
-- proof_days = 90
WITH proven AS ( -- a short-lived credential that reached the server
    SELECT server_name, arg_max(last_event, last_time) AS event_id, max(last_time) AS last_time FROM credential_days
    WHERE credential_kind IN ('oauth_access_token', 'jit', 'session') AND calls > failed AND server_name IS NOT NULL
      AND last_time >= $from - to_days($proof_days) GROUP BY server_name
), uses AS ( -- each use covers so many minutes, or the time to the next
    SELECT *, least(to_minutes($short_life_minutes), lead(event_time) OVER one_key - event_time) AS covers
    FROM events WHERE fresh AND reached AND credential_kind IN ('static_key', 'personal_access_token') AND server_name IS NOT NULL
    WINDOW one_key AS (PARTITION BY server_name, credential_id ORDER BY event_time)
), idle AS (
    SELECT server_name, credential_id, 1 - least(1, sum(epoch(coalesce(covers, to_minutes($short_life_minutes)))) / 86400) AS debt,
           date_diff('day', min(issued_at), max(event_time)) AS age, min(event_time) AS first_time, arg_min(event_id, event_time) AS first_event
    FROM uses GROUP BY ALL
), debts AS (
    SELECT server_name, count(*) AS keys, round(sum(debt), 2) AS debt, max(age) AS oldest, min(first_time) AS event_time,
           arg_min(first_event, first_time) AS event_id, arg_min(credential_id, first_time) AS credential_id
    FROM idle GROUP BY server_name
), long_lived AS (
    FROM events WHERE fresh AND credential_kind IN ('oauth_access_token', 'session', 'jit')
     AND expires_at > issued_at + to_hours($longest_hours) + to_seconds(5)
)
SELECT NULL AS client, d.server_name, d.credential_id, greatest(p.last_time, d.event_time) AS event_time, 'Long-lived keys are used on' AS what, d.server_name AS place, d.keys,
       concat(', idle for ', d.debt, ' key-days of it') AS debt,
       concat('short-lived credentials work there', ', and the oldest key is ' || d.oldest || ' days old') AS proof,
       list_transform(list_sort([(p.last_time, p.event_id), (d.event_time, d.event_id)]), lambda e: e[2]) AS evidence, 'keys|' || d.server_name AS key
FROM debts d JOIN proven p USING (server_name)
UNION ALL
SELECT client, server_name, credential_id, event_time, 'Tokens live too long: those of', coalesce(client, issuer, 'an unnamed client'),
       count(DISTINCT credential_id) OVER same, '', -- what they idle is not counted: they end by themselves
       concat('this one lives ', round(date_diff('second', issued_at, expires_at) / 3600, 1), ' hours, the rule is ', $longest_hours),
       [event_id], concat_ws('|', 'lifetime', issuer, client, credential_kind)
FROM long_lived WINDOW same AS (PARTITION BY issuer, client, credential_kind)
QUALIFY row_number() OVER (PARTITION BY issuer, client, credential_kind ORDER BY event_time, event_id) = 1
