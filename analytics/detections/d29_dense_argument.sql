-- title = "Dense argument to a tool that others can read"
-- severity = "medium"
-- confidence = 0.5
-- why = "Texts and records leave many fingerprints, about one for every few words; a compressed, encrypted or base64-coded blob leaves one, however long it is. A call with far more bytes per fingerprint than that tool ever gets may carry something packed. Entropy is not measured: texts are not kept."
-- next = "Look at the call's arguments at the client or the gateway, and at what the session read before."
-- false_positives = ["attachments and images (a tool that often gets them is its own measure)", "arguments of which the source reports only a part"]
-- requires = ["request_bytes", "args_leaves"]
-- explain = "{bytes} bytes with {fingerprints} fingerprints went to {server_name}.{tool_name}: {density} bytes each, where {others} other calls have at most {most}"
-- tags = ["AML.T0086", "AML.T0025", "DE.CM-09"]
-- lookback_hours = 24
-- [parameters]
-- least_bytes = 2048
-- least_calls = 20
-- times = 4
-- # The p-value is the rank of the call among the tool's calls: 1 of n + 1.
WITH dense AS (
    SELECT *, coalesce(len(args_leaves), 0) + coalesce(len(args_shingles), 0) AS fingerprints,
           request_bytes / (1 + coalesce(len(args_leaves), 0) + coalesce(len(args_shingles), 0)) AS density
    FROM calls WHERE sink AND reached AND request_bytes IS NOT NULL AND args_state = 'full'
), ranked AS (
    SELECT *, max(density) OVER others AS most, count(*) OVER others AS others FROM dense
    WINDOW others AS (PARTITION BY server_name, tool_name ORDER BY event_time ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW)
)
SELECT user_id, client, credential_id, server_name, tool_name, session, event_time, fingerprints, density, most, others,
       request_bytes AS bytes, 1 / (others + 1) AS p_value, [event_id] AS evidence, event_id AS key
FROM ranked WHERE fresh AND request_bytes >= $least_bytes AND others >= $least_calls AND density > $times * most
