{#- Schemas are named as they are configured, without the target's prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}

{#- Only DuckDB has the two databases: one that is thrown away, one that is published. -#}
{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {{ (custom_database_name or target.database) if target.type == 'duckdb' else target.database }}
{%- endmacro %}
