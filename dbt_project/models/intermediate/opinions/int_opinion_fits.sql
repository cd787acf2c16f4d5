-- the elapsed time of every verdict by every variant that the contract has; where one changes
-- nothing, it is ours
with verdicts as (
    select
        opinions.ticket_id, opinions.promise, opinions.contract_id, opinions.severity,
        opinions.source_met, ours.elapsed_s, ours.outcome
    from {{ ref('int_opinions') }} as opinions
    inner join {{ ref('int_opinion_outcomes') }} as ours
        on
            opinions.ticket_id = ours.ticket_id
            and opinions.promise = ours.promise
            and ours.variant = 'as_ours'
),

variants as (
    select distinct
        verdicts.contract_id, verdicts.promise, verdicts.severity, outcomes.variant, outcomes.reason
    from verdicts
    inner join {{ ref('int_opinion_outcomes') }} as outcomes
        on verdicts.ticket_id = outcomes.ticket_id and verdicts.promise = outcomes.promise
),

judged as (
    select
        variants.contract_id, variants.promise, variants.severity, variants.variant,
        variants.reason, verdicts.ticket_id, verdicts.source_met,
        verdicts.outcome as our_outcome,
        case when outcomes.ticket_id is null then verdicts.outcome else outcomes.outcome end
            as outcome,
        coalesce(outcomes.elapsed_s, verdicts.elapsed_s) as elapsed_s
    from variants
    inner join verdicts
        on
            variants.contract_id = verdicts.contract_id
            and variants.promise = verdicts.promise
            and variants.severity = verdicts.severity
    left join {{ ref('int_opinion_outcomes') }} as outcomes
        on
            verdicts.ticket_id = outcomes.ticket_id
            and verdicts.promise = outcomes.promise
            and variants.variant = outcomes.variant
),

counted as (
    select
        contract_id, promise, severity, variant, reason,
        cast(count(*) as bigint) as verdicts,
        cast(sum(case when source_met then 1 else 0 end) as bigint) as source_met,
        cast(sum({{ agrees('our_outcome', 'source_met') }}) as bigint) as agreed_as_ours,
        cast(sum({{ agrees('outcome', 'source_met') }}) as bigint) as agreed,
        cast(
            sum({{ differs('our_outcome', 'source_met') }} * {{ agrees('outcome', 'source_met') }})
            as bigint
        ) as settled,
        cast(
            sum({{ agrees('our_outcome', 'source_met') }} * {{ differs('outcome', 'source_met') }})
            as bigint
        ) as unsettled
    from judged
    group by contract_id, promise, severity, variant, reason
),

-- with a target of so many seconds, what took no longer is met and the rest is missed; the first
-- target is none that anything keeps
at_each_length as (
    select
        contract_id, promise, severity, variant, elapsed_s as target_s,
        sum(case when source_met then 1 else -1 end) as gained
    from judged
    group by contract_id, promise, severity, variant, elapsed_s
    union all
    select contract_id, promise, severity, variant, -1 as target_s, 0 as gained
    from counted
),

as_targets as (
    select
        contract_id, promise, severity, variant, target_s,
        sum(gained) over (
            partition by contract_id, promise, severity, variant order by target_s
            rows between unbounded preceding and current row
        ) as gained,
        lead(target_s) over (
            partition by contract_id, promise, severity, variant order by target_s
        ) as next_s
    from at_each_length
),

-- of targets that fit equally well the shortest
ranked as (
    select
        *,
        row_number() over (
            partition by contract_id, promise, severity, variant order by gained desc, target_s asc
        ) as place
    from as_targets
),

fitted as (
    select
        counted.*,
        case when ranked.target_s >= 0 then ranked.target_s end as fits_from_s,
        ranked.next_s as fits_below_s,
        cast(counted.verdicts - counted.source_met + ranked.gained as bigint) as fitted
    from counted
    inner join ranked
        on
            counted.contract_id = ranked.contract_id
            and counted.promise = ranked.promise
            and counted.severity = ranked.severity
            and counted.variant = ranked.variant
            and ranked.place = 1
),

placed as (
    select
        *,
        row_number() over (
            partition by contract_id, promise, severity
            order by
                fitted desc, agreed desc, case when variant = 'as_ours' then 0 else 1 end asc,
                variant asc
        ) as place
    from fitted
)

select
    *,
    -- of at least 20 verdicts, five of each kind, 95 per cent, and more than half of the rarer
    -- ones: to call all of them met fits many as well
    place = 1
    and verdicts >= 20
    and least(source_met, verdicts - source_met) >= 5
    and fitted * 100 >= verdicts * 95
    and (verdicts - fitted) * 2 < least(source_met, verdicts - source_met) as is_likely
from placed
