with lives as (
    select
        timeline.ticket_id,
        min(case when timeline.event = 'received' then timeline.at_s end) as received_s,
        min(case when timeline.event = 'classified' then timeline.at_s end) as classified_s,
        min(case when timeline.event in ('responded', 'resolved', 'closed') then timeline.at_s end)
            as responded_s,
        min(case when timeline.is_final then timeline.at_s end) as stopped_s,
        max(case when timeline.event = 'cancelled' then 1 else 0 end) = 1 as is_cancelled,
        max(case when receipts.status = 'rejected' then 1 else 0 end) = 1 as is_rejected
    from {{ ref('int_ticket_timeline') }} as timeline
    inner join {{ ref('int_ticket_receipts') }} as receipts
        on timeline.ticket_id = receipts.ticket_id
    where receipts.status <> 'waiting'
    group by timeline.ticket_id
),

-- by the terms of the local date of receipt (T5, T6)
agreed as (
    select
        lives.*, tickets.subscription_id, tickets.ticket_type, tickets.environment,
        tickets.subject, tickets.exclusion_kind, tickets.incident_id, tickets.outage_id,
        tickets.published_at_s,
        subscriptions.contract_id, subscriptions.customer_id, subscriptions.lifecycle,
        months.month, months.is_final as is_month_final, periods.month as credit_month,
        tickets.response_due_s, tickets.resolution_due_s, terms.terms_id, terms.support_policy_id,
        -- the clock starts at the later of receipt and classification (K2)
        case
            when lives.classified_s is not null then greatest(lives.received_s, lives.classified_s)
        end as clock_start_s
    from lives
    inner join {{ ref('stg_tickets') }} as tickets on lives.ticket_id = tickets.ticket_id
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on tickets.subscription_id = subscriptions.subscription_id
    inner join {{ ref('int_subscription_terms') }} as spans
        on
            tickets.subscription_id = spans.subscription_id
            and lives.received_s >= spans.valid_from_s
            and lives.received_s < spans.valid_until_s
    inner join {{ source('inputs', 'terms') }} as terms on spans.terms_id = terms.terms_id
    inner join {{ source('inputs', 'months') }} as months
        on
            subscriptions.contract_id = months.contract_id
            and lives.received_s >= months.start_s
            and lives.received_s < months.end_s
    inner join {{ source('inputs', 'credit_periods') }} as periods
        on
            subscriptions.contract_id = periods.contract_id
            and lives.received_s >= periods.start_s
            and lives.received_s < periods.end_s
    where spans.scenario_id = 0
),

-- the first reason that holds, of those that take a ticket out (K8)
judged as (
    select
        agreed.*,
        case
            when excluding.value is not null then agreed.exclusion_kind
            when spans.subscription_id is null then 'not_subscribed'
            when kinds.value is null then 'not_paid'
            when statuses.value is null then 'suspended'
            when agreed.lifecycle <> 'ga' then 'not_ga'
            when environments.value is null then 'environment'
        end as reason
    from agreed
    left join {{ ref('int_spans') }} as spans
        on
            agreed.subscription_id = spans.subscription_id
            and agreed.received_s >= spans.start_s
            and agreed.received_s < spans.end_s
    left join {{ source('inputs', 'term_lists') }} as excluding
        on
            agreed.terms_id = excluding.terms_id
            and excluding.policy_key = 'exclusions.kinds'
            and agreed.exclusion_kind = excluding.value
    left join {{ source('inputs', 'term_lists') }} as kinds
        on
            agreed.terms_id = kinds.terms_id
            and kinds.policy_key = 'tickets.kinds'
            and spans.kind = kinds.value
    left join {{ source('inputs', 'term_lists') }} as statuses
        on
            agreed.terms_id = statuses.terms_id
            and statuses.policy_key = 'tickets.statuses'
            and spans.status = statuses.value
    left join {{ source('inputs', 'term_lists') }} as environments
        on
            agreed.terms_id = environments.terms_id
            and environments.policy_key = 'tickets.environments'
            and agreed.environment = environments.value
)

select
    *,
    case
        -- in no mart; timed from its first receipt to tell what that leaves out (K1)
        when is_rejected then 'rejected'
        when is_cancelled then 'cancelled'
        when reason is not null then 'excluded'
        when classified_s is null then 'unclassified'
        else 'counted'
    end as status
from judged
