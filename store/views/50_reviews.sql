-- Reviews as they began, with when and by whom they were closed (null: still open).
CREATE VIEW campaigns AS
SELECT o.* EXCLUDE (change, made_by, review_time, review_date, seal), o.made_by AS created_by, o.review_time AS created_at, c.made_by AS closed_by,
       c.review_time AS closed_at, c.seal
FROM (FROM reviews WHERE change = 'opened') o LEFT JOIN (FROM reviews WHERE change = 'closed') c USING (review);

-- What was decided of each item of each review: the newest decision of each stage. A second one counts only while it is
-- newer than the first.
CREATE VIEW review_verdicts AS
WITH newest AS (
    FROM review_decisions
    QUALIFY row_number() OVER (PARTITION BY review, item_id, stage ORDER BY batch_number DESC, decided_at DESC) = 1
)
SELECT i.review, i.item_id, i.what, i.principal_kind, i.principal, i.server_name, i.tool_name, i.state, i.advice, i.privileged,
       a.decision AS first_decision, a.reviewer AS first_reviewer, a.decided_at AS first_at,
       b.decision AS second_decision, b.reviewer AS second_reviewer, b.decided_at AS second_at,
       CASE WHEN a.decision IS NULL THEN 'open' WHEN NOT i.privileged THEN 'decided' WHEN b.decision IS NULL THEN 'second_stage'
            WHEN a.decision = b.decision THEN 'decided' ELSE 'disputed' END AS status
FROM review_items i SEMI JOIN reviews USING (review)
LEFT JOIN newest a ON a.review = i.review AND a.item_id = i.item_id AND a.stage = 1
LEFT JOIN newest b ON b.review = i.review AND b.item_id = i.item_id AND b.stage = 2 AND b.batch_number > a.batch_number
WHERE i.what <> 'excluded';
