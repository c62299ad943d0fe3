-- Every compound that a register or a boundary knows, with its place.
WITH borders AS (
    SELECT compound_id, any_value(name) AS name,
           any_value(ST_X(ST_PointOnSurface(geometry))) AS lon,
           any_value(ST_Y(ST_PointOnSurface(geometry))) AS lat
    FROM lake.core_boundaries
    WHERE level = 'compound'
    GROUP BY compound_id
)
SELECT
    coalesce(c.compound_id, b.compound_id) AS compound_id,
    coalesce(c.name, b.name, b.compound_id) AS name,
    c.type,
    c.household_count AS households,
    c.resident_count AS residents,
    c.grid,
    c.community,
    c.street,
    c.district,
    coalesce(b.lon, c.lon) AS lon,
    coalesce(b.lat, c.lat) AS lat,
    b.compound_id IS NOT NULL AS has_boundary
FROM lake.core_compounds c
FULL OUTER JOIN borders b USING (compound_id)
ORDER BY compound_id
