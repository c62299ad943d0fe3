-- Each complaint with its month and whether it is open or overdue on the last day of the data.
-- A deadline lasts to the end of its day. Variable: known_until. The temporary table `categories` gives the days allowed.
SELECT
    c.complaint_id,
    c.compound_id,
    c.category,
    date_trunc('month', c.reported_at)::DATE AS month,
    c.closed_at IS NULL AND coalesce(c.status, '待办') NOT IN ('已办结', '无法办理') AS is_open,
    CASE
        WHEN c.closed_at IS NOT NULL
            THEN c.closed_at::DATE > coalesce(c.due_at, c.reported_at + to_days(g.due_days))::DATE
        WHEN coalesce(c.status, '待办') IN ('已办结', '无法办理') THEN false
        ELSE getvariable('known_until')::DATE
            > coalesce(c.due_at, c.reported_at + to_days(g.due_days))::DATE
    END AS is_overdue
FROM lake.core_complaints c
LEFT JOIN categories g ON g.name = c.category
