-- In which area each point lies. A point on a border lies in it; where several areas have a point,
-- the first has it. Temporary: points (point_id, lon, lat); areas (area, geometry), numbered in
-- the order in which they have a point.
SELECT p.point_id, min(a.area) AS area
FROM points p
JOIN areas a ON ST_Intersects(a.geometry, ST_Point(p.lon, p.lat))
GROUP BY p.point_id
