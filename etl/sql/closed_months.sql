-- Complaints by month, compound and category; a blank compound holds those not placed. What is
-- said of closed ones no longer changes with time. A deadline lasts to the end of its day.
-- Variables: months_from, months_to. The temporary table `categories` gives the days allowed.
SELECT
    date_trunc('month', c.reported_at)::DATE AS month,
    c.compound_id,
    c.category,
    count(*) AS complaint_count,
    count(*) FILTER (
        c.closed_at IS NOT NULL OR coalesce(c.status, '待办') IN ('已办结', '无法办理')
    ) AS closed_count,
    count(*) FILTER (
        c.closed_at::DATE > coalesce(c.due_at, c.reported_at + to_days(g.due_days))::DATE
    ) AS closed_overdue_count,
    max(c.reported_at) AS newest_at
FROM lake.core_complaints c
LEFT JOIN categories g ON g.name = c.category
WHERE c.reported_at >= getvariable('months_from')::DATE
  AND c.reported_at < getvariable('months_to')::DATE
GROUP BY ALL
ORDER BY ALL
