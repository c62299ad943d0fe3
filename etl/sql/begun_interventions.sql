-- Interventions of which it is known where and when they begin.
SELECT intervention_id, compound_id, name, category, starts_on, ends_on, status
FROM lake.core_interventions
WHERE starts_on IS NOT NULL AND compound_id IS NOT NULL
ORDER BY compound_id, starts_on, intervention_id
