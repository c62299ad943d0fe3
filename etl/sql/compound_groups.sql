-- Every compound that a register or a boundary knows, with the areas that it belongs to.
SELECT
    coalesce(c.compound_id, b.compound_id) AS compound_id,
    c.grid,
    c.community,
    c.street,
    c.district,
    c.lat
FROM lake.core_compounds c
FULL OUTER JOIN (
    SELECT DISTINCT compound_id FROM lake.core_boundaries
    WHERE level = 'compound' AND compound_id IS NOT NULL
) b USING (compound_id)
ORDER BY compound_id
