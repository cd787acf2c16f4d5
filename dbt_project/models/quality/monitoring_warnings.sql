with limits as (
    select terms.contract_id, min(policies.stale_after_s) as stale_after_s
    from {{ ref('int_terms') }} as terms
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on terms.availability_policy_id = policies.availability_policy_id
    group by terms.contract_id
)

select
    'checks' as about,
    components.component_id || ' from ' || series.location
    || ' is checked every ' || medians.median_s || ' s, which is over half of stale_after_s ('
    || limits.stale_after_s || ' s): single late results read as unknown (M1)' as warning
from {{ source('landed', 'check_medians') }} as medians
inner join {{ source('landed', 'check_series') }} as series on medians.series_id = series.series_id
inner join {{ ref('int_components') }} as components
    on series.component_id = components.component_id
inner join limits on components.contract_id = limits.contract_id
where 2 * medians.median_s > limits.stale_after_s
union all
select
    'outages' as about,
    outages.outage_id || ' has called ' || outages.component_id
    || ' up for over a day and is still open: it hides what monitors see (M3)' as warning
from {{ ref('stg_outages') }} as outages
where
    outages.state = 'up'
    and outages.is_open
    and outages.ended_at_s - outages.started_at_s > 86400
union all
select
    'components' as about,
    component_id || ' of ' || service_id
    || ' (voice) has no redundancy group: one trunk down is an outage (M4)' as warning
from {{ ref('int_components') }}
where product_category = 'voice' and group_id = 'alone:' || component_id
