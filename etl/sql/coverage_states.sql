-- The state of every organization in every compound it is said to cover, with what is known of it;
-- where the coverage sheet is silent, what the register of organizations says of its own compound.
-- `is_own` tells the organizations of the compound from those that serve several.
WITH covered AS (
    SELECT
        v.compound_id, v.kind, v.organization_id, v.state, v.household_count,
        coalesce(v.term_ends_on, o.term_ends_on) AS term_ends_on,
        coalesce(v.last_response_on, o.last_activity_on) AS last_active_on,
        o.* EXCLUDE (compound_id, kind, organization_id, state, term_ends_on),
        coalesce(o.compound_id = v.compound_id, false) AS is_own
    FROM lake.core_coverage v
    LEFT JOIN lake.core_organizations o USING (organization_id)
    UNION ALL BY NAME
    SELECT
        o.*, o.last_activity_on AS last_active_on, NULL::BIGINT AS household_count, true AS is_own
    FROM lake.core_organizations o
    ANTI JOIN lake.core_coverage v USING (compound_id, organization_id)
)
SELECT
    compound_id, kind, organization_id, state, name AS organization_name, term_ends_on,
    last_active_on, is_registered, is_supervised, household_count, member_count,
    member_over_60_count, member_under_40_count, is_own
FROM covered
WHERE compound_id IS NOT NULL
ORDER BY compound_id, kind, organization_id, state
