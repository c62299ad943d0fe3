-- The first and the newest complaint, and the day up to which the data speaks.
SELECT
    min(reported_at) AS first_at,
    max(reported_at) AS newest_at,
    greatest(max(reported_at), max(closed_at)) AS known_until
FROM lake.core_complaints
