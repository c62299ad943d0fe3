-- Counts over the whole store of very many compounds, one row each, from what is added up already.
-- The temporary tables `known_places` and `default_geocodes` are as they were worked out.
SELECT 'compounds' AS name, count(*)::DOUBLE AS value FROM lake.out_compounds
UNION ALL SELECT 'households', sum(households) FROM lake.out_compounds
UNION ALL SELECT 'residents', sum(residents) FROM lake.out_compounds
UNION ALL SELECT 'area_m2', sum(area_m2) FROM lake.out_compounds
UNION ALL SELECT 'buildings', count(*) FROM lake.core_buildings
UNION ALL SELECT 'organizations', count(*) FROM lake.core_organizations
UNION ALL SELECT 'complaints', count(*) FROM lake.core_complaints
UNION ALL SELECT 'complaints_unplaced', coalesce(sum(complaint_count), 0) FROM lake.out_months
    WHERE compound_id IS NULL OR compound_id NOT IN (SELECT compound_id FROM known_places)
UNION ALL SELECT 'quarantined', count(*) FROM lake.quarantine
