"""What a customer may see of a publication, table by table.

Tables not listed here are hidden from customers. A condition is SQL over a row of the table and the
customer's own ids (`OWN`), and it alone decides.
"""

from dataclasses import dataclass

# the name of the publication while rows are copied from it
PUBLICATION = "publication"

# the customer's own ids, each from those above; `own.customers` holds the ids of the customers
OWN = {
    "subscriptions": f"""
        select subscription_id, contract_id, service_id, region
        from {PUBLICATION}.marts.subscriptions
        where customer_id in (select customer_id from own.customers)""",
    "places": "select distinct contract_id, service_id, region from own.subscriptions",
    "tickets": f"""
        select ticket_id from {PUBLICATION}.marts.ticket_sla
        where subscription_id in (select subscription_id from own.subscriptions)""",
    # terms name the amendment that set a key, which may be another customer's
    "terms": f"""
        select terms_id from {PUBLICATION}.marts.credit_steps
        where subscription_id in (select subscription_id from own.subscriptions)
        union select terms_id from {PUBLICATION}.marts.ticket_sla
        where subscription_id in (select subscription_id from own.subscriptions)""",
    # an interval belongs to a customer scope: everyone, or one customer with its own exclusions
    "intervals": f"""
        select distinct availability_policy_id, customer_scope, service_id, region, started_at
        from {PUBLICATION}.marts.credit_downtime
        where subscription_id in (select subscription_id from own.subscriptions)""",
}

# the source of a row: names of internal files
INTERNAL = frozenset({"file", "line", "last_file", "last_line"})


@dataclass(frozen=True)
class Policy:
    """`rows`: the visible rows, in words; `condition`: the same in SQL; `without`: columns that are
    null."""

    rows: str
    condition: str
    without: frozenset[str] = INTERNAL


_SUBSCRIPTION = Policy(
    "of their subscriptions", "subscription_id in (select subscription_id from own.subscriptions)"
)
_TICKET = Policy("of their tickets", "ticket_id in (select ticket_id from own.tickets)")
_PLACE = Policy(
    "of the services and regions of their subscriptions, under the subscription's contract, "
    "for all periods",
    "(contract_id, service_id, region) in (select contract_id, service_id, region from own.places)",
)
_CONTRACT = Policy(
    "of the contracts of their subscriptions", "contract_id in (select contract_id from own.places)"
)
_NONE = Policy("none", "false")

POLICIES = {
    "marts.agreed_terms": Policy(
        "of the terms by which their credits and tickets were judged",
        "terms_id in (select terms_id from own.terms)",
    ),
    # how many tickets others had is not for them
    "marts.attainment": Policy(
        f"{_PLACE.rows}, without counts",
        _PLACE.condition,
        INTERNAL | {"met", "missed", "pending", "average_delay_pct"},
    ),
    "marts.availability": _PLACE,
    # a category's figure is that of its worst region, for which they may have no subscription
    "marts.availability_by_category": _NONE,
    "marts.configuration_hours": _SUBSCRIPTION,
    "marts.contract_terms": _CONTRACT,
    "marts.contracts": _CONTRACT,
    "marts.coverage_gaps": _PLACE,
    "marts.credit_attribution": _SUBSCRIPTION,
    "marts.credit_claims": _SUBSCRIPTION,
    "marts.credit_downtime": _SUBSCRIPTION,
    "marts.credit_exclusions": _SUBSCRIPTION,
    "marts.credit_fee_lines": _SUBSCRIPTION,
    "marts.credit_headroom": _SUBSCRIPTION,
    "marts.credit_issued_lines": _SUBSCRIPTION,
    "marts.credit_overdue_invoices": _SUBSCRIPTION,
    "marts.credit_reconciliation": _SUBSCRIPTION,
    "marts.credit_spans": _SUBSCRIPTION,
    "marts.credit_statements": _SUBSCRIPTION,
    "marts.credit_steps": _SUBSCRIPTION,
    "marts.credit_tickets": _SUBSCRIPTION,
    "marts.credits": _SUBSCRIPTION,
    "marts.downtime": _PLACE,
    "marts.downtime_by_period": _PLACE,
    "marts.downtime_sources": Policy(
        "behind the downtime intervals of their credits",
        """(availability_policy_id, customer_scope, service_id, region, started_at) in (
               select availability_policy_id, customer_scope, service_id, region, started_at
               from own.intervals
           )""",
    ),
    "marts.error_budgets": _PLACE,
    # a reason may quote another customer's data, such as the row that is waited for
    "marts.evidence_gaps": Policy(
        "of their subscriptions and tickets, without the reason and the source",
        """subscription_id in (select subscription_id from own.subscriptions)
           and (ticket_id is null or ticket_id in (select ticket_id from own.tickets))""",
        INTERNAL | {"rule", "column_name", "reason"},
    ),
    "marts.exclusions": _PLACE,
    # what customers cost and providers owe
    "marts.incident_balance": _NONE,
    "marts.last_seen": _PLACE,
    "marts.maintenance_notice": Policy(
        "whose scope includes one of their services and regions, and is not another customer alone",
        """(customer_id is null or customer_id in (select customer_id from own.customers))
           and exists (
               select 1 from own.places as places
               where places.contract_id = listed.contract_id
                   and places.service_id = coalesce(listed.service_id, places.service_id)
                   and places.region = coalesce(listed.region, places.region)
           )""",
    ),
    "marts.open_tickets": _SUBSCRIPTION,
    "marts.own_claims": _NONE,
    "marts.resolution_performance": _SUBSCRIPTION,
    # what the ticket system says is for us to compare
    "marts.second_opinion_months": _NONE,
    "marts.second_opinion_variants": _NONE,
    "marts.second_opinions": _NONE,
    "marts.status_page_publication": _TICKET,
    "marts.subscription_spans": _SUBSCRIPTION,
    "marts.subscriptions": _SUBSCRIPTION,
    # of one ticket they are the times of that ticket, which may be another customer's
    "marts.support_times": _NONE,
    "marts.ticket_events": _TICKET,
    "marts.ticket_sla": _SUBSCRIPTION,
    # totals over all customers
    "marts.what_if": _NONE,
    # sentences, samples and counts about all customers' rows
    "quality.check_results": _NONE,
    "quality.feed_profiles": _NONE,
    "quality.feed_reconciliation": _NONE,
    "quality.findings": _NONE,
    "quality.monitoring_warnings": _NONE,
    "quality.rejected_rows": _NONE,
    "quality.runs": Policy(
        "the latest",
        f"run_number = (select max(run_number) from {PUBLICATION}.quality.runs)",
        frozenset({"seconds", "files_read", "rows_read", "rows_rejected"}),
    ),
    "quality.warnings": _NONE,
    # withdrawn statements are not in force, and name internal runs
    "quality.withdrawn_statements": _NONE,
}
