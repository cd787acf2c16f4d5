-- a missed ticket and a downtime interval that are the same event (C3)
with missed as (
    select
        subscription_id, month, scenario_id, measured_as, ticket_id, availability_policy_id,
        customer_scope, service_id, region, received_s, link_within_s, incident_id, outage_id
    from {{ ref('int_eligible_incidents') }}
    where is_missed
),

-- the intervals behind which is the record that a ticket names
behind as (
    {%- for name in ['incident_id', 'outage_id'] %}
    select
        missed.subscription_id, missed.month, missed.scenario_id, missed.measured_as,
        missed.ticket_id, missed.availability_policy_id, records.start_s
    from missed
    inner join {{ ref('int_downtime_records') }} as records
        on
            missed.availability_policy_id = records.availability_policy_id
            and missed.customer_scope = records.customer_scope
            and missed.service_id = records.service_id
            and missed.region = records.region
            and missed.{{ name }} = records.{{ name }}
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

-- scenarios that measure alike share what lies near in time
unnamed as (
    select distinct
        measured_as, month, availability_policy_id, ticket_id, received_s, link_within_s
    from missed
    where incident_id is null and outage_id is null
),

-- tickets and intervals that are near each other meet in an hour, so that they are not compared all
-- with all; no hour before the first interval or after the last ticket matters
first_intervals as (
    select subscription_id as measured_as, month, availability_policy_id, min(start_s) as from_s
    from {{ ref('int_month_downtime') }}
    group by subscription_id, month, availability_policy_id
),

ticket_hours as (
    select
        unnamed.*,
        {{ each_of(
            int_divide(
                'greatest(unnamed.received_s - unnamed.link_within_s, first_intervals.from_s)',
                '3600'
            ),
            int_divide('unnamed.received_s', '3600')
        ) }} as hour_number
    from unnamed
    inner join first_intervals
        on
            unnamed.measured_as = first_intervals.measured_as
            and unnamed.month = first_intervals.month
            and unnamed.availability_policy_id = first_intervals.availability_policy_id
            and unnamed.received_s >= first_intervals.from_s
),

looked_at as (
    select
        measured_as, month, availability_policy_id, min(received_s - link_within_s) as from_s,
        max(received_s) as until_s
    from unnamed
    group by measured_as, month, availability_policy_id
),

interval_hours as (
    select
        looked_at.measured_as, looked_at.month, looked_at.availability_policy_id,
        downtime.start_s, downtime.end_s,
        {{ each_of(
            int_divide('greatest(downtime.start_s, looked_at.from_s)', '3600'),
            int_divide('least(downtime.end_s, looked_at.until_s)', '3600')
        ) }} as hour_number
    from {{ ref('int_month_downtime') }} as downtime
    inner join looked_at
        on
            downtime.subscription_id = looked_at.measured_as
            and downtime.month = looked_at.month
            and downtime.availability_policy_id = looked_at.availability_policy_id
            and downtime.start_s <= looked_at.until_s
            and downtime.end_s >= looked_at.from_s
),

near as (
    select distinct
        tickets.measured_as, tickets.month, tickets.availability_policy_id, tickets.ticket_id,
        tickets.link_within_s, intervals.start_s
    from ticket_hours as tickets
    inner join interval_hours as intervals
        on
            tickets.measured_as = intervals.measured_as
            and tickets.month = intervals.month
            and tickets.availability_policy_id = intervals.availability_policy_id
            and tickets.hour_number = intervals.hour_number
            and tickets.received_s >= intervals.start_s
            and tickets.received_s <= intervals.end_s + tickets.link_within_s
)

-- by the record that the ticket names
select
    behind.subscription_id, behind.month, behind.scenario_id, behind.measured_as,
    behind.availability_policy_id, behind.ticket_id, behind.start_s, 'named' as linked_by
from behind
inner join {{ ref('int_month_downtime') }} as downtime
    on
        behind.measured_as = downtime.subscription_id
        and behind.month = downtime.month
        and behind.availability_policy_id = downtime.availability_policy_id
        and behind.start_s = downtime.start_s
union all
-- or, where it names none, by time
select
    missed.subscription_id, missed.month, missed.scenario_id, missed.measured_as,
    missed.availability_policy_id, missed.ticket_id, near.start_s, 'time' as linked_by
from missed
inner join near
    on
        missed.measured_as = near.measured_as
        and missed.month = near.month
        and missed.availability_policy_id = near.availability_policy_id
        and missed.ticket_id = near.ticket_id
        and missed.link_within_s = near.link_within_s
