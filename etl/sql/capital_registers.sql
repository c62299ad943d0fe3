-- Activities and meetings of each compound within the window: how many, and how many took part.
-- Variables: window_from, window_to. Of those without a number of people it is said how many.
WITH events AS (
    SELECT 'activities' AS measure, compound_id, activity_id AS event_id, held_on,
           participant_count AS people
    FROM lake.core_activities
    UNION ALL
    -- A meeting has a row for each promise made there.
    SELECT 'meetings', any_value(compound_id), meeting_id, min(held_on), max(attendee_count)
    FROM lake.core_meetings
    GROUP BY meeting_id
)
SELECT compound_id, measure, min(held_on) AS first_on, max(held_on) AS last_on,
       sum(people)::BIGINT AS yes_count, count(*) AS base_count,
       count(*) FILTER (people IS NULL) AS unknown_count
FROM events
WHERE compound_id IS NOT NULL
  AND held_on >= getvariable('window_from')::DATE AND held_on < getvariable('window_to')::DATE
GROUP BY compound_id, measure
ORDER BY compound_id, measure
