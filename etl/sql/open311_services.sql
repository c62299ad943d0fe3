-- Categories of complaints on record.
SELECT DISTINCT category
FROM lake.core_complaints
WHERE category IS NOT NULL AND category <> ''
ORDER BY category
