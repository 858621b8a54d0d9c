-- Debt of each credential with what is known of it; sender_bound to cleartext are multipliers, apart from the numbers.
WITH reach AS (
    SELECT credential_id, sum(weight) AS weight, count(server_name) AS servers, max_by(server_name || '.' || worst_tool, (weight, worst_tool)) AS worst_tool
    FROM weights GROUP BY credential_id
)
SELECT s.credential_id, k.owner, k.owner IS NULL AS orphan, k.kind, s.debt, s.structural, s.pace, s.days_to_zero, r.weight, r.servers, r.worst_tool,
       k.valid_from, k.issued, k.expires_at, k.revoked_at, k.ended, k.uses, k.last_used,
       k.sender_bound, k.users > 1 OR k.addresses > 1 AS shared, k.users, k.addresses, k.last_rotated, k.cleartext, s.proof
FROM sums s JOIN keys k USING (credential_id) JOIN reach r USING (credential_id)
ORDER BY s.debt DESC, s.structural DESC, s.credential_id
