-- conservation: the parts of a fee line add up to it where they are of all its days, and each part
-- is of its own days (E3)
select
    line_id, min(amount) as amount, sum(month_amount) as parts
from {{ ref('credit_fee_lines') }}
group by line_id
having
    (sum(days_until - days_before) = min(days) and sum(month_amount) <> min(amount))
    or sum(days_until - days_before) > min(days)
    or min(days_until - days_before) < 1
