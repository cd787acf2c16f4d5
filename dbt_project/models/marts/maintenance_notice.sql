select
    exclusion_id, contract_id, kind, notice_seconds, notice_required_seconds,
    is_met as notice_met, length_seconds, is_over_length as over_length, business_hours_seconds
from {{ ref('int_maintenance_notice') }}
