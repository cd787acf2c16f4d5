-- checks that know nothing are no evidence (M1, M6); a record that is open lasts until as_of (M3)
with known as (
    select component_id, max(last_s) as last_s
    from {{ ref('stg_check_spans') }}
    where state <> {{ state_code('unknown') }}
    group by component_id
    union all
    select component_id, max(ended_at_s) as last_s
    from {{ ref('int_records') }}
    group by component_id
)

select
    components.contract_id, components.service_id, components.region,
    -- least() passes over nulls on some engines
    max(case
        when known.last_s is not null
            then {{ instant('least(known.last_s, components.active_to_s, run.as_of_s)') }}
    end) as last_seen_at
from {{ ref('int_components') }} as components
cross join {{ source('inputs', 'run') }} as run
left join known
    on components.component_id = known.component_id and components.active_from_s <= known.last_s
group by components.contract_id, components.service_id, components.region
