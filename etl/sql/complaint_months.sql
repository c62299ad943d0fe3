-- How many complaints each month holds.
SELECT date_trunc('month', reported_at)::DATE AS month, count(*) AS complaint_count,
       max(reported_at) AS newest_at
FROM lake.core_complaints
GROUP BY month
ORDER BY month
