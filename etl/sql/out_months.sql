-- Complaints by month, compound and category; a blank compound holds those not placed.
SELECT
    month,
    compound_id,
    category,
    count(*) AS complaint_count,
    count(*) FILTER (NOT is_open) AS closed_count,
    count(*) FILTER (is_overdue) AS overdue_count
FROM judged_complaints
GROUP BY ALL
ORDER BY ALL
