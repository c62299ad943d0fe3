-- The newest complaint on record.
SELECT max(reported_at) AS newest_at FROM lake.core_complaints
