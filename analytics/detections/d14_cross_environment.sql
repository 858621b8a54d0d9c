-- title = "A credential of one environment in another"
-- severity = "high"
-- confidence = 0.7
-- why = "A test credential that opens production carries test's care into production; a production credential in test lies where many can read it. Environments are read from names: of what is not named after one nothing is said."
-- next = "Take the grant back, or name the thing what it is; rotate a production credential that was seen in test."
-- false_positives = ["a shared sandbox: names of both environments, or of a sandbox, are not judged", "names such as latest or contest: only whole words count", "one that was so before the window: reported when it began"]
-- requires = ["credential_id", "server_name"]
-- explain = "{credential_id}, a credential of {credential_environment}, reached {server_name}, a server of {server_environment}"
-- tags = ["NHI8", "ASI03", "PR.AA-05"]
-- [parameters]
-- lower = '(^|[^a-z])(dev|development|test|testing|qa|uat|stag|stage|staging|preprod|nonprod)([^a-z]|$)'
-- upper = '(^|[^a-z])(prod|prd|production|live)([^a-z]|$)'
-- shared = '(^|[^a-z])(sandbox|playground|demo|shared)([^a-z]|$)'
WITH pairs AS (
    SELECT credential_id, credential_kind, issuer, agent_name, server_name, gateway_name, arg_min(event_id, event_time) AS event_id,
           min(event_time) AS event_time, arg_min(user_id, event_time) AS user_id, arg_min(client, event_time) AS client,
           arg_min(tool_name, event_time) AS tool_name, arg_min(session, event_time) AS session
    FROM events WHERE fresh AND reached AND credential_id IS NOT NULL AND server_name IS NOT NULL GROUP BY ALL
), named AS (
    SELECT *, lower(concat_ws(' ', credential_id, issuer, agent_name)) AS credential, lower(concat_ws(' ', server_name, gateway_name)) AS server FROM pairs
), labelled AS (
    SELECT *, CASE WHEN regexp_matches(credential, $lower) THEN 'test' WHEN regexp_matches(credential, $upper) THEN 'production' END AS credential_environment,
           CASE WHEN regexp_matches(server, $lower) THEN 'test' WHEN regexp_matches(server, $upper) THEN 'production' END AS server_environment
    FROM named WHERE NOT regexp_matches(credential || ' ' || server, $shared)
     AND NOT (regexp_matches(credential, $lower) AND regexp_matches(credential, $upper))
     AND NOT (regexp_matches(server, $lower) AND regexp_matches(server, $upper))
)
, crossing AS (FROM labelled WHERE credential_environment <> server_environment)
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, credential_environment, server_environment,
       [event_id] AS evidence, concat_ws('|', credential_id, server_name) AS key
FROM crossing l WHERE NOT EXISTS (FROM credential_days a WHERE a.past AND a.credential_id IN (SELECT credential_id FROM crossing) AND a.credential_id = l.credential_id AND a.server_name = l.server_name AND a.calls > 0)
QUALIFY row_number() OVER (PARTITION BY credential_id, server_name ORDER BY event_time, event_id) = 1
