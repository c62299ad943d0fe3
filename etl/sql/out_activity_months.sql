-- Activities and those who came, by month and compound. Shares of ages are of activities that tell both.
SELECT
    date_trunc('month', held_on)::DATE AS month,
    compound_id,
    count(*) AS activity_count,
    count(participant_count) AS counted_count,
    sum(participant_count)::BIGINT AS participant_count,
    sum(participant_count) FILTER (over_60_count IS NOT NULL AND under_40_count IS NOT NULL)::BIGINT
        AS aged_count,
    sum(over_60_count)
        FILTER (participant_count IS NOT NULL AND under_40_count IS NOT NULL)::BIGINT
        AS over_60_count,
    sum(under_40_count)
        FILTER (participant_count IS NOT NULL AND over_60_count IS NOT NULL)::BIGINT
        AS under_40_count,
    count(*) FILTER (trim(coalesce(partners, '')) <> '') AS shared_count,
    count(*) FILTER (kind = '节庆') AS festival_count
FROM lake.core_activities
GROUP BY ALL
ORDER BY month, compound_id
