-- Compounds that no map can show.
SELECT name FROM lake.out_compounds WHERE lon IS NULL ORDER BY name
