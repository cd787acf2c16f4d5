{%- set keys = ['method_id', 'audience', 'service_id', 'region'] -%}

-- after_threshold: the intervals of U have to be long enough before they are cut (A2)
with candidates as (
    select unavailable.*
    from {{ ref('int_unavailable') }} as unavailable
    inner join {{ source('inputs', 'methods') }} as methods on unavailable.method_id = methods.method_id
    where not methods.is_threshold_first or unavailable.end_s - unavailable.start_s >= methods.min_consecutive_s
),

excluded as (
    select * from {{ ref('int_excluded') }}
),

pieces as (
    {{ difference_of('candidates', 'excluded', keys) }}
)

-- before_threshold: it is the pieces that have to be long enough (A2)
select pieces.method_id, pieces.audience, pieces.service_id, pieces.region, pieces.start_s, pieces.end_s
from pieces
inner join {{ source('inputs', 'methods') }} as methods on pieces.method_id = methods.method_id
where methods.is_threshold_first or pieces.end_s - pieces.start_s >= methods.min_consecutive_s
