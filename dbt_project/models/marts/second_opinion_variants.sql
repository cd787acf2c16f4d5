select
    contract_id, promise, severity, variant, reason as reason_code, verdicts, source_met,
    agreed, settled, unsettled,
    fits_from_s as fits_from_seconds, fits_below_s as fits_below_seconds,
    fitted, place, is_likely
from {{ ref('int_opinion_fits') }}
