-- subscriptions that are covered alike, under the same terms and in the same customer scope, have
-- the same availability: one of them is measured for all
with coverage as (
    select
        subscription_id, month, min(start_s) as first_s, max(end_s) as last_s,
        sum(seconds) < max(end_s) - min(start_s) as has_gaps
    from {{ ref('int_covered') }}
    group by subscription_id, month
),

own_terms as (
    select distinct subscription_id
    from {{ ref('int_subscription_terms') }}
    where is_own
),

own_scopes as (
    select distinct service_id, region, customer_scope
    from {{ ref('int_availability_scopes') }}
    where customer_scope <> ''
)

select
    months.subscription_id, months.month,
    min(months.subscription_id) over (
        partition by
            months.contract_id, months.service_id, months.region, months.month,
            coverage.first_s, coverage.last_s, own_scopes.customer_scope,
            case
                when coverage.has_gaps or own_terms.subscription_id is not null
                    then months.subscription_id
            end
    ) as measured_as
from {{ ref('int_credit_months') }} as months
left join coverage
    on months.subscription_id = coverage.subscription_id and months.month = coverage.month
left join own_terms on months.subscription_id = own_terms.subscription_id
left join own_scopes
    on
        months.service_id = own_scopes.service_id
        and months.region = own_scopes.region
        and months.customer_id = own_scopes.customer_scope
