-- The points that complaints state, for the search for default geocodes.
SELECT lon, lat, address
FROM lake.core_complaints
WHERE located_by = 'coordinates'
