-- Where each complaint lies: its compound by name, else by coordinates; its point by coordinates,
-- else by building. Only rows that come out other than they are stored.
-- Variable: since, the first snapshot whose rows are looked at. Temporary: areas, placed_points.
WITH stated AS (
    SELECT
        complaint_id,
        building_no,
        compound_id AS known_compound_id,
        compound_by AS known_compound_by,
        compound_certainty,
        lon AS known_lon,
        lat AS known_lat,
        located_by AS known_located_by,
        reported_at,
        CASE WHEN compound_by = 'coordinates' THEN NULL ELSE compound_id END AS compound_id,
        CASE WHEN compound_by = 'coordinates' THEN NULL ELSE compound_by END AS compound_by,
        CASE WHEN located_by = 'building' THEN NULL ELSE lon END AS lon,
        CASE WHEN located_by = 'building' THEN NULL ELSE lat END AS lat
    FROM lake.core_complaints
    WHERE snapshot >= getvariable('since')
),
-- A point on a shared border goes to the first compound by id.
fallen AS (
    SELECT p.point_id AS complaint_id, a.compound_id
    FROM placed_points p JOIN areas a USING (area)
),
building_points AS (
    SELECT compound_id, building_no, any_value(lon) AS lon, any_value(lat) AS lat
    FROM (
        SELECT compound_id, building_no,
               ST_X(ST_PointOnSurface(geometry)) AS lon, ST_Y(ST_PointOnSurface(geometry)) AS lat
        FROM lake.core_boundaries WHERE level = 'building'
        UNION ALL BY NAME
        SELECT b.compound_id, b.building_no, b.lon, b.lat
        FROM lake.core_buildings b
        ANTI JOIN (FROM lake.core_boundaries WHERE level = 'building') d
            USING (compound_id, building_no)
        WHERE b.lon IS NOT NULL
    )
    WHERE compound_id IS NOT NULL AND building_no IS NOT NULL
    GROUP BY ALL
),
placed AS (
    SELECT
        s.complaint_id,
        coalesce(s.compound_id, f.compound_id) AS compound_id,
        CASE WHEN s.compound_id IS NOT NULL THEN s.compound_by
             WHEN f.compound_id IS NOT NULL THEN 'coordinates' END AS compound_by,
        CASE WHEN s.compound_id IS NOT NULL THEN s.compound_certainty
             WHEN f.compound_id IS NOT NULL THEN 0.9 END AS compound_certainty,
        coalesce(s.lon, b.lon) AS lon,
        CASE WHEN s.lon IS NOT NULL THEN s.lat ELSE b.lat END AS lat,
        CASE WHEN s.lon IS NOT NULL THEN 'coordinates'
             WHEN b.lon IS NOT NULL THEN 'building' END AS located_by,
        s.known_compound_id,
        s.known_compound_by,
        s.known_lon,
        s.known_lat,
        s.known_located_by,
        s.reported_at
    FROM stated s
    LEFT JOIN fallen f USING (complaint_id)
    LEFT JOIN building_points b
        ON b.compound_id = s.compound_id AND b.building_no = s.building_no AND s.lon IS NULL
)
SELECT complaint_id, compound_id, compound_by, compound_certainty, lon, lat, located_by,
       known_compound_id,
       date_trunc('month', reported_at)::DATE AS month
FROM placed
WHERE (compound_id, compound_by, lon, lat, located_by)
    IS DISTINCT FROM
    (known_compound_id, known_compound_by, known_lon, known_lat, known_located_by)
