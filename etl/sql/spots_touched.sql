-- The same as `spots`, of those points alone on which a complaint has just come in, and of the
-- default geocodes known so far. Variable: newest, the snapshot of what has just come in.
WITH touched AS (
    SELECT DISTINCT round(lon, 6) AS lon, round(lat, 6) AS lat
    FROM lake.core_complaints
    WHERE located_by = 'coordinates' AND snapshot = getvariable('newest')
    UNION
    SELECT lon, lat FROM lake.out_geocodes
)
SELECT
    t.lon,
    t.lat,
    count(*) AS row_count,
    count(DISTINCT nullif(trim(c.address), '')) AS address_count,
    count(*) - count(nullif(trim(c.address), '')) AS blank_count
FROM lake.core_complaints c
JOIN touched t ON t.lon = round(c.lon, 6) AND t.lat = round(c.lat, 6)
WHERE c.located_by = 'coordinates'
GROUP BY ALL
ORDER BY ALL
