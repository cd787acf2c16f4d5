-- what is to be explained: both have a verdict, and they are not the same
with compared as (
    select
        opinions.*,
        case
            when opinions.outcome in ('met', 'missed')
                then {{ agrees('opinions.outcome', 'opinions.source_met') }} = 1
        end as is_agreed
    from {{ ref('int_opinions') }} as opinions
),

-- the changes that alone make both verdicts the same
explaining as (
    select
        compared.ticket_id, compared.promise, outcomes.reason,
        row_number() over (
            partition by compared.ticket_id, compared.promise
            order by coalesce(fits.place, 1000000) asc, outcomes.reason asc
        ) as place
    from compared
    inner join {{ ref('int_opinion_outcomes') }} as outcomes
        on compared.ticket_id = outcomes.ticket_id and compared.promise = outcomes.promise
    left join {{ ref('int_opinion_fits') }} as fits
        on
            compared.contract_id = fits.contract_id
            and compared.promise = fits.promise
            and compared.severity = fits.severity
            and outcomes.variant = fits.variant
    where
        not compared.is_agreed
        and outcomes.reason is not null
        and {{ agrees('outcomes.outcome', 'compared.source_met') }} = 1
),

reasons as (
    select
        ticket_id, promise, {{ joined('reason') }} as reason_codes,
        max(case when place = 1 then reason end) as reason_code
    from explaining
    group by ticket_id, promise
),

-- what the ticket system's verdict would be by the clock and the target that fit its verdicts best
likely as (
    select
        compared.ticket_id, compared.promise,
        case
            when coalesce(measured.elapsed_s, ours.elapsed_s) <= fits.fits_from_s then 'met'
            else 'missed'
        end as outcome
    from compared
    inner join {{ ref('int_opinion_fits') }} as fits
        on
            compared.contract_id = fits.contract_id
            and compared.promise = fits.promise
            and compared.severity = fits.severity
            and fits.is_likely
    inner join {{ ref('int_opinion_outcomes') }} as ours
        on
            compared.ticket_id = ours.ticket_id
            and compared.promise = ours.promise
            and ours.variant = 'as_ours'
    left join {{ ref('int_opinion_outcomes') }} as measured
        on
            compared.ticket_id = measured.ticket_id
            and compared.promise = measured.promise
            and fits.variant = measured.variant
)

select
    compared.ticket_id, compared.promise, compared.contract_id, subscriptions.service_id,
    subscriptions.region, compared.subscription_id, compared.month, compared.severity,
    compared.source_met, compared.outcome, compared.is_agreed,
    compared.elapsed_s as elapsed_seconds, compared.target_s as target_seconds,
    case
        when compared.status <> 'counted' then 'not_counted'
        when compared.target_s is null then 'no_target'
        when compared.is_agreed is null then 'pending'
        when compared.is_agreed then 'agreed'
        when reasons.reason_code is not null then 'explained'
        when {{ agrees('likely.outcome', 'compared.source_met') }} = 1 then 'source_target_unknown'
        else 'unexplained'
    end as comparison,
    reasons.reason_code, reasons.reason_codes
from compared
inner join {{ ref('int_subscriptions') }} as subscriptions
    on compared.subscription_id = subscriptions.subscription_id
left join reasons
    on compared.ticket_id = reasons.ticket_id and compared.promise = reasons.promise
left join likely
    on compared.ticket_id = likely.ticket_id and compared.promise = likely.promise
