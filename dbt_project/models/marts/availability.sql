with gaps as (
    select contract_id, service_id, region, period_start, count(*) as incomplete_rows
    from {{ ref('int_evidence_gaps') }}
    where figure = 'availability'
    group by contract_id, service_id, region, period_start
),

measured as (
    select
        judged.*,
        terms.contract_version, terms.min_coverage_numerator, terms.min_coverage_denominator,
        commitments.commitment_pct, commitments.commitment_numerator,
        commitments.commitment_denominator,
        case terms.excluded_time
            when 'windows' then coalesce(seconds.excluded_seconds, 0)
            when 'unavailable_only' then coalesce(seconds.excluded_unavailable_seconds, 0)
            else 0
        end as excluded_seconds,
        coalesce(seconds.unavailable_seconds, 0) as unavailable_seconds,
        coalesce(seconds.downtime_seconds, 0) as downtime_seconds,
        coalesce(seconds.unknown_seconds, 0) as unknown_seconds,
        coalesce(seconds.active_seconds, 0) as active_seconds,
        cast(coalesce(gaps.incomplete_rows, 0) as bigint) as incomplete_rows
    from {{ ref('int_regional_periods') }} as judged
    inner join {{ ref('int_terms') }} as terms on judged.terms_id = terms.terms_id
    inner join {{ source('inputs', 'contracts') }} as contracts
        on judged.contract_id = contracts.contract_id
    -- that of a provider of ours is no commitment of ours (C8)
    left join {{ ref('int_commitments') }} as commitments
        on
            contracts.party = 'provider'
            and judged.terms_id = commitments.terms_id
            and judged.service_id = commitments.service_id
    left join {{ ref('int_period_seconds') }} as seconds
        on
            judged.contract_id = seconds.contract_id
            and judged.service_id = seconds.service_id
            and judged.region = seconds.region
            and judged.period_start = seconds.period_start
    left join gaps
        on
            judged.contract_id = gaps.contract_id
            and judged.service_id = gaps.service_id
            and judged.region = gaps.region
            and judged.period_start = gaps.period_start
),

figured as (
    select
        *,
        total_seconds - excluded_seconds as base_seconds,
        active_seconds - unknown_seconds as known_seconds,
        -- the downtime that the commitment allows, whole seconds (A8)
        {{ int_divide(
            '(commitment_denominator - commitment_numerator) * (total_seconds - excluded_seconds)',
            'commitment_denominator'
        ) }} as allowed_seconds
    from measured
)

select
    contract_id, contract_version, service_id, region, product_category, period_kind, period_start,
    {{ instant('start_s') }} as starts_at,
    {{ instant('end_s') }} as ends_at,
    total_seconds, excluded_seconds, unavailable_seconds, downtime_seconds, unknown_seconds,
    case
        when active_seconds > 0 then {{ percentage('known_seconds', 'active_seconds') }}
    end as coverage_pct,
    coalesce(
        is_final
        and known_seconds * min_coverage_denominator < active_seconds * min_coverage_numerator,
        false
    ) as low_coverage,
    case
        when base_seconds > 0
            then {{ percentage('base_seconds - downtime_seconds', 'base_seconds') }}
    end as availability_pct,
    cast(commitment_pct as decimal(18, 6)) as commitment_pct,
    -- exact, by cross-multiplication of integers (A6)
    case
        when commitment_pct is null then null
        when base_seconds = 0 then true
        else
            (base_seconds - downtime_seconds) * commitment_denominator
            >= commitment_numerator * base_seconds
    end as is_met,
    case when commitment_pct is not null then allowed_seconds end as budget_seconds,
    case
        when commitment_pct is not null then allowed_seconds - downtime_seconds
    end as budget_remaining_seconds,
    case
        when base_seconds = 0 then 'fully_excluded'
        when is_final then 'final'
        else 'provisional'
    end as status,
    incomplete_rows > 0 as is_incomplete, incomplete_rows
from figured
