-- Open needs of each compound.
SELECT compound_id, count(*) AS open_need_count
FROM lake.core_needs
WHERE compound_id IS NOT NULL AND coalesce(status, '待回应') NOT IN ('已解决', '暂不能解决')
GROUP BY compound_id
ORDER BY compound_id
