-- the incidents whose resolution a credit rests on, by each scenario (R1): of the month's
-- severities, each by its own ticket's terms
select
    tickets.subscription_id, tickets.credit_month as month, scenarios.scenario_id,
    measured.measured_as,
    scenarios.availability_policy_id, scenarios.customer_scope, scenarios.service_id,
    scenarios.region, scenarios.link_within_s, tickets.ticket_id,
    tickets.received_s, tickets.incident_id, tickets.outage_id,
    resolutions.severity, resolutions.target_s, resolutions.elapsed_s,
    resolutions.outcome = 'missed' as is_missed,
    -- the delay over the target, as parts of the common denominator of all targets (R3)
    case
        when resolutions.outcome = 'missed'
            then
                case
                    -- as it is shown, where due dates may override targets
                    when scenarios.is_due_date_mean or resolutions.is_resolution_due_date
                        then
                            {{ millionths(
                                delay_pct('resolutions.elapsed_s', 'resolutions.target_s')
                            ) }}
                            * {{ int_divide('contracts.delay_denominator', '100000000') }}
                    else
                        {{ wide('resolutions.elapsed_s - resolutions.target_s') }}
                        * {{ int_divide(
                            'contracts.delay_denominator', 'greatest(1, resolutions.target_s)'
                        ) }}
                end
        else 0
    end as delay_parts
from {{ ref('int_tickets') }} as tickets
inner join {{ ref('int_measured_as') }} as measured
    on
        tickets.subscription_id = measured.subscription_id
        and tickets.credit_month = measured.month
inner join {{ ref('int_month_scenarios') }} as scenarios
    on measured.measured_as = scenarios.subscription_id and measured.month = scenarios.month
inner join {{ ref('int_subscription_terms') }} as spans
    on
        tickets.subscription_id = spans.subscription_id
        and scenarios.scenario_id = spans.scenario_id
        and tickets.received_s >= spans.valid_from_s
        and tickets.received_s < spans.valid_until_s
inner join {{ source('inputs', 'terms') }} as terms on spans.terms_id = terms.terms_id
inner join {{ ref('int_resolutions') }} as resolutions
    on
        tickets.ticket_id = resolutions.ticket_id
        and terms.support_policy_id = resolutions.support_policy_id
inner join {{ source('inputs', 'term_lists') }} as severities
    on
        scenarios.terms_id = severities.terms_id
        and severities.policy_key = 'resolution_credit.severities'
        and resolutions.severity = severities.value
inner join {{ source('inputs', 'contracts') }} as contracts
    on scenarios.contract_id = contracts.contract_id
inner join {{ ref('int_covered') }} as covered
    on
        tickets.subscription_id = covered.subscription_id
        and tickets.credit_month = covered.month
        and tickets.received_s >= covered.start_s
        and tickets.received_s < covered.end_s
where
    tickets.status = 'counted'
    and tickets.ticket_type = 'incident'
    and tickets.environment = 'production'
    and resolutions.outcome in ('met', 'missed')
