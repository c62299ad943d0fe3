-- Core residents and open needs of each compound.
SELECT
    compound_id,
    count(*) FILTER (kind = 'core') AS core_resident_count,
    count(*) FILTER (kind = 'need') AS open_need_count
FROM (
    SELECT compound_id, 'core' AS kind FROM lake.core_core_residents
    WHERE coalesce(is_active, true)
    UNION ALL
    SELECT compound_id, 'need' AS kind FROM lake.core_needs
    WHERE coalesce(status, '待回应') NOT IN ('已解决', '暂不能解决')
)
WHERE compound_id IS NOT NULL
GROUP BY compound_id
ORDER BY compound_id
