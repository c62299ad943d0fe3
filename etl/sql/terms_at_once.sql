-- Committees of one kind in one compound, neither dissolved, whose terms overlap; the later is told.
SELECT b.file, b.sheet, b."row", b.name, a.name AS other, b.term_starts_on AS starts_on,
       a.term_ends_on AS ends_on
FROM lake.core_organizations a
JOIN lake.core_organizations b
  ON a.compound_id = b.compound_id AND a.kind = b.kind AND a.organization_id <> b.organization_id
WHERE a.kind IN ('owners_committee', 'courtyard_committee')
  AND a.state NOT IN ('已解散', '无', '不适用') AND b.state NOT IN ('已解散', '无', '不适用')
  AND (a.term_starts_on, a.organization_id) < (b.term_starts_on, b.organization_id)
  AND b.term_starts_on <= a.term_ends_on
ORDER BY b.file, b.sheet, b."row"
