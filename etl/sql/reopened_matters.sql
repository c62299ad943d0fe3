-- Matters that were closed and are not any more: what the sheet says of them now, and where.
WITH known AS (
    SELECT matter_id, arg_max({'v': new}, snapshot).v AS status
    FROM lake.matter_events WHERE field = 'status' GROUP BY matter_id
),
ever AS (
    SELECT DISTINCT matter_id FROM lake.matter_events
    WHERE field = 'status' AND old = '已办结' AND new <> '已办结'
)
SELECT m.file, m.sheet, m.row, m.status
FROM lake.core_matters m
LEFT JOIN known k USING (matter_id)
LEFT JOIN ever e USING (matter_id)
WHERE m.status <> '已办结' AND (k.status = '已办结' OR e.matter_id IS NOT NULL)
ORDER BY m.file, m.sheet, m.row
