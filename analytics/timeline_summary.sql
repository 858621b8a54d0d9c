-- One session in one row: who, by which client, with which credential, from when to when, and how it went. Stands on `story`.
-- Records of one call share its tool_call_id and count as one.
SELECT min(event_time) AS first, max(event_time) AS last, count(*) AS events,
       count(DISTINCT coalesce(tool_call_id, event_id)) FILTER (event_class IN ('tool_call', 'denial')) AS attempted,
       count(DISTINCT coalesce(tool_call_id, event_id)) FILTER (event_class = 'denial') AS denied,
       count(DISTINCT coalesce(tool_call_id, event_id)) FILTER (
           event_class = 'tool_call' AND outcome IN ('success', 'tool_error', 'input_required')) AS reached,
       list_sort(list_distinct(list(concat(user_id, ' (', coalesce(user_assurance, 'assurance unknown'), ')'))
           FILTER (user_id IS NOT NULL))) AS users,
       list_sort(list_distinct(list(concat_ws(' ', client_name, client_version, '(' || client_identity_source || ')'))
           FILTER (client_name IS NOT NULL))) AS clients,
       list_sort(list_distinct(list(concat_ws(' ', credential_id, '(' || coalesce(credential_kind, auth_method) || ')'))
           FILTER (credential_id IS NOT NULL OR auth_method IS NOT NULL))) AS credentials,
       list_sort(list_distinct(list(server_name) FILTER (server_name IS NOT NULL))) AS servers
FROM story
