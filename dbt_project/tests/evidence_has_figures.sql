-- every production component with a check or a record has figures in each judged period it is
-- active in, from then on (A9)
select components.component_id, periods.period_start
from {{ ref('int_components') }} as components
inner join {{ source('inputs', 'periods') }} as periods
    on
        components.contract_id = periods.contract_id
        and components.active_from_s < periods.end_s
        and components.active_to_s > periods.start_s
        and components.active_from_s < components.active_to_s
left join {{ ref('availability') }} as figures
    on
        components.contract_id = figures.contract_id
        and components.service_id = figures.service_id
        and components.region = figures.region
        and periods.period_start = figures.period_start
where
    figures.contract_id is null
    and (periods.end_s > components.first_check_s or periods.end_s > components.first_record_s)
