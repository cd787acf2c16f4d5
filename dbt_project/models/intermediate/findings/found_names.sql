with listed as (
    select distinct value as kind
    from {{ source('inputs', 'term_lists') }}
    where policy_key = 'exclusions.kinds'
),

service_regions as (select distinct service_id, region from {{ ref('stg_components') }}),

subscribed as (
    select
        spans.service_id, spans.region, min(spans.subscription_id) as key,
        min(spans._delivery_id) as delivery_id,
        min(spans._line) as line, count(distinct spans.subscription_id) as row_count
    from {{ ref('stg_subscriptions') }} as spans
    left join service_regions
        on spans.service_id = service_regions.service_id and spans.region = service_regions.region
    where service_regions.region is null
    group by spans.service_id, spans.region
)

select
    'region_without_component' as kind, 'subscriptions' as feed, key, delivery_id, line,
    service_id || ' has no component in region ' || region as seen, region as value,
    'regions' as candidates, row_count
from subscribed
union all
select
    'region_without_component' as kind, 'exclusions' as feed, exclusions.exclusion_id as key,
    exclusions._delivery_id as delivery_id,
    exclusions._line as line,
    coalesce(exclusions.service_id || ' has', 'services have')
    || ' no component in region ' || exclusions.region as seen,
    exclusions.region as value, 'regions' as candidates, 1 as row_count
from {{ ref('stg_exclusions') }} as exclusions
where
    exclusions.region is not null
    and not exists (
        select 1
        from service_regions
        where
            service_regions.region = exclusions.region
            and (
                exclusions.service_id is null
                or exclusions.service_id = service_regions.service_id
            )
    )
union all
select
    'unlisted_kind' as kind, 'exclusions' as feed, exclusions.exclusion_id as key,
    exclusions._delivery_id as delivery_id,
    exclusions._line as line, 'the kind ' || exclusions.kind || ' is listed by no contract' as seen,
    exclusions.kind as value,
    'kinds' as candidates, 1 as row_count
from {{ ref('stg_exclusions') }} as exclusions
left join listed on exclusions.kind = listed.kind
where listed.kind is null
union all
select
    'unlisted_kind' as kind, 'tickets' as feed, tickets.ticket_id as key,
    tickets._delivery_id as delivery_id, tickets._line as line,
    'the exclusion_kind ' || tickets.exclusion_kind || ' is listed by no contract' as seen,
    tickets.exclusion_kind as value,
    'kinds' as candidates, 1 as row_count
from {{ ref('stg_tickets') }} as tickets
left join listed on tickets.exclusion_kind = listed.kind
where tickets.exclusion_kind is not null and listed.kind is null
union all
{%- for column in ['incident_id', 'outage_id'] %}
select
    'unknown_{{ column | replace('_id', '') }}' as kind, 'tickets' as feed,
    tickets.ticket_id as key, tickets._delivery_id as delivery_id,
    tickets._line as line,
    '{{ column }} ' || tickets.{{ column }} || ' is in no outage record' as seen,
    tickets.{{ column }} as value,
    'outages.{{ column }}' as candidates, 1 as row_count
from {{ ref('stg_tickets') }} as tickets
where
    tickets.{{ column }} is not null
    and not exists (
        select 1
        from {{ ref('stg_outages') }} as outages
        where outages.{{ column }} = tickets.{{ column }}
    )
union all
{%- endfor %}
select
    'component_of_another_service' as kind, 'exclusions' as feed, exclusions.exclusion_id as key,
    exclusions._delivery_id as delivery_id,
    exclusions._line as line,
    'component ' || exclusions.component_id || ' belongs to ' || components.service_id
    || ' in ' || components.region
    || ', not to ' || coalesce(exclusions.service_id, components.service_id)
    || ' in ' || coalesce(exclusions.region, components.region) as seen,
    cast(null as string) as value, cast(null as string) as candidates, 1 as row_count
from {{ ref('stg_exclusions') }} as exclusions
inner join {{ ref('stg_components') }} as components
    on exclusions.component_id = components.component_id
where exclusions.service_id <> components.service_id or exclusions.region <> components.region
union all
-- of an agreement in which we are the customer (C8)
select
    'claim_without_component' as kind, 'exclusions' as feed, exclusions.exclusion_id as key,
    exclusions._delivery_id as delivery_id, exclusions._line as line,
    exclusions.exclusion_id || ' (' || exclusions.kind || ') is covered by ' || covers.contract_id
    || ' in ' || covers.region || ', where no service under it has a production component' as seen,
    cast(null as string) as value, cast(null as string) as candidates, 1 as row_count
from {{ ref('stg_exclusions') }} as exclusions
inner join {{ source('inputs', 'covers') }} as covers on exclusions.kind = covers.kind
left join {{ ref('stg_components') }} as scope on exclusions.component_id = scope.component_id
where
    {{ is_claimed('exclusions', 'scope', 'covers') }}
    and not exists (
        select 1
        from {{ ref('stg_components') }} as components
        inner join {{ ref('stg_services') }} as services
            on components.service_id = services.service_id
        where
            services.contract_id = covers.contract_id
            and components.region = covers.region
            and components.environment = 'production'
    )
