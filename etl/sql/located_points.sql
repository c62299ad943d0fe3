-- Points on which complaints lie, by month, for point methods; default geocodes left out.
-- Variables: window_from, window_to.
SELECT lon, lat, date_trunc('month', reported_at)::DATE AS month, count(*) AS complaint_count
FROM lake.core_complaints
WHERE lon IS NOT NULL
  AND reported_at >= getvariable('window_from')::DATE
  AND reported_at < getvariable('window_to')::DATE
  AND (round(core_complaints.lon, 6), round(core_complaints.lat, 6))
      NOT IN (SELECT (lon, lat) FROM default_geocodes)
GROUP BY ALL
ORDER BY ALL
