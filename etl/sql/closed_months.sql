-- Complaints by month, compound and category; a blank compound holds those not placed. What is
-- said of closed ones no longer changes with time. A deadline lasts to the end of its day.
-- Variables: months_from, months_to. The temporary tables `deadlines` and `workdays` give the
-- working days allowed, and for each day how many working days there were through and before it.
SELECT
    date_trunc('month', o.reported_at)::DATE AS month,
    o.compound_id,
    o.category,
    count(*) AS complaint_count,
    count(*) FILTER (
        o.closed_at IS NOT NULL OR coalesce(o.status, '待办') IN ('已办结', '无法办理')
    ) AS closed_count,
    count(*) FILTER (
        CASE WHEN o.due_at IS NOT NULL THEN o.closed_at::DATE > o.due_at::DATE
             ELSE c.before - r.through >= d.due_days END
    ) AS closed_overdue_count,
    count(*) FILTER (o.is_repeat) AS said_repeat_count,
    max(o.reported_at) AS newest_at
FROM lake.core_complaints o
LEFT JOIN deadlines d ON d.category = o.category AND d.urgency = coalesce(o.urgency, '')
LEFT JOIN workdays r ON r.day = o.reported_at::DATE
LEFT JOIN workdays c ON c.day = o.closed_at::DATE
WHERE o.reported_at >= getvariable('months_from')::DATE
  AND o.reported_at < getvariable('months_to')::DATE
GROUP BY ALL
ORDER BY ALL
