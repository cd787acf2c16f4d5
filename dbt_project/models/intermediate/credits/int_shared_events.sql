-- a missed ticket and a downtime interval that are the same event (C3)
with pairs as (
    select
        population.subscription_id, population.month, population.reading_id, population.ticket_id, population.method_id,
        population.service_id, population.region, population.received_s, population.link_within_s,
        population.incident_id, population.outage_id, downtime.start_s, downtime.end_s
    from {{ ref('int_population') }} as population
    inner join {{ ref('int_month_downtime') }} as downtime
        on
            population.subscription_id = downtime.subscription_id
            and population.month = downtime.month
            and population.method_id = downtime.method_id
    where population.is_missed
)

-- by the record that the ticket names
select distinct pairs.subscription_id, pairs.month, pairs.reading_id, pairs.ticket_id, pairs.start_s, 'named' as linked_by
from pairs
inner join {{ ref('int_down_records') }} as records
    on
        pairs.method_id = records.method_id
        and pairs.service_id = records.service_id
        and pairs.region = records.region
        and (pairs.incident_id = records.incident_id or pairs.outage_id = records.outage_id)
        and pairs.start_s < records.end_s
        and pairs.end_s > records.start_s
union all
-- or, where it names none, by time
select subscription_id, month, reading_id, ticket_id, start_s, 'time' as linked_by
from pairs
where
    incident_id is null
    and outage_id is null
    and received_s >= start_s
    and received_s <= end_s + link_within_s
