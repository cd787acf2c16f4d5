-- a row for each contract, promise and month with a verdict of the ticket system
with counted as (
    select
        contract_id, promise, month,
        cast(count(*) as bigint) as verdicts,
        {%- for comparison in [
            'agreed', 'explained', 'source_target_unknown', 'unexplained', 'pending', 'no_target',
            'not_counted',
        ] %}
        cast(sum(case when comparison = '{{ comparison }}' then 1 else 0 end) as bigint)
            as {{ comparison }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('second_opinions') }}
    group by contract_id, promise, month
),

summed as (
    select
        counted.*,
        counted.explained + counted.source_target_unknown + counted.unexplained as differing,
        counted.agreed + counted.explained + counted.source_target_unknown + counted.unexplained
            as compared
    from counted
)

select
    contract_id, promise, month, verdicts, compared, agreed, differing,
    case when compared > 0 then {{ percentage('differing', 'compared') }} end as differing_pct,
    explained, source_target_unknown, unexplained, pending, no_target, not_counted
from summed
