-- How many complaints lie on the points of the temporary table `default_geocodes`.
SELECT 'complaints_default_geocode' AS name, count(*) AS value
FROM lake.core_complaints
WHERE (round(lon, 6), round(lat, 6)) IN (SELECT (lon, lat) FROM default_geocodes)
