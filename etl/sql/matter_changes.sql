-- What is said of a matter now and was not when it was last looked at. The temporary table `routed`
-- has matter_id and level_now. A matter that is no longer on the list is said once, as not listed.
WITH told AS (
    SELECT matter_id, file, sheet, row, unnest([
        {'field': 'listed', 'value': '是'},
        {'field': 'status', 'value': status},
        {'field': 'level', 'value': level},
        {'field': 'due_on', 'value': due_on::VARCHAR},
        {'field': 'decision', 'value': decision},
        {'field': 'decided_on', 'value': decided_on::VARCHAR},
        {'field': 'published_on', 'value': published_on::VARCHAR},
        {'field': 'closed_on', 'value': closed_on::VARCHAR},
        {'field': 'routed_level', 'value': level_now::VARCHAR}
    ], recursive := true)
    FROM lake.core_matters LEFT JOIN routed USING (matter_id)
),
known AS (
    SELECT matter_id, field, arg_max({'v': new}, snapshot).v AS value
    FROM lake.matter_events GROUP BY matter_id, field
)
SELECT
    coalesce(t.matter_id, k.matter_id) AS matter_id,
    coalesce(t.field, k.field) AS field,
    k.value AS old,
    t.value AS new,
    t.file, t.sheet, t.row
FROM told t FULL JOIN known k ON t.matter_id = k.matter_id AND t.field = k.field
WHERE t.value IS DISTINCT FROM k.value AND (t.matter_id IS NOT NULL OR k.field = 'listed')
ORDER BY ALL
