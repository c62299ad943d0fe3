-- Core residents counted by everything they are told apart by; nobody is named.
SELECT compound_id, role, age_band, is_party_member, coalesce(is_active, true) AS is_active,
       count(*) AS resident_count
FROM lake.core_core_residents
WHERE compound_id IS NOT NULL
GROUP BY ALL
ORDER BY ALL
