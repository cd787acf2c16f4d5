{%- set values = statement_values() -%}

-- the statement of a month that is over is never rewritten (C7)
with stated as (
    select * from {{ ref('int_stated') }} where is_final and party = 'provider'
),

before as (
    select * from {{ source('inputs', 'statements_before') }}
),

latest as (
    select before.*
    from before
    inner join (
        select
            versions.subscription_id, versions.month, coalesce(versions.currency, '') as currency,
            max(versions.statement_version) as statement_version
        from before as versions
        group by versions.subscription_id, versions.month, coalesce(versions.currency, '')
    ) as newest
        on
            before.subscription_id = newest.subscription_id
            and before.month = newest.month
            and coalesce(before.currency, '') = newest.currency
            and before.statement_version = newest.statement_version
),

-- versions that a rollback withdrew: their numbers must not return with other values
withdrawn as (
    select
        versions.subscription_id, versions.month, coalesce(versions.currency, '') as currency,
        max(versions.statement_version) as version_used
    from {{ source('inputs', 'withdrawn_statements') }} as versions
    group by versions.subscription_id, versions.month, coalesce(versions.currency, '')
),

compared as (
    select
        stated.*, latest.statement_version as version_before,
        greatest(coalesce(latest.statement_version, 0), coalesce(withdrawn.version_used, 0))
            as version_used,
        concat_ws(
            ','
            {%- for value in values | sort %},
            case when stated.{{ value }} is distinct from latest.{{ value }} then '{{ value }}' end
            {%- endfor %}
        ) as changed
    from stated
    left join latest
        on
            stated.subscription_id = latest.subscription_id
            and stated.month = latest.month
            and coalesce(stated.currency, '') = coalesce(latest.currency, '')
    left join withdrawn
        on
            stated.subscription_id = withdrawn.subscription_id
            and stated.month = withdrawn.month
            and coalesce(stated.currency, '') = withdrawn.currency
)

-- a new version where there is none, or where a value differs
select
    compared.subscription_id, compared.month, compared.currency,
    cast(compared.version_used + 1 as bigint) as statement_version,
    {%- for value in values %}
    compared.{{ value }},
    {%- endfor %}
    {{ instant('run.as_of_s') }} as issued_at,
    case when compared.version_before is null then '' else compared.changed end as changed,
    true as is_current
from compared
cross join {{ source('inputs', 'run') }} as run
where compared.version_before is null or compared.changed <> ''
union all
select
    before.subscription_id, before.month, before.currency, before.statement_version,
    {%- for value in values %}
    before.{{ value }},
    {%- endfor %}
    before.issued_at, before.changed,
    compared.subscription_id is not null as is_current
from before
left join compared
    on
        before.subscription_id = compared.subscription_id
        and before.month = compared.month
        and coalesce(before.currency, '') = coalesce(compared.currency, '')
        and before.statement_version = compared.version_before
        and compared.changed = ''
