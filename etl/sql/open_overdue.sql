-- Complaints that are open and past their deadline on the last day of the data, by month,
-- compound and category. Variable: known_until. `categories` gives the days allowed.
SELECT
    date_trunc('month', c.reported_at)::DATE AS month,
    c.compound_id,
    c.category,
    count(*) AS open_overdue_count
FROM lake.core_complaints c
LEFT JOIN categories g ON g.name = c.category
WHERE c.closed_at IS NULL
  AND coalesce(c.status, '待办') NOT IN ('已办结', '无法办理')
  AND getvariable('known_until')::DATE
      > coalesce(c.due_at, c.reported_at + to_days(g.due_days))::DATE
GROUP BY ALL
