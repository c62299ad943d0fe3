-- Located complaints in cells of about 50 m, for a density surface; default geocodes left out.
-- Variables: lat_step, lon_step (degrees), months_from, months_to.
SELECT
    date_trunc('month', reported_at)::DATE AS month,
    category,
    round(round(lon / getvariable('lon_step')) * getvariable('lon_step'), 6) AS lon,
    round(round(lat / getvariable('lat_step')) * getvariable('lat_step'), 6) AS lat,
    count(*) AS complaint_count
FROM lake.core_complaints
WHERE lon IS NOT NULL
  AND reported_at >= getvariable('months_from')::DATE
  AND reported_at < getvariable('months_to')::DATE
  AND (round(core_complaints.lon, 6), round(core_complaints.lat, 6))
      NOT IN (SELECT (lon, lat) FROM default_geocodes)
GROUP BY ALL
ORDER BY ALL
