-- Closed complaints of each compound by the month in which they came and that of their closing.
SELECT compound_id, month, closed_month, sum(closed_count)::BIGINT AS closed_count
FROM lake.out_closings
GROUP BY ALL
ORDER BY ALL
