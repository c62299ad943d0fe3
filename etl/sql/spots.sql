-- The exact points that complaints state, counted, for the search for default geocodes.
SELECT
    round(lon, 6) AS lon,
    round(lat, 6) AS lat,
    count(*) AS row_count,
    count(DISTINCT nullif(trim(address), '')) AS address_count,
    count(*) - count(nullif(trim(address), '')) AS blank_count
FROM lake.core_complaints
WHERE located_by = 'coordinates'
GROUP BY ALL
ORDER BY ALL
