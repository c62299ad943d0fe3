-- Closed complaints by month, compound and category, the month in which they were closed and the
-- working days that took. Variables: months_from, months_to.
-- The temporary table `workdays` is as in `closed_months`.
SELECT
    date_trunc('month', o.reported_at)::DATE AS month,
    o.compound_id,
    o.category,
    date_trunc('month', o.closed_at)::DATE AS closed_month,
    greatest(c.through - r.through, 0) AS working_days,
    count(*) AS closed_count
FROM lake.core_complaints o
JOIN workdays r ON r.day = o.reported_at::DATE
JOIN workdays c ON c.day = o.closed_at::DATE
WHERE o.reported_at >= getvariable('months_from')::DATE
  AND o.reported_at < getvariable('months_to')::DATE
GROUP BY ALL
ORDER BY ALL
