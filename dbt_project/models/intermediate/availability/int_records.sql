-- exclusions that an agreement of ours with a provider covers, for each production component of the
-- provider in the region (C8)
with covered as (
    select
        exclusions.*, components.component_id as provider_component_id
    from {{ ref('stg_exclusions') }} as exclusions
    inner join {{ source('inputs', 'covers') }} as covers on exclusions.kind = covers.kind
    inner join {{ ref('stg_services') }} as services on covers.contract_id = services.contract_id
    inner join {{ ref('stg_components') }} as components
        on
            services.service_id = components.service_id
            and covers.region = components.region
            and components.environment = 'production'
    left join {{ ref('stg_components') }} as scope on exclusions.component_id = scope.component_id
    where {{ is_claimed('exclusions', 'scope', 'covers') }}
),

-- an exclusion belongs to the incident of the record of ours, in its scope, that it overlaps the
-- longest; of equals the first
overlapping as (
    select
        exclusions.exclusion_id, outages.incident_id,
        row_number() over (
            partition by exclusions.exclusion_id
            order by
                least(outages.ended_at_s, exclusions.ends_at_s)
                - greatest(outages.started_at_s, exclusions.starts_at_s) desc,
                outages.started_at_s asc, outages.outage_id asc
        ) as sequence
    from (
        select distinct
            exclusion_id, service_id, region, component_id, starts_at_s, ends_at_s
        from covered
    ) as exclusions
    inner join {{ ref('stg_outages') }} as outages
        on
            outages.started_at_s < exclusions.ends_at_s
            and outages.ended_at_s > exclusions.starts_at_s
    inner join {{ ref('stg_components') }} as components
        on outages.component_id = components.component_id
    inner join {{ ref('stg_services') }} as services
        on components.service_id = services.service_id
    inner join {{ source('inputs', 'contracts') }} as contracts
        on services.contract_id = contracts.contract_id
    where
        contracts.party = 'provider'
        and outages.state <> 'up'
        and outages.incident_id is not null
        and coalesce(exclusions.component_id, components.component_id) = components.component_id
        and coalesce(exclusions.service_id, components.service_id) = components.service_id
        and coalesce(exclusions.region, components.region) = components.region
)

select
    outage_id, cast(null as string) as exclusion_id, component_id, state, started_at_s, ended_at_s,
    incident_id, _delivery_id, _line
from {{ ref('stg_outages') }}
union all
select
    cast(null as string) as outage_id, covered.exclusion_id,
    covered.provider_component_id as component_id, 'down' as state,
    covered.starts_at_s as started_at_s, covered.ends_at_s as ended_at_s, overlapping.incident_id,
    covered._delivery_id, covered._line
from covered
left join overlapping
    on covered.exclusion_id = overlapping.exclusion_id and overlapping.sequence = 1
