-- Festivals of the window, each beside the one of the same name there before it.
-- Variables: window_from, window_to.
WITH festivals AS (
    SELECT name, held_on, compound_id, organization_id, partners, place, participant_count,
           over_60_count, under_40_count,
           lag(held_on) OVER same AS before_on,
           lag(participant_count) OVER same AS before_count
    FROM lake.core_activities
    WHERE kind = '节庆' AND held_on IS NOT NULL
    WINDOW same AS (PARTITION BY name, compound_id ORDER BY held_on)
)
SELECT f.name, f.held_on, f.compound_id, o.name AS host, f.partners, f.place AS venue,
       f.participant_count, f.over_60_count, f.under_40_count, f.before_on, f.before_count
FROM festivals f
LEFT JOIN lake.core_organizations o USING (organization_id)
WHERE f.held_on >= getvariable('window_from')::DATE AND f.held_on < getvariable('window_to')::DATE
ORDER BY f.held_on DESC, f.name
