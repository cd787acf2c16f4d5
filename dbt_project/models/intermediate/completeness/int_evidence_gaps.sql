-- what is set aside of a service and region: checks and records of its components, and what a scope
-- reaches
with of_regions as (
    select
        faults.*, components.contract_id, components.service_id as of_service_id,
        components.region as of_region
    from {{ ref('int_evidence_faults') }} as faults
    inner join {{ ref('int_components') }} as components
        on faults.component_id = components.component_id
    where faults.feed in ('checks', 'outages', 'components')
    union all
    select
        faults.*, regions.contract_id, regions.service_id as of_service_id,
        regions.region as of_region
    from {{ ref('int_evidence_faults') }} as faults
    inner join {{ ref('int_service_regions') }} as regions
        on
            (faults.service_id is null or faults.service_id = regions.service_id)
            and (faults.region is null or faults.region = regions.region)
    where
        faults.feed in ('exclusions', 'services')
        and not (faults.feed = 'services' and faults.service_id is null)
        and (
            faults.component_id is null
            or exists (
                select 1
                from {{ ref('int_components') }} as components
                where
                    components.component_id = faults.component_id
                    and components.service_id = regions.service_id
                    and components.region = regions.region
            )
        )
),

availability as (
    select distinct
        'availability' as figure, of_regions.contract_id, of_regions.of_service_id as service_id,
        of_regions.of_region as region,
        cast(null as string) as subscription_id, cast(null as string) as ticket_id,
        figures.period_start,
        of_regions.feed, of_regions.delivery_id, of_regions.line
    from of_regions
    inner join {{ ref('int_regional_periods') }} as figures
        on
            of_regions.contract_id = figures.contract_id
            and of_regions.of_service_id = figures.service_id
            and of_regions.of_region = figures.region
            and of_regions.start_s < figures.end_s
            and of_regions.end_s > figures.start_s
    -- what is one customer's acts in no regional figure (A5)
    where of_regions.customer_id is null
),

-- the ticket that a row belongs to, and when that was received, as far as anything of it can be
-- read
first_events as (
    select ticket_id, min(read_s) as first_s
    from {{ ref('int_evidence_faults') }}
    where feed = 'ticket_events' and ticket_id is not null
    group by ticket_id
),

faulty_tickets as (
    select ticket_id, max(subscription_id) as subscription_id
    from {{ ref('int_evidence_faults') }}
    where feed = 'tickets' and ticket_id is not null
    group by ticket_id
),

of_tickets as (
    select
        faults.feed, faults.delivery_id, faults.line, faults.ticket_id,
        coalesce(tickets.subscription_id, faulty_tickets.subscription_id) as subscription_id,
        coalesce(lives.received_s, first_events.first_s) as received_s,
        lives.month, lives.status
    from {{ ref('int_evidence_faults') }} as faults
    left join {{ ref('int_tickets') }} as lives on faults.ticket_id = lives.ticket_id
    left join {{ ref('stg_tickets') }} as tickets on faults.ticket_id = tickets.ticket_id
    left join faulty_tickets on faults.ticket_id = faulty_tickets.ticket_id
    left join first_events on faults.ticket_id = first_events.ticket_id
    where faults.feed in ('tickets', 'ticket_events')
),

tickets as (
    select distinct
        'ticket_sla' as figure, subscriptions.contract_id, subscriptions.service_id,
        subscriptions.region,
        of_tickets.subscription_id, of_tickets.ticket_id, of_tickets.month as period_start,
        of_tickets.feed, of_tickets.delivery_id, of_tickets.line
    from of_tickets
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on of_tickets.subscription_id = subscriptions.subscription_id
    where of_tickets.month is not null and of_tickets.status <> 'rejected'
),

-- what names a subscription, or the invoices of its customer
of_subscriptions as (
    select feed, delivery_id, line, subscription_id, first_day, last_day
    from {{ ref('int_evidence_faults') }}
    where
        subscription_id is not null
        and (
            feed in ('subscriptions', 'credit_requests')
            or (
                feed = 'invoice_lines'
                and coalesce(line_kind, 'recurring') in ('recurring', 'usage', 'credit')
            )
        )
    union all
    select
        faults.feed, faults.delivery_id, faults.line, subscriptions.subscription_id,
        faults.first_day, faults.last_day
    from {{ ref('int_evidence_faults') }} as faults
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on faults.customer_id = subscriptions.customer_id
    where faults.feed = 'invoices'
    union all
    select
        faults.feed, faults.delivery_id, faults.line, subscriptions.subscription_id,
        faults.first_day, faults.last_day
    from {{ ref('int_evidence_faults') }} as faults
    inner join {{ ref('stg_invoices') }} as invoices on faults.invoice_id = invoices.invoice_id
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on invoices.customer_id = subscriptions.customer_id
    where
        faults.feed = 'invoice_lines'
        and coalesce(faults.line_kind, 'recurring') in ('recurring', 'usage', 'credit')
        and not exists (
            select
                1
            from {{ ref('int_subscriptions') }} as named
            where named.subscription_id = faults.subscription_id
        )
),

of_months as (
    select months.subscription_id, months.month, faults.feed, faults.delivery_id, faults.line
    from of_subscriptions as faults
    inner join {{ ref('int_subscription_periods') }} as months
        on
            faults.subscription_id = months.subscription_id
            and faults.first_day <= months.last_day
            and faults.last_day >= months.month
    union all
    -- a ticket belongs to the month in which it was received (K9)
    select months.subscription_id, months.month, faults.feed, faults.delivery_id, faults.line
    from of_tickets as faults
    inner join {{ ref('int_subscription_periods') }} as months
        on
            faults.subscription_id = months.subscription_id
            and (
                faults.received_s is null
                or (faults.received_s >= months.start_s and faults.received_s < months.end_s)
            )
    union all
    select months.subscription_id, months.month, faults.feed, faults.delivery_id, faults.line
    from of_regions as faults
    inner join {{ ref('int_subscription_periods') }} as months
        on
            faults.of_service_id = months.service_id
            and faults.of_region = months.region
            and faults.customer_id = months.customer_id
            and faults.start_s < months.end_s
            and faults.end_s > months.start_s
),

credits as (
    select distinct
        'credits' as figure, figures.contract_id, figures.service_id, figures.region,
        of_months.subscription_id,
        cast(null as string) as ticket_id, of_months.month as period_start, of_months.feed,
        of_months.delivery_id, of_months.line
    from of_months
    inner join {{ ref('int_credit_rows') }} as figures
        on of_months.subscription_id = figures.subscription_id and of_months.month = figures.month
)

select * from availability
union all
select * from tickets
union all
select * from credits
