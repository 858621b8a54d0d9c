-- Valid credentials by what a day's debt drops if they move to just-in-time; `left` is the pace once all so far have.
SELECT row_number() OVER best AS rank, credential_id, owner, kind, weight, worst_tool, pace AS drop,
       greatest(0, sum(pace) OVER () - sum(pace) OVER best) AS left, debt, proof
FROM sums WHERE pace > 0 WINDOW best AS (ORDER BY pace DESC, credential_id ROWS UNBOUNDED PRECEDING) ORDER BY rank
