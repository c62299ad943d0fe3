-- The same as `spots`, of those points alone on which a complaint has just come in, and of the
-- default geocodes known so far, as far as they hold enough rows to be told apart from chance.
-- Variables: newest, the snapshot of what has just come in; least, how many rows are enough.
WITH touched AS (
    SELECT DISTINCT round(lon, 6) AS lon, round(lat, 6) AS lat
    FROM lake.core_complaints
    WHERE located_by = 'coordinates' AND snapshot = getvariable('newest')
    UNION
    SELECT lon, lat FROM lake.out_geocodes
),
-- Points are many and busy ones few: addresses are looked at for these alone.
busy AS (
    SELECT t.lon, t.lat
    FROM lake.core_complaints c
    JOIN touched t ON t.lon = round(c.lon, 6) AND t.lat = round(c.lat, 6)
    WHERE c.located_by = 'coordinates'
    GROUP BY ALL
    -- Zero degrees twice is never where anybody lives, however few rows say it.
    HAVING count(*) >= getvariable('least')::BIGINT OR (t.lon = 0 AND t.lat = 0)
)
SELECT
    b.lon,
    b.lat,
    count(*) AS row_count,
    count(DISTINCT nullif(trim(c.address), '')) AS address_count,
    count(*) - count(nullif(trim(c.address), '')) AS blank_count
FROM lake.core_complaints c
JOIN busy b ON b.lon = round(c.lon, 6) AND b.lat = round(c.lat, 6)
WHERE c.located_by = 'coordinates'
GROUP BY ALL
ORDER BY ALL
