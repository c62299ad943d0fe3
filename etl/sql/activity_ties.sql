-- Who did something where and with whom in the window. Variables: window_from, window_to.
SELECT organization_id, compound_id, partners, count(*) AS activity_count, max(held_on) AS last_on
FROM lake.core_activities
WHERE held_on >= getvariable('window_from')::DATE AND held_on < getvariable('window_to')::DATE
GROUP BY ALL
ORDER BY ALL
