with by_value as (
    select
        feed, column_name, referred, state,
        case when state <> 'set_aside' then value end as value,
        count(*) as row_count, min(delivery_id) as delivery_id
    from {{ ref('int_waiting_references') }}
    group by feed, column_name, referred, state, case when state <> 'set_aside' then value end
),

firsts as (
    select
        waiting.feed, waiting.column_name, waiting.state,
        case when waiting.state <> 'set_aside' then waiting.value end as value,
        min(waiting.line) as line
    from {{ ref('int_waiting_references') }} as waiting
    inner join by_value
        on
            waiting.feed = by_value.feed
            and waiting.column_name = by_value.column_name
            and waiting.state = by_value.state
            and waiting.delivery_id = by_value.delivery_id
            and (waiting.state = 'set_aside' or waiting.value = by_value.value)
    group by
        waiting.feed, waiting.column_name, waiting.state,
        case when waiting.state <> 'set_aside' then waiting.value end
)

select
    case by_value.state
        when 'unknown' then 'unknown_reference'
        else 'waits_for_a_waiting_row'
    end as kind,
    by_value.feed, by_value.value as key, by_value.delivery_id, firsts.line,
    by_value.column_name || coalesce(' ' || by_value.value, '') || case by_value.state
        when 'unknown' then ' matches nothing in ' || by_value.referred
        else ' names rows of ' || by_value.referred || ' that wait or were rejected themselves'
    end as seen,
    by_value.value, by_value.referred as candidates, by_value.row_count, by_value.column_name
from by_value
inner join firsts
    on
        by_value.feed = firsts.feed
        and by_value.column_name = firsts.column_name
        and by_value.state = firsts.state
        and coalesce(by_value.value, '') = coalesce(firsts.value, '')
where by_value.state <> 'deleted'
