-- Repeats by month, compound and category: the same matter at the same place (building, or an
-- address with a number) within so many days of the one before; reopened where that one had been
-- closed by then. `unsaid` are those that their sheet does not call a repeat itself.
-- Variables: months_from, months_to, repeat_days, repeats_from (so many days before the first).
WITH reported AS (
    SELECT
        reported_at::DATE AS reported_on,
        closed_at::DATE AS closed_on,
        compound_id,
        category,
        coalesce(is_repeat, false) AS is_said,
        coalesce(
            building_no, CASE WHEN regexp_matches(address, '[0-9]') THEN trim(address) END
        ) AS spot,
        -- A number sorts faster than three texts.
        hash(compound_id, spot, category) AS same,
        reported_at
    FROM lake.core_complaints
    WHERE reported_at >= getvariable('repeats_from')::DATE
      AND reported_at < getvariable('months_to')::DATE
      AND spot IS NOT NULL
),
followed AS (
    SELECT
        reported_on,
        compound_id,
        category,
        is_said,
        reported_on - lag(reported_on) OVER earlier AS days_since,
        lag(closed_on) OVER earlier <= reported_on AS was_closed
    FROM reported
    WINDOW earlier AS (PARTITION BY same ORDER BY reported_at)
)
SELECT
    date_trunc('month', reported_on)::DATE AS month,
    compound_id,
    category,
    count(*) FILTER (NOT is_said) AS unsaid_repeat_count,
    count(*) FILTER (was_closed) AS reopened_count
FROM followed
WHERE days_since <= getvariable('repeat_days')::INTEGER
  AND reported_on >= getvariable('months_from')::DATE
GROUP BY ALL
ORDER BY ALL
