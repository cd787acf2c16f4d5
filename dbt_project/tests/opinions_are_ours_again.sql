-- what readings are made of gives our own figures where nothing is changed: only then does a change
-- explain anything (K2-K7)
select
    opinions.ticket_id, opinions.promise, opinions.elapsed_s, opinions.target_s, opinions.outcome,
    readings.elapsed_s as elapsed_again_s, readings.target_s as target_again_s,
    readings.outcome as outcome_again
from {{ ref('int_opinions') }} as opinions
left join {{ ref('int_opinion_outcomes') }} as readings
    on
        opinions.ticket_id = readings.ticket_id
        and opinions.promise = readings.promise
        and readings.reading = 'as_ours'
where
    opinions.status = 'counted'
    and (
        readings.reading is null
        or (opinions.target_s is not null and opinions.elapsed_s <> readings.elapsed_s)
        or opinions.target_s is distinct from readings.target_s
        or opinions.outcome is distinct from readings.outcome
    )
