-- Where residents are served: organizations that work, with their place and how far they reach.
SELECT organization_id, name, lon, lat, reach_m
FROM lake.core_organizations
WHERE state = '正常' AND lon IS NOT NULL AND lat IS NOT NULL AND reach_m > 0
ORDER BY organization_id
