-- In which area each point lies, as `points_by_shape` says it, by the cells of a grid; what these
-- cannot tell, by the shapes. What the columns mean is said in `geo.grid.Grid`.
-- Variables: grid_west, grid_south, grid_east, grid_north, grid_per_unit, grid_width,
-- grid_tolerance, grid_tolerance_apart. Temporary: points (point_id, lon, lat); areas (area,
-- geometry), numbered in the order in which they have a point; area_cells; area_borders.
WITH
-- Every cell is looked up once; a plain join drops what lies outside all areas.
found AS MATERIALIZED (
    SELECT p.point_id, p.lon, p.lat, c.area, c.border
    FROM points p
    JOIN area_cells c
        ON c.cell
            = ((p.lat - getvariable('grid_south')) * getvariable('grid_per_unit'))::BIGINT
                * getvariable('grid_width')
            + ((p.lon - getvariable('grid_west')) * getvariable('grid_per_unit'))::BIGINT
    WHERE p.lon BETWEEN getvariable('grid_west') AND getvariable('grid_east')
      AND p.lat BETWEEN getvariable('grid_south') AND getvariable('grid_north')
),
-- On which side of each edge the point lies, and of the way to it the start of each edge.
first_ways AS (
    SELECT
        f.point_id, f.lon, f.lat, b.area, b.later, b.is_in, b.is_hard, dx1, dy1, dx2, dy2,
        f.lon - at_x AS way_x,
        f.lat - at_y AS way_y,
        dx1 * (f.lat - y1) - dy1 * (f.lon - x1) AS side_1,
        dx2 * (f.lat - y2) - dy2 * (f.lon - x2) AS side_2,
        (x1 - at_x) * way_y - (y1 - at_y) * way_x AS start_1,
        (x2 - at_x) * way_y - (y2 - at_y) * way_x AS start_2
    FROM found f
    JOIN area_borders b ON b.border = f.border
),
-- Whether each edge has its ends on different sides of the way: their product is negative then.
first_ends AS (
    SELECT
        point_id, lon, lat, area, later, is_in, is_hard, side_1, side_2,
        start_1 * (start_1 + (dx1 * way_y - dy1 * way_x)) AS apart_1,
        start_2 * (start_2 + (dx2 * way_y - dy2 * way_x)) AS apart_2,
        getvariable('grid_tolerance') AS sure,
        getvariable('grid_tolerance_apart') AS sure_apart
    FROM first_ways
),
first_crossed AS (
    SELECT
        point_id, lon, lat, area, later,
        (is_in <> (side_1 < 0 AND apart_1 < 0)) <> (side_2 < 0 AND apart_2 < 0) AS is_in,
        is_hard
            OR (side_1 <= sure AND (side_1 >= -sure OR abs(apart_1) <= sure_apart))
            OR (side_2 <= sure AND (side_2 >= -sure OR abs(apart_2) <= sure_apart)) AS is_hard
    FROM first_ends
),
-- What the first area of a cell does not have goes to the next one. The last row is always hard.
judged AS MATERIALIZED (
    SELECT
        point_id, lon, lat,
        CASE WHEN is_in AND NOT is_hard THEN area ELSE -1 END AS area,
        CASE WHEN is_hard THEN getvariable('grid_hard') WHEN is_in THEN -1 ELSE later END AS later
    FROM first_crossed
),
-- The same once more.
later_ways AS (
    SELECT
        f.point_id, f.lon, f.lat, b.area, b.is_in, b.is_hard, dx1, dy1, dx2, dy2,
        f.lon - at_x AS way_x,
        f.lat - at_y AS way_y,
        dx1 * (f.lat - y1) - dy1 * (f.lon - x1) AS side_1,
        dx2 * (f.lat - y2) - dy2 * (f.lon - x2) AS side_2,
        (x1 - at_x) * way_y - (y1 - at_y) * way_x AS start_1,
        (x2 - at_x) * way_y - (y2 - at_y) * way_x AS start_2
    FROM judged f
    JOIN area_borders b ON b.border = f.later
),
later_ends AS (
    SELECT
        point_id, lon, lat, area, is_in, is_hard, side_1, side_2,
        start_1 * (start_1 + (dx1 * way_y - dy1 * way_x)) AS apart_1,
        start_2 * (start_2 + (dx2 * way_y - dy2 * way_x)) AS apart_2,
        getvariable('grid_tolerance') AS sure,
        getvariable('grid_tolerance_apart') AS sure_apart
    FROM later_ways
),
later_crossed AS (
    SELECT
        point_id, lon, lat, area,
        (is_in <> (side_1 < 0 AND apart_1 < 0)) <> (side_2 < 0 AND apart_2 < 0) AS is_in,
        is_hard
            OR (side_1 <= sure AND (side_1 >= -sure OR abs(apart_1) <= sure_apart))
            OR (side_2 <= sure AND (side_2 >= -sure OR abs(apart_2) <= sure_apart)) AS is_hard
    FROM later_ends
),
judged_later AS MATERIALIZED (
    SELECT point_id, lon, lat, is_hard, CASE WHEN is_in AND NOT is_hard THEN area END AS area
    FROM later_crossed
),
asked AS (
    SELECT j.point_id, min(a.area) AS area
    FROM judged_later j
    JOIN areas a ON ST_Intersects(a.geometry, ST_Point(j.lon, j.lat))
    WHERE j.is_hard
    GROUP BY j.point_id
)
SELECT point_id, area FROM found WHERE area >= 0
UNION ALL
SELECT point_id, area FROM judged WHERE area >= 0
UNION ALL
-- Were these filtered too, the database would filter, and so judge, twice.
SELECT j.point_id, coalesce(j.area, a.area) AS area
FROM judged_later j
LEFT JOIN asked a ON a.point_id = j.point_id
