-- Needs of each compound by category, the open ones apart.
WITH listed AS (
    SELECT *, coalesce(status, '待回应') NOT IN ('已解决', '暂不能解决') AS is_open
    FROM lake.core_needs
)
SELECT
    compound_id, category,
    count(*) AS need_count,
    count(*) FILTER (is_open) AS open_count,
    count(*) FILTER (is_open AND urgency = '高') AS urgent_count,
    sum(mention_count) FILTER (is_open)::BIGINT AS mention_count,
    max(household_count) FILTER (is_open) AS household_count,
    max(raised_on) AS newest_on
FROM listed
GROUP BY compound_id, category
ORDER BY compound_id, category
