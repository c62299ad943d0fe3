-- Meetings of the window, a row each, and who was there. Variables: window_from, window_to.
SELECT meeting_id, any_value(compound_id) AS compound_id, max(held_on) AS held_on,
       string_agg(DISTINCT parties, '、') AS parties
FROM lake.core_meetings
WHERE held_on >= getvariable('window_from')::DATE AND held_on < getvariable('window_to')::DATE
GROUP BY meeting_id
ORDER BY meeting_id
