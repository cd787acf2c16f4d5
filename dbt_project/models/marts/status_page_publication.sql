select
    tickets.ticket_id, resolutions.highest_severity as severity,
    {{ instant('tickets.published_at_s') }} as published_at,
    tickets.published_at_s - tickets.received_s as seconds_to_publish,
    tickets.published_at_s is not null as is_published
from {{ ref('int_tickets') }} as tickets
inner join {{ ref('int_resolutions') }} as resolutions
    on tickets.ticket_id = resolutions.ticket_id and resolutions.is_own
inner join {{ source('inputs', 'term_lists') }} as severities
    on
        tickets.terms_id = severities.terms_id
        and severities.policy_key = 'status_page.severities'
        and resolutions.highest_severity = severities.value
where
    tickets.status = 'counted'
    and tickets.ticket_type = 'incident'
    and tickets.environment = 'production'
