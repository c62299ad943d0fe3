-- Every promise made at a meeting, with what its sheet states of it.
SELECT
    meeting_id, item_no, kind, held_on, compound_id, matter_id, promise, promise_party AS party,
    promise_due_on AS due_on, promise_kept_on AS kept_on, promise_state AS stated,
    file, sheet, row
FROM lake.core_meetings
WHERE promise IS NOT NULL
ORDER BY held_on, meeting_id, item_no
