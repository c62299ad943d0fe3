-- Counts over the whole store, one row each.
SELECT 'buildings' AS name, count(*)::DOUBLE AS value FROM lake.core_buildings
UNION ALL SELECT 'organizations', count(*) FROM lake.core_organizations
UNION ALL SELECT 'complaints', count(*) FROM lake.core_complaints
UNION ALL SELECT 'complaints_unplaced', count(*) FROM lake.core_complaints
    WHERE compound_id IS NULL OR compound_id NOT IN (SELECT compound_id FROM lake.out_compounds)
UNION ALL SELECT 'complaints_default_geocode', count(*) FROM lake.core_complaints
    WHERE (round(lon, 6), round(lat, 6)) IN (SELECT (lon, lat) FROM default_geocodes)
UNION ALL SELECT 'quarantined', count(*) FROM lake.quarantine
