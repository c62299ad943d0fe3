-- Every matter with its compound's register, its meetings, and the needs of its category there.
WITH met AS (
    SELECT matter_id, count(DISTINCT meeting_id) AS meeting_count, max(held_on) AS last_meeting_on
    FROM lake.core_meetings WHERE matter_id IS NOT NULL GROUP BY matter_id
),
said AS (
    SELECT compound_id, category, count(*) AS need_count
    FROM lake.core_needs GROUP BY compound_id, category
),
reopened AS (
    SELECT DISTINCT matter_id FROM lake.matter_events
    WHERE field = 'status' AND old = '已办结' AND new <> '已办结'
)
SELECT
    m.matter_id, m.compound_id, m.title, m.category, m.level AS stated_level, m.urgency,
    m.household_count, m.raised_on, m.due_on AS stated_due_on, m.status, m.lead_party,
    m.decided_on, m.published_on, m.closed_on, m.voter_count, m.vote_count, m.approval_count,
    c.household_count AS owner_count,
    c.floor_area_m2 AS owner_area_m2,
    coalesce(met.meeting_count, 0) AS meeting_count,
    met.last_meeting_on,
    coalesce(said.need_count, 0) AS need_count,
    r.matter_id IS NOT NULL AS was_reopened
FROM lake.core_matters m
LEFT JOIN lake.core_compounds c USING (compound_id)
LEFT JOIN met USING (matter_id)
LEFT JOIN said ON said.compound_id = m.compound_id AND said.category = m.category
LEFT JOIN reopened r USING (matter_id)
ORDER BY m.matter_id
