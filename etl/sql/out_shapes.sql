-- What the map draws.
SELECT level, place_id, name, compound_id, geometry
FROM lake.core_boundaries
ORDER BY level, place_id
