-- Complaints in cells by month; default geocodes left out.
-- Variables: window_from, window_to, lon_step, lat_step (degrees).
SELECT
    round(lon / getvariable('lon_step'))::BIGINT AS x,
    round(lat / getvariable('lat_step'))::BIGINT AS y,
    date_trunc('month', reported_at)::DATE AS month,
    count(*) AS complaint_count
FROM lake.core_complaints
WHERE lon IS NOT NULL
  AND reported_at >= getvariable('window_from')::DATE
  AND reported_at < getvariable('window_to')::DATE
  AND (round(core_complaints.lon, 6), round(core_complaints.lat, 6))
      NOT IN (SELECT (lon, lat) FROM default_geocodes)
GROUP BY ALL
ORDER BY ALL
