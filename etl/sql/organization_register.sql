-- The register of organizations, without people.
SELECT organization_id, name, kind, compound_id, state, stage, is_registered, is_supervised,
       has_rules, leader_selection, member_count, last_activity_on
FROM lake.core_organizations
ORDER BY compound_id, kind, name, organization_id
