-- every subscription that is known; of its spans the one that is in force, or was last, or the
-- first that is still to come (E1, T3)
with begun as (
    select
        *, min(valid_from) over (partition by subscription_id) as first_day,
        row_number() over (partition by subscription_id order by valid_from desc) as sequence
    from {{ ref('int_spans') }}
),

to_come as (
    select *, row_number() over (partition by subscription_id order by valid_from) as sequence
    from {{ ref('stg_subscriptions') }}
)

select
    subscriptions.subscription_id, subscriptions.customer_id, customers.name as customer_name,
    subscriptions.contract_id,
    subscriptions.service_id, services.name as service_name, subscriptions.product_category,
    subscriptions.lifecycle, subscriptions.region,
    coalesce(begun.first_day, to_come.valid_from) as first_day,
    case
        when begun.subscription_id is not null then {{ last_day_of('begun.valid_until') }}
        else to_come.valid_to
    end as last_day,
    coalesce(begun.support_plan, to_come.support_plan) as support_plan,
    coalesce(begun.kind, to_come.kind) as kind,
    coalesce(begun.status, to_come.status) as status,
    begun.subscription_id is not null as has_begun
from {{ ref('int_subscriptions') }} as subscriptions
inner join {{ ref('stg_customers') }} as customers
    on subscriptions.customer_id = customers.customer_id
inner join {{ ref('stg_services') }} as services on subscriptions.service_id = services.service_id
left join begun on subscriptions.subscription_id = begun.subscription_id and begun.sequence = 1
left join to_come
    on subscriptions.subscription_id = to_come.subscription_id and to_come.sequence = 1
