-- nothing lost: every row that was read is rejected, replaced, deleted, waiting, judged out by
-- other rows or in force
select *
from {{ ref('feed_reconciliation') }}
where
    rows_read <> rows_rejected + rows_landed
    or rows_landed <> rows_replaced + rows_deleted + rows_waiting + rows_judged_out + rows_in_force
    or rows_replaced < 0
    or rows_deleted < 0
    or rows_in_force < 0
