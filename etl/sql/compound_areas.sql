-- The boundaries of compounds, numbered in the order in which they have a point that lies in
-- several of them.
SELECT (row_number() OVER (ORDER BY compound_id) - 1)::INTEGER AS area, compound_id, geometry
FROM lake.core_boundaries
WHERE level = 'compound' AND compound_id IS NOT NULL AND geometry IS NOT NULL
ORDER BY area
