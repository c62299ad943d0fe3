-- What property companies and owners' committees promised at meetings of the window, or still owe,
-- with what came of it. Variables: window_from, window_to.
SELECT compound_id, party, promise, held_on, due_on, kept_on, state AS outcome
FROM lake.out_promises
WHERE party IN ('物业', '业委会')
  AND ((held_on >= getvariable('window_from')::DATE AND held_on < getvariable('window_to')::DATE)
       OR state IN ('slipped', 'open'))
ORDER BY held_on DESC, meeting_id, item_no
