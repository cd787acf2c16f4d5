select
    subscription_id, valid_from, {{ last_day_of('valid_until') }} as last_day, support_plan, kind,
    status
from {{ ref('int_spans') }}
