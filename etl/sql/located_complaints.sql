-- Complaints with a point of their own, for point methods; default geocodes left out.
-- Variables: window_from, window_to.
SELECT complaint_id, compound_id, lon, lat, date_trunc('month', reported_at)::DATE AS month
FROM lake.core_complaints
WHERE lon IS NOT NULL
  AND reported_at >= getvariable('window_from')::DATE
  AND reported_at < getvariable('window_to')::DATE
  AND (round(core_complaints.lon, 6), round(core_complaints.lat, 6))
      NOT IN (SELECT (lon, lat) FROM default_geocodes)
ORDER BY complaint_id
