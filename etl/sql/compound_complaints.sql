-- Complaints of each compound: all, in the window, open, overdue, and the commonest category.
-- Variables: window_from, window_to (the day after the last).
WITH counted AS (
    SELECT
        compound_id,
        category,
        count(*) AS complaint_count,
        count(*) FILTER (month >= getvariable('window_from')::DATE
                     AND month < getvariable('window_to')::DATE) AS window_count,
        count(*) FILTER (is_open) AS open_count,
        count(*) FILTER (is_open AND is_overdue) AS overdue_count,
        count(*) FILTER (is_open AND is_overdue
                     AND month >= getvariable('window_from')::DATE
                     AND month < getvariable('window_to')::DATE) AS window_overdue_count
    FROM judged_complaints
    WHERE compound_id IS NOT NULL
    GROUP BY ALL
)
SELECT
    compound_id,
    sum(complaint_count)::BIGINT AS complaint_count,
    sum(window_count)::BIGINT AS window_count,
    sum(open_count)::BIGINT AS open_count,
    sum(overdue_count)::BIGINT AS overdue_count,
    sum(window_overdue_count)::BIGINT AS window_overdue_count,
    arg_max(category, (window_count, category)) FILTER (window_count > 0) AS top_category,
    100.0 * max(window_count) / nullif(sum(window_count), 0) AS top_category_pct
FROM counted
GROUP BY compound_id
ORDER BY compound_id
