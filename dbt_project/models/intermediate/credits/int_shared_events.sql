-- a missed ticket and a downtime interval that are the same event (C3)
with pairs as (
    select
        eligible_incidents.subscription_id, eligible_incidents.month,
        eligible_incidents.scenario_id, eligible_incidents.ticket_id,
        eligible_incidents.availability_policy_id,
        eligible_incidents.service_id, eligible_incidents.region, eligible_incidents.received_s,
        eligible_incidents.link_within_s,
        eligible_incidents.incident_id, eligible_incidents.outage_id, downtime.customer_scope,
        downtime.start_s, downtime.end_s
    from {{ ref('int_eligible_incidents') }} as eligible_incidents
    inner join {{ ref('int_month_downtime') }} as downtime
        on
            eligible_incidents.subscription_id = downtime.subscription_id
            and eligible_incidents.month = downtime.month
            and eligible_incidents.availability_policy_id = downtime.availability_policy_id
    where eligible_incidents.is_missed
)

-- by the record that the ticket names
select distinct
    pairs.subscription_id, pairs.month, pairs.scenario_id, pairs.ticket_id, pairs.start_s,
    'named' as linked_by
from pairs
inner join {{ ref('int_downtime_records') }} as records
    on
        pairs.availability_policy_id = records.availability_policy_id
        and pairs.customer_scope = records.customer_scope
        and pairs.service_id = records.service_id
        and pairs.region = records.region
        and pairs.start_s = records.start_s
        and (pairs.incident_id = records.incident_id or pairs.outage_id = records.outage_id)
union all
-- or, where it names none, by time
select subscription_id, month, scenario_id, ticket_id, start_s, 'time' as linked_by
from pairs
where
    incident_id is null
    and outage_id is null
    and received_s >= start_s
    and received_s <= end_s + link_within_s
