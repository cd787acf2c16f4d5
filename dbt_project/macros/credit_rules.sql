{#- Facts of credits that several models need, each written once. -#}

{#-
Not both credits for the same event, and at most the cap (C3, C4). `parts` is a relation with
is_shared, availability_credit, availability_unshared, resolution_credit, resolution_unshared and
cap_pct; these columns are added: the two sums to choose from, the combination that was chosen, what
of each credit counts in it, combined_credit, and credit, which is that after the cap.
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
        least(availability_counted + resolution_counted, cap_pct) as credit
    from counted
{%- endmacro %}

{#- A percentage of the fee, in minor units; nothing without a fee above 0 (C4). -#}
{% macro share_of_fee(fee_minor, pct) -%}
    case when {{ fee_minor }} > 0 then {{ percent_of(fee_minor, pct) }} else 0 end
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

{#- amount × part ÷ whole, rounded to an integer, half up; nothing of it is negative. -#}
{% macro rounded_share(amount, part, whole) -%}
    {{ int_divide(
        '2 * ' ~ wide(amount) ~ ' * (' ~ part ~ ') + (' ~ whole ~ ')', '2 * (' ~ whole ~ ')'
    ) }}
{%- endmacro %}

{#- What a statement says of a credit, in the order of its columns (C7). -#}
{% macro statement_values() -%}
    {{ return([
        'monthly_fee', 'availability_pct', 'availability_credit_pct', 'resolution_credit_pct',
        'combined_pct', 'combination', 'credit_pct', 'credit_amount',
    ]) }}
{%- endmacro %}
