-- Answers to the residents' survey by compound, wave and item: how many, and how many agree.
-- Variable: agrees_from. A wave is what the sheet calls it, else the year of the answers.
WITH answers AS (
    SELECT compound_id,
           coalesce(nullif(trim(wave), ''), year(surveyed_on)::VARCHAR, '') AS wave,
           surveyed_on,
           trust_neighbors, trust_community, trust_property, norm_rules, norm_participation,
           network_known, network_help, satisfaction
    FROM lake.core_survey
    WHERE compound_id IS NOT NULL
),
waves AS (
    -- A wave without any date is taken as the oldest: it must never pass for the newest.
    SELECT wave, row_number() OVER (ORDER BY min(surveyed_on) NULLS FIRST, wave) AS wave_order
    FROM answers
    GROUP BY wave
),
said AS (
    UNPIVOT answers
    ON trust_neighbors, trust_community, trust_property, norm_rules, norm_participation,
       network_known, network_help, satisfaction
    INTO NAME measure VALUE score
)
SELECT compound_id, measure, wave, any_value(wave_order) AS wave_order,
       min(surveyed_on) AS first_on, max(surveyed_on) AS last_on,
       count(*) AS asked,
       count(*) FILTER (score >= getvariable('agrees_from')) AS agreed
FROM said JOIN waves USING (wave)
GROUP BY compound_id, measure, wave
ORDER BY measure, wave_order, compound_id
