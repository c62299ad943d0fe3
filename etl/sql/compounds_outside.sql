-- Compounds that lie outside every district, street and community that is known.
WITH areas AS (
    SELECT geometry FROM lake.core_boundaries WHERE level IN ('district', 'street', 'community')
),
inside AS (
    SELECT DISTINCT c.compound_id
    FROM lake.out_compounds c
    JOIN areas a ON ST_Intersects(a.geometry, ST_Point(c.lon, c.lat))
    WHERE c.lon IS NOT NULL
)
SELECT c.name
FROM lake.out_compounds c ANTI JOIN inside USING (compound_id)
WHERE c.lon IS NOT NULL AND EXISTS (FROM areas)
ORDER BY c.name
