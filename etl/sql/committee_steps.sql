-- The steps by which committees are formed, each with the cell's row it came from.
SELECT compound_id, term_no, step, party, planned_on, done_on, voter_count, vote_count,
       approval_count, note, file, sheet, "row"
FROM lake.core_committee_steps
ORDER BY compound_id, term_no, planned_on, done_on, step
