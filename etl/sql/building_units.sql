-- Buildings with households and a point: the units of the scan.
WITH shapes AS (
    SELECT compound_id, building_no,
           any_value(ST_X(ST_PointOnSurface(geometry))) AS lon,
           any_value(ST_Y(ST_PointOnSurface(geometry))) AS lat
    FROM lake.core_boundaries
    WHERE level = 'building'
    GROUP BY ALL
)
SELECT
    b.building_id,
    b.compound_id,
    b.building_no,
    b.household_count AS households,
    coalesce(s.lon, b.lon) AS lon,
    coalesce(s.lat, b.lat) AS lat
FROM lake.core_buildings b
LEFT JOIN shapes s USING (compound_id, building_no)
WHERE b.household_count > 0 AND coalesce(s.lon, b.lon) IS NOT NULL
ORDER BY b.building_id
