-- the last month with enough verdicts of a ticket system to compare, beside all months before
with last_months as (
    select contract_id, promise, max(month) as month
    from {{ ref('second_opinion_months') }}
    where compared >= 20
    group by contract_id, promise
),

sides as (
    select
        last_months.contract_id, last_months.promise, last_months.month,
        cast(sum(
            case when counted.month = last_months.month then counted.compared else 0 end
        ) as bigint) as compared,
        cast(sum(
            case when counted.month = last_months.month then counted.differing else 0 end
        ) as bigint) as differing,
        cast(sum(
            case when counted.month < last_months.month then counted.compared else 0 end
        ) as bigint) as compared_before,
        cast(sum(
            case when counted.month < last_months.month then counted.differing else 0 end
        ) as bigint) as differing_before
    from last_months
    inner join {{ ref('second_opinion_months') }} as counted
        on last_months.contract_id = counted.contract_id and last_months.promise = counted.promise
    group by last_months.contract_id, last_months.promise, last_months.month
)

-- ten points or more above the share of before, exactly
select
    'opinions_differ_more' as kind, 'tickets' as feed, contract_id || ', ' || promise as key,
    cast(null as bigint) as delivery_id, cast(null as bigint) as line,
    'on the ' || promise || ' of ' || contract_id || ', ' || differing || ' of ' || compared
    || ' verdicts of the ticket system differ from ours in ' || substr(cast(month as string), 1, 7)
    || ', and ' || differing_before || ' of ' || compared_before || ' before' as seen,
    cast(null as string) as value, cast(null as string) as candidates, differing as row_count,
    compared as of_rows
from sides
where
    compared_before >= 20
    and 100 * (differing * compared_before - differing_before * compared)
    >= 10 * compared * compared_before
