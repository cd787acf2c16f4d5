with counted as (
    select
        intervals.series_id, intervals.interval_s,
        sum(intervals.checks) over (partition by intervals.series_id order by intervals.interval_s) as checks_up_to,
        sum(intervals.checks) over (partition by intervals.series_id) as checks_in_all
    from {{ source('landed', 'check_intervals') }} as intervals
),

-- the lower median of the time between two checks
medians as (
    select series_id, min(interval_s) as median_s
    from counted
    where 2 * checks_up_to >= checks_in_all
    group by series_id
),

limits as (
    select terms.contract_id, min(availability_policies.stale_after_s) as stale_after_s
    from {{ ref('int_terms') }} as terms
    inner join {{ source('inputs', 'availability_policies') }} as availability_policies on terms.availability_policy_id = availability_policies.availability_policy_id
    group by terms.contract_id
)

select
    'checks' as about,
    components.component_id || ' from ' || series.location || ' is checked every ' || medians.median_s
    || ' s, which is over half of stale_after_s (' || limits.stale_after_s || ' s): single late results read as unknown (M1)' as warning
from medians
inner join {{ source('landed', 'check_series') }} as series on medians.series_id = series.series_id
inner join {{ ref('int_components') }} as components on series.component_id = components.component_id
inner join limits on components.contract_id = limits.contract_id
where 2 * medians.median_s > limits.stale_after_s
union all
select
    'outages' as about,
    outages.outage_id || ' has called ' || outages.component_id || ' up for over a day and is still open: it hides what monitors see (M3)' as warning
from {{ ref('stg_outages') }} as outages
where outages.state = 'up' and outages.is_open and outages.ended_at_s - outages.started_at_s > 86400
union all
select
    'components' as about,
    component_id || ' of ' || service_id || ' (voice) has no redundancy group: one trunk down is an outage (M4)' as warning
from {{ ref('int_components') }}
where product_category = 'voice' and group_id = 'alone:' || component_id
