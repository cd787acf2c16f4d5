-- the two parts that each credit adds up (C3)
with credits as (
    select
        credits.subscription_id, credits.customer_id, credits.contract_id, credits.party,
        credits.service_id, credits.region, credits.month, credits.currency, credits.minor_digits,
        credits.credit_minor, credits.combination,
        combined.availability_counted as availability_units,
        combined.resolution_counted as resolution_units
    from {{ ref('int_credits') }} as credits
    inner join {{ ref('int_month_credits') }} as combined
        on
            credits.subscription_id = combined.subscription_id
            and credits.month = combined.month
            and credits.scenario_id = combined.scenario_id
    where credits.scenario_id = 0 and credits.credit_minor > 0
),

-- the amount is divided in their proportion; the cap takes from both
split as (
    select
        *,
        cast(
            {{ rounded_share(
                'credit_minor', 'availability_units', 'availability_units + resolution_units'
            ) }} as bigint
        ) as availability_minor
    from credits
),

-- the first downtime that each shared ticket is the same event as
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

-- late resolutions, each with the incident that it names, else that of its outage or its downtime
late_resolutions as (
    select
        incidents.subscription_id, incidents.month, incidents.ticket_id, incidents.received_s,
        incidents.elapsed_s - incidents.target_s as late_s, incidents.target_s,
        coalesce(incidents.incident_id, outage_incidents.incident_id, downtime.incident_id)
            as incident_id,
        shared_tickets.ticket_id is not null as is_shared
    from {{ ref('int_eligible_incidents') }} as incidents
    left join outage_incidents on incidents.outage_id = outage_incidents.outage_id
    left join shared_tickets
        on
            incidents.subscription_id = shared_tickets.subscription_id
            and incidents.month = shared_tickets.month
            and incidents.ticket_id = shared_tickets.ticket_id
    left join {{ ref('int_credit_downtime') }} as downtime
        on
            shared_tickets.subscription_id = downtime.subscription_id
            and shared_tickets.month = downtime.month
            and shared_tickets.start_s = downtime.start_s
    where incidents.scenario_id = 0 and incidents.is_missed
),

-- what the credit for availability is for: downtime, by its seconds
downtime_causes as (
    select
        split.*, 'downtime' as cause, split.availability_minor as part_minor,
        {{ wide('downtime.seconds') }} as weight,
        downtime.start_s, downtime.end_s, cast(null as string) as ticket_id,
        downtime.incident_id, downtime.seconds
    from split
    inner join {{ ref('int_credit_downtime') }} as downtime
        on split.subscription_id = downtime.subscription_id and split.month = downtime.month
    where
        split.availability_minor > 0
        and not (downtime.is_shared and split.combination = 'resolution_first')
),

-- what the rest is for: late resolutions, by their delay over the target, in millionths
late_causes as (
    select
        split.*, 'late_resolution' as cause,
        split.credit_minor - split.availability_minor as part_minor,
        case
            -- 100 % late (K7)
            when late.target_s = 0 then 1000000
            else greatest(
                1,
                {{ int_divide('1000000 * ' ~ wide('late.late_s'), 'greatest(1, late.target_s)') }}
            )
        end as weight,
        late.received_s as start_s, cast(null as bigint) as end_s, late.ticket_id,
        late.incident_id, late.late_s as seconds
    from split
    inner join late_resolutions as late
        on split.subscription_id = late.subscription_id and split.month = late.month
    where
        split.credit_minor > split.availability_minor
        and not (late.is_shared and split.combination = 'availability_first')
),

causes as (
    select * from downtime_causes
    union all
    select * from late_causes
),

weighed as (
    select
        *,
        sum(weight) over (partition by subscription_id, month, currency, cause) as all_weight,
        sum(weight) over (
            partition by subscription_id, month, currency, cause
            order by start_s, ticket_id rows between unbounded preceding and current row
        ) as weight_until
    from causes
),

-- cumulative shares, rounded: their differences add up to the amount (as E3)
shares as (
    select
        *,
        {{ rounded_share('part_minor', 'weight_until', 'all_weight') }} as minor_until,
        {{ rounded_share('part_minor', 'weight_until - weight', 'all_weight') }} as minor_before
    from weighed
)

select
    subscription_id, customer_id, contract_id, party, service_id, region, month, currency, cause,
    incident_id,
    {{ instant('start_s') }} as started_at,
    {{ instant('end_s') }} as ended_at,
    ticket_id, seconds,
    {{ money('minor_until - minor_before', 'minor_digits') }} as amount
from shares
