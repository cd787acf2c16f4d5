-- each final row of credits has one current statement, which says what it says; no other row has
-- one, and none a version twice
-- or one that was withdrawn (C7)
with current_statements as (
    select *
    from {{ ref('credit_statements') }}
    where is_current
),

final_credits as (
    select *
    from {{ ref('credits') }}
    where status = 'final'
),

counted as (
    select subscription_id, month, coalesce(currency, '') as currency, count(*) as statements
    from current_statements
    group by subscription_id, month, coalesce(currency, '')
)

select
    coalesce(final_credits.subscription_id, current_statements.subscription_id) as subscription_id,
    coalesce(final_credits.month, current_statements.month) as month,
    coalesce(final_credits.currency, current_statements.currency) as currency
from final_credits
full outer join current_statements
    on
        final_credits.subscription_id = current_statements.subscription_id
        and final_credits.month = current_statements.month
        and coalesce(final_credits.currency, '') = coalesce(current_statements.currency, '')
where
    final_credits.subscription_id is null
    or current_statements.subscription_id is null
    or final_credits.statement_version <> current_statements.statement_version
    {%- for value in statement_values() %}
    or final_credits.{{ value }} is distinct from current_statements.{{ value }}
    {%- endfor %}
union all
select subscription_id, month, currency
from counted
where statements > 1
union all
select subscription_id, month, currency
from {{ ref('credits') }}
where status <> 'final' and statement_version is not null
union all
select statements.subscription_id, statements.month, statements.currency
from {{ ref('credit_statements') }} as statements
inner join {{ source('inputs', 'withdrawn_statements') }} as withdrawn
    on
        statements.subscription_id = withdrawn.subscription_id
        and statements.month = withdrawn.month
        and coalesce(statements.currency, '') = coalesce(withdrawn.currency, '')
        and statements.statement_version = withdrawn.statement_version
