-- Complaints that are open on the last day of the data, by month, compound, category and working
-- days since they came, and how many of them are past their deadline. Variable: known_until.
-- The temporary tables `deadlines` and `workdays` are as in `closed_months`.
SELECT
    date_trunc('month', o.reported_at)::DATE AS month,
    o.compound_id,
    o.category,
    greatest(u.through - r.through, 0) AS working_days,
    count(*) AS open_count,
    count(*) FILTER (
        CASE WHEN o.due_at IS NOT NULL THEN u.day > o.due_at::DATE
             ELSE u.before - r.through >= d.due_days END
    ) AS open_overdue_count
FROM lake.core_complaints o
JOIN workdays u ON u.day = getvariable('known_until')::DATE
LEFT JOIN deadlines d ON d.category = o.category AND d.urgency = coalesce(o.urgency, '')
LEFT JOIN workdays r ON r.day = o.reported_at::DATE
WHERE o.closed_at IS NULL
  AND coalesce(o.status, '待办') NOT IN ('已办结', '无法办理')
GROUP BY ALL
ORDER BY ALL
