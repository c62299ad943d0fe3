-- The parts of what is said of how complaints are dealt with, added up over all groups, of the
-- names in the temporary table `names_touched`.
SELECT
    p.scope, p.name, p.working_days, p.is_closed,
    sum(p.number)::BIGINT AS number,
    sum(p.complaint_count)::BIGINT AS complaint_count,
    sum(p.open_count)::BIGINT AS open_count,
    sum(p.open_overdue_count)::BIGINT AS open_overdue_count,
    sum(p.overdue_count)::BIGINT AS overdue_count,
    sum(p.repeat_count)::BIGINT AS repeat_count,
    sum(p.reopened_count)::BIGINT AS reopened_count,
    sum(p.judged_count)::BIGINT AS judged_count,
    sum(p.placed_count)::BIGINT AS placed_count,
    sum(p.homes)::BIGINT AS homes,
    sum(p.backlog_count)::BIGINT AS backlog_count
FROM lake.handling_parts p SEMI JOIN names_touched USING (scope, name)
GROUP BY ALL
ORDER BY ALL
