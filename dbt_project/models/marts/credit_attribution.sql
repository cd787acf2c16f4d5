-- what each credit consists of: the two percentages that were added up (C3)
with credits as (
    select
        credits.subscription_id, credits.customer_id, credits.contract_id, credits.service_id, credits.region, credits.month,
        credits.currency, credits.minor_digits, credits.credit_minor, credits.combination,
        {{ wide(
            "cast(case when credits.combination = 'resolution_first' then combined.availability_unshared else combined.availability_credit end as decimal(28, 9)) * 1000000000"
        ) }} as availability_units,
        {{ wide(
            "cast(case when credits.combination = 'availability_first' then combined.resolution_unshared else combined.resolution_credit end as decimal(28, 9)) * 1000000000"
        ) }} as resolution_units
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_month_credits') }} as combined
        on
            credits.subscription_id = combined.subscription_id
            and credits.month = combined.month
            and credits.scenario_id = combined.scenario_id
    where credits.scenario_id = 0 and credits.credit_minor > 0
),

-- the amount in their proportion; the cap takes from both
split as (
    select
        *,
        cast({{ int_divide(
            '2 * ' ~ wide('credit_minor') ~ ' * availability_units + (availability_units + resolution_units)',
            '2 * (availability_units + resolution_units)'
        ) }} as bigint) as availability_minor
    from credits
),

shared_tickets as (
    select subscription_id, month, ticket_id, min(start_s) as start_s
    from {{ ref('int_shared_events') }}
    where scenario_id = 0
    group by subscription_id, month, ticket_id
),

outage_incidents as (
    select outage_id, min(incident_id) as incident_id
    from {{ ref('int_down_records') }}
    where incident_id is not null
    group by outage_id
),

-- the late resolutions, each with the incident that it names, or that of the downtime it belongs to
late as (
    select
        eligible_incidents.subscription_id, eligible_incidents.month, eligible_incidents.ticket_id, eligible_incidents.received_s,
        eligible_incidents.elapsed_s - eligible_incidents.target_s as late_s, eligible_incidents.target_s,
        coalesce(eligible_incidents.incident_id, outage_incidents.incident_id, intervals.incident_id) as incident_id,
        shared_tickets.ticket_id is not null as is_shared
    from {{ ref('int_eligible_incidents') }} as eligible_incidents
    left join outage_incidents on eligible_incidents.outage_id = outage_incidents.outage_id
    left join shared_tickets
        on
            eligible_incidents.subscription_id = shared_tickets.subscription_id
            and eligible_incidents.month = shared_tickets.month
            and eligible_incidents.ticket_id = shared_tickets.ticket_id
    left join {{ ref('int_credit_downtime') }} as intervals
        on
            shared_tickets.subscription_id = intervals.subscription_id
            and shared_tickets.month = intervals.month
            and shared_tickets.start_s = intervals.start_s
    where eligible_incidents.scenario_id = 0 and eligible_incidents.is_missed
),

-- downtime weighs by its seconds, a late resolution by its delay over the target, in millionths
attributed as (
    select
        split.*, 'downtime' as cause, split.availability_minor as part_minor, {{ wide('intervals.seconds') }} as weight,
        intervals.start_s, intervals.end_s, cast(null as varchar) as ticket_id, intervals.incident_id, intervals.seconds
    from split
    inner join {{ ref('int_credit_downtime') }} as intervals on split.subscription_id = intervals.subscription_id and split.month = intervals.month
    where not (intervals.is_shared and split.combination = 'resolution_first') and split.availability_minor > 0
    union all
    select
        split.*, 'late_resolution' as cause, split.credit_minor - split.availability_minor as part_minor,
        greatest(1, {{ int_divide('1000000 * ' ~ wide('late.late_s'), 'late.target_s') }}) as weight,
        late.received_s as start_s, cast(null as bigint) as end_s, late.ticket_id, late.incident_id, late.late_s as seconds
    from split
    inner join late on split.subscription_id = late.subscription_id and split.month = late.month
    where not (late.is_shared and split.combination = 'availability_first') and split.credit_minor > split.availability_minor
),

-- cumulative shares, so that the parts add up to the amount (as E3)
added_up as (
    select
        *,
        sum(weight) over (partition by subscription_id, month, currency, cause) as all_weight,
        sum(weight) over (
            partition by subscription_id, month, currency, cause
            order by start_s, ticket_id rows between unbounded preceding and current row
        ) as weight_until
    from attributed
)

select
    subscription_id, customer_id, contract_id, service_id, region, month, currency, cause, incident_id,
    {{ instant('start_s') }} as started_at,
    {{ instant('end_s') }} as ended_at,
    ticket_id, seconds,
    {{ money(
        int_divide('2 * part_minor * weight_until + all_weight', '2 * all_weight')
        ~ ' - ' ~ int_divide('2 * part_minor * (weight_until - weight) + all_weight', '2 * all_weight'),
        'minor_digits'
    ) }} as amount
from added_up
