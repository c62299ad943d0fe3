-- Promises of which the stated state cannot be, whatever day it is: by the dates of the same row.
SELECT file, sheet, row, promise_state AS stated,
    CASE
        WHEN promise_kept_on IS NULL THEN '没有写兑现时间'
        WHEN promise_state IN ('未到期', '逾期未兑现') THEN '写了兑现时间 ' || promise_kept_on
        WHEN promise_kept_on > promise_due_on
            THEN '兑现时间 ' || promise_kept_on || ' 晚于承诺期限 ' || promise_due_on
        ELSE '兑现时间 ' || promise_kept_on || ' 没有过承诺期限 ' || promise_due_on
    END AS reason
FROM lake.core_meetings
WHERE promise_state IS NOT NULL AND (
    (promise_kept_on IS NULL AND promise_state IN ('已兑现', '逾期兑现'))
    OR (promise_kept_on IS NOT NULL AND promise_state IN ('未到期', '逾期未兑现'))
    OR (promise_kept_on > promise_due_on AND promise_state = '已兑现')
    OR (promise_kept_on <= promise_due_on AND promise_state = '逾期兑现')
)
ORDER BY file, sheet, row
