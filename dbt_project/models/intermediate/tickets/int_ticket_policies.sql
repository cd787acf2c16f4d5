-- every ticket with a clock at its own support policy; those that credits may rest on also as other
-- scenarios time them
with timed as (
    select tickets.*, run.as_of_s
    from {{ ref('int_tickets') }} as tickets
    cross join {{ source('inputs', 'run') }} as run
    where not tickets.is_cancelled and tickets.classified_s is not null
),

policies as (
    select ticket_id, support_policy_id from timed
    union
    select timed.ticket_id, terms.support_policy_id
    from timed
    inner join {{ ref('int_subscription_terms') }} as spans
        on
            timed.subscription_id = spans.subscription_id
            and timed.received_s >= spans.valid_from_s
            and timed.received_s < spans.valid_until_s
    inner join {{ source('inputs', 'terms') }} as terms on spans.terms_id = terms.terms_id
    where
        timed.status = 'counted'
        and timed.ticket_type = 'incident'
        and timed.environment = 'production'
)

select
    timed.ticket_id, policies.support_policy_id, timed.environment, timed.clock_start_s,
    timed.support_policy_id = policies.support_policy_id as is_own,
    timed.response_due_s, timed.resolution_due_s,
    timed.responded_s, timed.stopped_s,
    -- what stops before the clock starts stops with it; what is open is looked at as of now (K3)
    greatest(timed.clock_start_s, coalesce(timed.responded_s, timed.as_of_s)) as response_end_s,
    greatest(timed.clock_start_s, coalesce(timed.stopped_s, timed.as_of_s)) as end_s
from timed
inner join policies on timed.ticket_id = policies.ticket_id
