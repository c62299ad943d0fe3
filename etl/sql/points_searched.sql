-- The complaints that are placed by their own coordinates: they state no compound, or none that is
-- known, and do not lie on a default geocode. Variable: since, the first snapshot looked at.
SELECT complaint_id AS point_id, lon, lat
FROM lake.core_complaints
WHERE snapshot >= getvariable('since')
  AND (compound_id IS NULL OR compound_by = 'coordinates')
  AND lon IS NOT NULL
  AND located_by IS DISTINCT FROM 'building'
  AND (round(lon, 6), round(lat, 6)) NOT IN (SELECT (lon, lat) FROM default_geocodes)
