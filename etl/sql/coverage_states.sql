-- The state of every organization in every compound it is said to cover, with what is known of it;
-- where the coverage sheet is silent, what the register of organizations says of its own compound.
-- `is_own` tells the organizations of the compound from those that serve several.
WITH covered AS MATERIALIZED (
    SELECT compound_id, kind, organization_id, state, household_count, term_ends_on,
           last_response_on
    FROM lake.core_coverage
),
listed AS MATERIALIZED (
    SELECT organization_id, name, compound_id, kind, state, term_ends_on, last_activity_on,
           is_registered, is_supervised, member_count, member_over_60_count,
           member_under_40_count
    FROM lake.core_organizations
),
silent AS (
    SELECT compound_id, kind, organization_id, state, NULL::BIGINT AS household_count,
           term_ends_on, last_activity_on AS last_response_on
    FROM listed ANTI JOIN covered USING (compound_id, organization_id)
)
SELECT
    v.compound_id,
    v.kind,
    v.organization_id,
    v.state,
    o.name AS organization_name,
    coalesce(v.term_ends_on, o.term_ends_on) AS term_ends_on,
    coalesce(v.last_response_on, o.last_activity_on) AS last_active_on,
    o.is_registered,
    o.is_supervised,
    v.household_count,
    o.member_count,
    o.member_over_60_count,
    o.member_under_40_count,
    coalesce(o.compound_id = v.compound_id, false) AS is_own
FROM (FROM covered UNION ALL FROM silent) v
LEFT JOIN listed o USING (organization_id)
WHERE v.compound_id IS NOT NULL
ORDER BY v.compound_id, v.kind, v.organization_id, v.state
