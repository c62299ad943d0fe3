-- Interventions, and whether they are late on the newest day of the data.
-- Variable: known_until (empty where nothing tells what day it is).
SELECT
    i.intervention_id, i.compound_id, i.name, i.path, i.category, i.aim, i.starts_on, i.ends_on,
    i.status, i.lead_party, i.result, i.lesson, i.lon, i.lat,
    CASE
        WHEN k.today IS NULL THEN 'unknown'
        WHEN i.status IN ('已完成', '终止') AND i.ends_on > k.today THEN 'ends_ahead'
        WHEN i.status <> '计划' AND i.starts_on > k.today THEN 'starts_ahead'
        WHEN i.status IN ('已完成', '终止') THEN 'on_time'
        WHEN i.ends_on < k.today THEN 'end_passed'
        WHEN i.status = '计划' AND i.starts_on < k.today THEN 'start_passed'
        WHEN i.status IS NULL THEN 'no_status'
        ELSE 'on_time'
    END AS lateness,
    CASE lateness
        WHEN 'end_passed' THEN k.today - i.ends_on
        WHEN 'start_passed' THEN k.today - i.starts_on
    END AS late_days,
    k.today AS known_until
FROM lake.core_interventions i,
     (SELECT getvariable('known_until')::DATE AS today) k
ORDER BY i.intervention_id
