{%- set keys = ['terms_id', 'service_id', 'region'] -%}

-- after_threshold: the intervals of U have to be long enough before they are cut (A2)
with candidates as (
    select unavailable.*
    from {{ ref('int_unavailable') }} as unavailable
    inner join {{ ref('int_terms') }} as terms on unavailable.terms_id = terms.terms_id
    where not terms.is_threshold_first or unavailable.end_s - unavailable.start_s >= terms.min_consecutive_s
),

excluded as (
    select * from {{ ref('int_excluded') }}
),

pieces as (
    {{ difference_of('candidates', 'excluded', keys) }}
)

-- before_threshold: it is the pieces that have to be long enough (A2)
select pieces.terms_id, pieces.service_id, pieces.region, pieces.start_s, pieces.end_s
from pieces
inner join {{ ref('int_terms') }} as terms on pieces.terms_id = terms.terms_id
where terms.is_threshold_first or pieces.end_s - pieces.start_s >= terms.min_consecutive_s
