{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

-- after_threshold: the intervals of U have to be long enough before they are cut (A2)
with candidates as (
    select unavailable.*
    from {{ ref('int_unavailable') }} as unavailable
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on unavailable.availability_policy_id = policies.availability_policy_id
    where
        not policies.is_threshold_first
        or unavailable.end_s - unavailable.start_s >= policies.min_consecutive_s
),

excluded as (
    select * from {{ ref('int_excluded') }}
),

-- where nothing is excluded, nothing has to be cut
uncut as (
    {{ rows_with_keys_of('candidates', 'excluded', keys, false) }}
),

to_cut as (
    {{ rows_with_keys_of('candidates', 'excluded', keys, true) }}
),

pieces as (
    select * from uncut
    union all
    select *
    from (
        {{ difference_of('to_cut', 'excluded', keys) }}
    ) as cut
)

-- before_threshold: it is the pieces that have to be long enough (A2)
select
    pieces.availability_policy_id, pieces.customer_scope, pieces.service_id, pieces.region,
    pieces.start_s, pieces.end_s
from pieces
inner join {{ source('inputs', 'availability_policies') }} as policies
    on pieces.availability_policy_id = policies.availability_policy_id
where
    policies.is_threshold_first or pieces.end_s - pieces.start_s >= policies.min_consecutive_s
