-- Complaints behind a figure, the newest first: of one compound (variable `place`, '' for all) or
-- of several (`places`, an empty list for all), one category (`category`, '' for all), from `first`
-- up to but not including `after` (empty for all times), at most `most`; `total` says how many
-- there are. No text, no address.
SELECT
    complaint_id,
    reported_at,
    category,
    status,
    closed_at,
    file,
    sheet,
    "row",
    count(*) OVER () AS total
FROM lake.core_complaints
WHERE
    (getvariable('place') = '' OR compound_id = getvariable('place'))
    AND (
        len(getvariable('places')) = 0
        OR compound_id IN (SELECT unnest(getvariable('places')::VARCHAR[]))
    )
    AND (getvariable('category') = '' OR category = getvariable('category'))
    AND (getvariable('first') IS NULL OR reported_at >= getvariable('first')::TIMESTAMP)
    AND (getvariable('after') IS NULL OR reported_at < getvariable('after')::TIMESTAMP)
ORDER BY reported_at DESC, complaint_id
LIMIT getvariable('most')
