-- How long complaints of the window took that are closed. Variables: window_from, window_to.
SELECT month, compound_id, category, working_days, sum(closed_count)::BIGINT AS closed_count
FROM lake.out_closings
WHERE month >= getvariable('window_from')::DATE AND month < getvariable('window_to')::DATE
GROUP BY ALL
ORDER BY ALL
