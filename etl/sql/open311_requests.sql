-- Complaints for Open311, the newest first; lists `ids`, `categories`, `statuses` are empty for all,
-- `start` and `end` empty for all times. The point is that of the compound.
WITH told AS (
    SELECT
        c.*,
        CASE
            WHEN c.closed_at IS NOT NULL OR coalesce(c.status, '待办') IN ('已办结', '无法办理') THEN 'closed'
            ELSE 'open'
        END AS state
    FROM lake.core_complaints AS c
)

SELECT
    t.complaint_id,
    t.state,
    t.status,
    t.category,
    t.subcategory,
    t.reported_at,
    coalesce(t.closed_at, t.reported_at) AS updated_at,
    t.due_at,
    t.compound_id,
    o.name AS place,
    o.lon,
    o.lat
FROM told AS t
LEFT JOIN lake.out_compounds AS o USING (compound_id)
WHERE
    (len(getvariable('ids')::VARCHAR[]) = 0 OR list_contains(getvariable('ids')::VARCHAR[], t.complaint_id))
    AND (len(getvariable('categories')::VARCHAR[]) = 0 OR list_contains(getvariable('categories')::VARCHAR[], t.category))
    AND (len(getvariable('statuses')::VARCHAR[]) = 0 OR list_contains(getvariable('statuses')::VARCHAR[], t.state))
    AND (getvariable('start') IS NULL OR t.reported_at >= getvariable('start')::TIMESTAMP)
    AND (getvariable('end') IS NULL OR t.reported_at <= getvariable('end')::TIMESTAMP)
ORDER BY t.reported_at DESC, t.complaint_id
LIMIT getvariable('most') OFFSET getvariable('skip')
