-- The state of every organization in every compound it is said to cover; where the coverage sheet
-- is silent, what the register of organizations says of its own compound.
SELECT v.compound_id, v.kind, v.organization_id, v.state, o.name AS organization_name
FROM lake.core_coverage v
LEFT JOIN lake.core_organizations o USING (organization_id)
WHERE v.compound_id IS NOT NULL
UNION ALL BY NAME
SELECT o.compound_id, o.kind, o.organization_id, o.state, o.name AS organization_name
FROM lake.core_organizations o
ANTI JOIN lake.core_coverage v USING (compound_id, organization_id)
WHERE o.compound_id IS NOT NULL
ORDER BY ALL
