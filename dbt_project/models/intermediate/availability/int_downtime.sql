{%- set keys = ['availability_policy_id', 'customer_scope', 'service_id', 'region'] -%}

with scopes as (
    select * from {{ ref('int_availability_scopes') }}
),

-- after_threshold: the intervals of U have to be long enough before they are cut (A2)
candidates as (
    select
        scopes.availability_policy_id, scopes.customer_scope, scopes.service_id, scopes.region,
        unavailable.start_s, unavailable.end_s
    from scopes
    inner join {{ ref('int_unavailable') }} as unavailable
        on {{ observed_in('scopes', 'unavailable') }}
    inner join {{ source('inputs', 'availability_policies') }} as policies
        on scopes.availability_policy_id = policies.availability_policy_id
    where
        not policies.is_threshold_first
        or unavailable.end_s - unavailable.start_s >= policies.min_consecutive_s
),

excluded as (
    select
        scopes.availability_policy_id, scopes.customer_scope, scopes.service_id, scopes.region,
        excluded.start_s, excluded.end_s
    from scopes
    inner join {{ ref('int_excluded') }} as excluded on {{ observed_in('scopes', 'excluded') }}
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
