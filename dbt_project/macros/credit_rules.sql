{#- Facts of credits that several models need, each written once. -#}

{#-
A credit is a percentage of the fee, kept exact until the one rounding: an integer of *parts*, of
which `credit_scale` billionths are one per cent. The scale is 1, or what a step in days or a refund
divides by (C1).
-#}

{#-
Not both credits for the same event, and at most the cap (C3, C4). `parts` is a relation with
is_shared, availability_credit, availability_unshared, resolution_credit, resolution_unshared and
cap, all in parts of one scale; these columns are added: the two sums to choose from, the
combination that was chosen, what of each credit counts in it, combined_credit, and credit, which is
that after the cap.
-#}
{% macro combined_and_capped(parts) -%}
    with sums as (
        select
            *,
            availability_credit + resolution_unshared as availability_first,
            availability_unshared + resolution_credit as resolution_first
        from {{ parts }}
    ),

    -- the better of the two, the first on a tie
    chosen as (
        select
            *,
            case
                when not is_shared then 'sum'
                when availability_first >= resolution_first then 'availability_first'
                else 'resolution_first'
            end as combination
        from sums
    ),

    counted as (
        select
            *,
            case combination
                when 'resolution_first' then availability_unshared
                else availability_credit
            end as availability_counted,
            case combination
                when 'availability_first' then resolution_unshared
                else resolution_credit
            end as resolution_counted
        from chosen
    )

    select
        *,
        availability_counted + resolution_counted as combined_credit,
        least(availability_counted + resolution_counted, cap) as credit
    from counted
{%- endmacro %}

{#- A percentage as parts of a scale. -#}
{% macro credit_parts(pct, scale) -%} {{ billionths(pct) }} * {{ wide(scale) }} {%- endmacro %}

{#- Parts as the percentage that is shown, of six decimals. -#}
{% macro credit_pct_of(parts, scale) -%}
    {{ ratio(parts, '1000000000 * ' ~ wide(scale)) }}
{%- endmacro %}

{#-
Parts of the fee, in minor units, rounded half away from zero; nothing without a fee above 0 (C4).
-#}
{% macro share_of_fee(fee_minor, parts, scale) -%}
    case
        when {{ fee_minor }} > 0
            then cast(
                {{ rounded_share(fee_minor, parts, '100000000000 * ' ~ wide(scale)) }} as bigint
            )
        else 0
    end
{%- endmacro %}

{#-
A credit in minor units as the amounts of its currency limit it: at most the cap, and below the
minimum either nothing or the minimum, as far as both caps allow (C4). `most_minor` is what cap_pct
allows of the fee, `amounts` the alias of inputs.credit_amounts, left-joined.
-#}
{% macro limited_amount(share_minor, most_minor, amounts, is_minimum_raised) -%}
    {%- set capped %}least({{ share_minor }}, coalesce({{ amounts }}.cap_minor, {{ share_minor }}))
    {%- endset %}
    case
        when {{ capped }} <= 0 or {{ capped }} >= coalesce({{ amounts }}.minimum_minor, 0)
            then {{ capped }}
        when {{ is_minimum_raised }}
            then least(
                {{ amounts }}.minimum_minor, {{ most_minor }},
                coalesce({{ amounts }}.cap_minor, {{ amounts }}.minimum_minor)
            )
        else 0
    end
{%- endmacro %}

{#-
The availability credit of figures (C1, A6). `figures` is a relation with `keys`, the seconds and
commitment of int_month_availability, up_seconds and taken_seconds (downtime), and the terms of
int_month_scenarios; these columns are added: is_below_commitment, tier or steps, and credit, in
parts of credit_scale.
-#}
{% macro availability_credit(figures, keys) -%}
    {%- set of_judged = 'judged.' ~ keys | join(', judged.') -%}
    -- strictly, as a ratio of seconds (A6)
    with compared as (
        select
            *,
            coalesce(
                commitment_pct is not null
                and up_seconds * commitment_denominator < commitment_numerator * base_seconds,
                false
            ) as is_below_commitment,
            coalesce(
                up_seconds * commitment_denominator = commitment_numerator * base_seconds, false
            ) as is_at_commitment
        from {{ figures }}
    ),

    -- whether there is anything to look up: tiers need a commitment that is not met, or met exactly
    -- where the first tier says so; steps and refunds only downtime where there is none (C1)
    judged as (
        select
            *,
            covered_seconds > 0
            and base_seconds > 0
            and case
                when lifecycle <> 'ga' then false
                when credit_form = 'tiers'
                    then is_below_commitment or (is_at_commitment and is_first_tier_inclusive)
                when commitment_pct is null then taken_seconds > 0
                else is_below_commitment
            end as is_due,
            cast(
                case
                    when credit_form = 'refund' then greatest(1, total_seconds)
                    when is_credit_in_days then days
                    else 1
                end as bigint
            ) as credit_scale
        from compared
    ),

    -- the deepest tier that the figure is below, or at where the tier holds at its bound (C1)
    tiered as (
        select
            {{ of_judged }}, max(tiers.tier) as tier, max(tiers.credit_pct) as credit_pct
        from judged
        inner join {{ source('inputs', 'availability_tiers') }} as tiers
            on judged.terms_id = tiers.terms_id
        where
            judged.is_due
            and (
                (tiers.tier = 1 and judged.is_commitment_first_bound)
                or judged.up_seconds * tiers.below_denominator
                < tiers.below_numerator * judged.base_seconds
                or (
                    tiers.is_inclusive
                    and judged.up_seconds * tiers.below_denominator
                    = tiers.below_numerator * judged.base_seconds
                )
            )
        group by {{ of_judged }}
    ),

    -- what a step is counted in, and how much of it there is: points below the commitment, as a
    -- ratio, or seconds of downtime
    measured as (
        select
            *,
            case credit_form
                when 'steps_of_pct'
                    then (
                        {{ wide('commitment_numerator') }} * base_seconds
                        - {{ wide('up_seconds') }} * commitment_denominator
                    ) * step_denominator
                when 'steps_of_downtime' then {{ wide('taken_seconds') }}
            end as amount,
            case credit_form
                when 'steps_of_pct'
                    then {{ wide('commitment_denominator') }} * base_seconds * step_numerator
                when 'steps_of_downtime' then {{ wide('step_s') }}
            end as step
        from judged
        where is_due and credit_form <> 'tiers'
    ),

    counted as (
        select
            *,
            coalesce({{ int_divide(
                'amount + case when is_begun_step_counted then step - 1 else 0 end', 'step'
            ) }}, 0) as steps
        from measured
    ),

    -- steps, each of a percentage or of so many days of the fee, or the fee of the downtime, so
    -- many times (C1)
    otherwise as (
        select
            {{ keys | join(', ') }},
            case when credit_form <> 'refund' then cast(steps as bigint) end as steps,
            {{ billionths('credit_factor') }}
            * case
                when credit_form = 'refund' then 100 * {{ wide('taken_seconds') }}
                when is_credit_in_days then 100 * {{ wide('steps') }}
                else {{ wide('steps') }}
            end as credit
        from counted
    )

    select
        judged.*, tiered.tier, otherwise.steps,
        coalesce(
            otherwise.credit, {{ credit_parts('tiered.credit_pct', 'judged.credit_scale') }}, 0
        ) as credit
    from judged
    {%- for more in ['tiered', 'otherwise'] %}
    left join {{ more }}
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}judged.{{ key }} = {{ more }}.{{ key }}
            {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#-
The bound that a tier of availability reaches up to, in per cent: the first tier's is the higher of
its own and the commitment, unless one document sets both (C1).
-#}
{% macro tier_bound_pct(tiers, is_commitment_first_bound, commitment_pct) -%}
    case
        when {{ tiers }}.tier = 1 and {{ is_commitment_first_bound }}
            then greatest({{ tiers }}.below_pct, {{ commitment_pct }})
        else {{ tiers }}.below_pct
    end
{%- endmacro %}

{#- A percentage as an integer of billionths of a per cent. -#}
{% macro billionths(pct) -%}
    {{ wide('cast(' ~ pct ~ ' as decimal(28, 9)) * 1000000000') }}
{%- endmacro %}

{#- A percentage of six decimals as an integer of millionths of a per cent. -#}
{% macro millionths(pct) -%}
    {{ wide('cast(' ~ pct ~ ' as decimal(28, 6)) * 1000000') }}
{%- endmacro %}

{#- amount × part ÷ whole, rounded to an integer, half up; nothing of it is negative. -#}
{% macro rounded_share(amount, part, whole) -%}
    {{ int_divide(
        '2 * ' ~ wide(amount) ~ ' * (' ~ part ~ ') + (' ~ whole ~ ')', '2 * (' ~ whole ~ ')'
    ) }}
{%- endmacro %}

{#- The columns of credits, and of own_claims, in order. -#}
{% macro credit_columns() -%}
    {{ return([
        'subscription_id', 'customer_id', 'contract_id', 'service_id', 'region', 'period_kind',
        'month', 'last_day', 'currency', 'monthly_fee', 'availability_pct',
        'availability_credit_pct', 'resolution_credit_pct', 'combined_pct', 'combination',
        'credit_pct', 'share_amount', 'credit_amount', 'reasons', 'claim_status', 'claim_deadline',
        'requested_on', 'payable_amount', 'low_coverage', 'statement_version', 'status',
        'exposure', 'days_left', 'is_incomplete', 'incomplete_rows',
    ]) }}
{%- endmacro %}

{#- What a statement says of a credit, in the order of its columns (C7). -#}
{% macro statement_values() -%}
    {{ return([
        'monthly_fee', 'availability_pct', 'availability_credit_pct', 'resolution_credit_pct',
        'combined_pct', 'combination', 'credit_pct', 'credit_amount',
    ]) }}
{%- endmacro %}
