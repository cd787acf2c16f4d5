{#- The small integer that landed checks have for a state of M1, as in `state_code('down')`. -#}
{% macro state_code(state) -%} {{ check_states()[state] }} {%- endmacro %}

{#-
The instant until which the last result of a run of equal ones holds (M1): until the next result of
its component and location, at most stale_after_s. `spans`: the alias of stg_check_spans.
-#}
{% macro held_until(spans, stale_after_s) -%}
    least({{ spans }}.last_s + {{ stale_after_s }}, coalesce({{ spans }}.next_s, {{ never_s() }}))
{%- endmacro %}

{#-
Joins what was observed (states, exclusions) to the scopes of all policies that share it; `scopes`
has observed_as.
-#}
{% macro observed_in(scopes, observed) -%}
    {{ scopes }}.observed_as = {{ observed }}.availability_policy_id
    and {{ scopes }}.customer_scope = {{ observed }}.customer_scope
    and {{ scopes }}.service_id = {{ observed }}.service_id
    and {{ scopes }}.region = {{ observed }}.region
{%- endmacro %}

{#- Whether an exclusion is claimed from a provider in a region that its agreement covers (C8). An
empty field means all (X1). A component is of one region; one outside the service or region that is
written beside it excludes nothing, and is no claim either. The parameters are aliases: of
stg_exclusions, of the exclusion's own component in stg_components, and of inputs.covers. -#}
{% macro is_claimed(exclusions, component, covers) -%}
    coalesce({{ component }}.region, {{ exclusions }}.region, {{ covers }}.region)
    = {{ covers }}.region
    and (
        {{ exclusions }}.component_id is null
        or (
            coalesce({{ exclusions }}.service_id, {{ component }}.service_id)
            = {{ component }}.service_id
            and coalesce({{ exclusions }}.region, {{ component }}.region) = {{ component }}.region
        )
    )
{%- endmacro %}
