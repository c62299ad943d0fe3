-- What property companies and owners' committees promised at meetings of the window, or still owe,
-- and what came of it. Variables: window_from, window_to, known_until.
WITH promised AS (
    SELECT compound_id, promise_party AS party, promise, held_on, promise_due_on AS due_on,
           promise_kept_on AS kept_on,
           CASE
               WHEN promise_kept_on > promise_due_on THEN 'kept_late'
               WHEN promise_kept_on IS NOT NULL THEN 'kept'
               WHEN promise_state = '已兑现' THEN 'kept'
               WHEN promise_state = '逾期兑现' THEN 'kept_late'
               WHEN promise_due_on < getvariable('known_until')::DATE THEN 'slipped'
               WHEN promise_state = '逾期未兑现' THEN 'slipped'
               ELSE 'pending'
           END AS outcome
    FROM lake.core_meetings
    WHERE promise_party IN ('物业', '业委会') AND promise IS NOT NULL
)
FROM promised
WHERE (held_on >= getvariable('window_from')::DATE AND held_on < getvariable('window_to')::DATE)
   OR outcome IN ('slipped', 'pending')
ORDER BY held_on DESC, promise
