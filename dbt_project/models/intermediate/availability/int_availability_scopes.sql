-- how the regional figures and those of subscriptions are measured
with measured as (
    select regions.contract_id, regions.service_id, regions.region, terms.availability_policy_id
    from {{ ref('int_service_regions') }} as regions
    inner join {{ ref('int_terms') }} as terms on regions.contract_id = terms.contract_id
    union
    select
        subscriptions.contract_id, subscriptions.service_id, subscriptions.region,
        terms.availability_policy_id
    from {{ ref('int_subscription_terms') }} as agreed
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on agreed.subscription_id = subscriptions.subscription_id
    inner join {{ source('inputs', 'terms') }} as terms on agreed.terms_id = terms.terms_id
    where terms.has_credits
),

scopes as (
    select contract_id, service_id, region, availability_policy_id, '' as customer_scope
    from measured
    union
    -- a customer with exclusions of its own sees its own downtime (A5)
    select
        measured.contract_id, measured.service_id, measured.region, measured.availability_policy_id,
        subscriptions.customer_id as customer_scope
    from measured
    inner join {{ ref('int_subscriptions') }} as subscriptions
        on measured.service_id = subscriptions.service_id and measured.region = subscriptions.region
    inner join {{ ref('int_exclusions') }} as exclusions
        on
            measured.availability_policy_id = exclusions.availability_policy_id
            and subscriptions.customer_id = exclusions.customer_id
    where
        (exclusions.service_id is null or exclusions.service_id = measured.service_id)
        and (exclusions.region is null or exclusions.region = measured.region)
)

select
    scopes.contract_id, scopes.service_id, scopes.region, scopes.availability_policy_id,
    scopes.customer_scope, policies.observed_as
from scopes
inner join {{ source('inputs', 'availability_policies') }} as policies
    on scopes.availability_policy_id = policies.availability_policy_id
