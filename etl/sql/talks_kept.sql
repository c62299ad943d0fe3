-- How many rows there are of anything on deliberation, as the sheets have it or worked out before.
SELECT (SELECT count(*) FROM lake.core_needs) + (SELECT count(*) FROM lake.core_responsibilities)
    + (SELECT count(*) FROM lake.core_matters) + (SELECT count(*) FROM lake.core_meetings)
    + (SELECT count(*) FROM lake.out_needs) + (SELECT count(*) FROM lake.out_handbook)
    + (SELECT count(*) FROM lake.out_promises) + (SELECT count(*) FROM lake.matter_events)
