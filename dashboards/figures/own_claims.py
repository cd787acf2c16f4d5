"""Queries for claims of our own, under contracts in which we are the customer (C8)."""

from makegood.dashboards.figures.queries import CREDITS

# all claims, with the same columns beside them as credits have
OWN_CLAIMS = CREDITS.replace("marts.credits as", "marts.own_claims as")

# what can be claimed comes first, the most urgent of it before the others; the rest by the latest
MOST_URGENT = """
    exposure <> 'claimable', case when exposure = 'claimable' then claim_deadline end,
    claim_deadline desc, credit_amount desc, subscription_id
"""

# the exclusions, records and checks behind a claim; its parameters are subscription and month
BEHIND = """
    select s.feed, s.exclusion_id, s.outage_id, s.location, e.kind, s.source_from, s.source_until,
           d.counted_seconds, s.incident_id, s.file, s.line
    from marts.credit_downtime as d
    inner join marts.downtime_sources as s
        using (availability_policy_id, customer_scope, service_id, region, started_at)
    left join (
        select distinct exclusion_id, kind from marts.exclusions
    ) as e on s.exclusion_id = e.exclusion_id
    where d.subscription_id = ? and d.month = ?
    order by s.source_from, s.feed, s.exclusion_id, s.outage_id, s.component_id, s.location
"""
