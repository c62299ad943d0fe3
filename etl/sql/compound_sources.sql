-- Which files and sheets hold how many rows on one compound (variable `place`).
WITH told AS (
    SELECT 'compounds' AS "table", compound_id, file, sheet FROM lake.core_compounds
    UNION ALL SELECT 'buildings', compound_id, file, sheet FROM lake.core_buildings
    UNION ALL SELECT 'population_groups', compound_id, file, sheet FROM lake.core_population_groups
    UNION ALL SELECT 'complaints', compound_id, file, sheet FROM lake.core_complaints
    UNION ALL SELECT 'organizations', compound_id, file, sheet FROM lake.core_organizations
    UNION ALL SELECT 'coverage', compound_id, file, sheet FROM lake.core_coverage
    UNION ALL SELECT 'committee_steps', compound_id, file, sheet FROM lake.core_committee_steps
    UNION ALL SELECT 'core_residents', compound_id, file, sheet FROM lake.core_core_residents
    UNION ALL SELECT 'activities', compound_id, file, sheet FROM lake.core_activities
    UNION ALL SELECT 'needs', compound_id, file, sheet FROM lake.core_needs
    UNION ALL SELECT 'matters', compound_id, file, sheet FROM lake.core_matters
    UNION ALL SELECT 'meetings', compound_id, file, sheet FROM lake.core_meetings
    UNION ALL SELECT 'interventions', compound_id, file, sheet FROM lake.core_interventions
    UNION ALL SELECT 'survey', compound_id, file, sheet FROM lake.core_survey
)

SELECT "table", file, sheet, count(*) AS row_count
FROM told
WHERE compound_id = getvariable('place')
GROUP BY ALL
ORDER BY "table", file, sheet
