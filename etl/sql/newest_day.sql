-- The newest day on record of what organizations do; where there are no complaints it is today.
SELECT greatest(
    (SELECT max(held_on) FROM lake.core_activities),
    (SELECT max(held_on) FROM lake.core_meetings),
    (SELECT max(done_on) FROM lake.core_committee_steps),
    (SELECT max(last_activity_on) FROM lake.core_organizations),
    (SELECT max(last_response_on) FROM lake.core_coverage)
) AS newest_on
