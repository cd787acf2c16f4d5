"""What a customer may see of what is published, table by table. What stands not here, no customer sees.

Conditions are SQL over a row and over what is theirs (`OWN`); each is the whole of what decides.
"""

from dataclasses import dataclass

# where the publication is while rows are taken from it
PUBLICATION = "publication"

# what is theirs, each by those above it; `own.customers` holds their ids
OWN = {
    "subscriptions": f"select subscription_id, contract_id, service_id, region from {PUBLICATION}.marts.subscriptions "
    "where customer_id in (select customer_id from own.customers)",
    "places": "select distinct contract_id, service_id, region from own.subscriptions",
    "tickets": f"select ticket_id from {PUBLICATION}.marts.ticket_sla where subscription_id in (select subscription_id from own.subscriptions)",
    # terms name the amendment that set a key: those of others are no business of theirs
    "terms": f"""select terms_id from {PUBLICATION}.marts.credit_steps where subscription_id in (select subscription_id from own.subscriptions)
                 union select terms_id from {PUBLICATION}.marts.ticket_sla where subscription_id in (select subscription_id from own.subscriptions)""",
    # an interval is that of a customer scope: everyone, or one customer with exclusions of its own
    "intervals": f"""select distinct availability_policy_id, customer_scope, service_id, region, started_at from {PUBLICATION}.marts.credit_downtime
                     where subscription_id in (select subscription_id from own.subscriptions)""",
}

# where the rows were landed from: names of internal files
INTERNAL = frozenset({"file", "line", "last_file", "last_line"})


@dataclass(frozen=True)
class Policy:
    """`rows`: which, in words. `condition`: the same in SQL. `without`: columns that stay, and are null."""

    rows: str
    condition: str
    without: frozenset[str] = INTERNAL


_SUBSCRIPTION = Policy(
    "of their subscriptions", "subscription_id in (select subscription_id from own.subscriptions)"
)
_TICKET = Policy("of their tickets", "ticket_id in (select ticket_id from own.tickets)")
_PLACE = Policy(
    "of the services and regions that they have a subscription for, under its contract, whole and for all periods",
    "(contract_id, service_id, region) in (select contract_id, service_id, region from own.places)",
)
_CONTRACT = Policy(
    "of the contracts of their subscriptions", "contract_id in (select contract_id from own.places)"
)
_NONE = Policy("none", "false")

POLICIES = {
    "marts.agreed_terms": Policy(
        "of the terms that their credits and tickets were judged by",
        "terms_id in (select terms_id from own.terms)",
    ),
    "marts.availability": _PLACE,
    # a category's figure is that of its worst region, which may be one that they don't have
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
        "(availability_policy_id, customer_scope, service_id, region, started_at) in (select availability_policy_id, customer_scope, service_id, region, started_at from own.intervals)",
    ),
    "marts.error_budgets": _PLACE,
    # a reason or an id may quote what is somebody else's, as the row that is waited for
    "marts.evidence_gaps": Policy(
        "of their subscriptions and tickets, without what a row says",
        """subscription_id in (select subscription_id from own.subscriptions)
           and (ticket_id is null or ticket_id in (select ticket_id from own.tickets))""",
        INTERNAL | {"rule", "column_name", "reason"},
    ),
    "marts.exclusions": _PLACE,
    "marts.last_seen": _PLACE,
    "marts.maintenance_notice": Policy(
        "whose scope meets one of their services and regions, and no other customer alone",
        """(customer_id is null or customer_id in (select customer_id from own.customers))
           and exists (
               select 1 from own.places as places
               where places.contract_id = listed.contract_id
                   and places.service_id = coalesce(listed.service_id, places.service_id)
                   and places.region = coalesce(listed.region, places.region)
           )""",
    ),
    "marts.open_tickets": _SUBSCRIPTION,
    "marts.resolution_performance": _SUBSCRIPTION,
    "marts.status_page_publication": _TICKET,
    "marts.subscription_spans": _SUBSCRIPTION,
    "marts.subscriptions": _SUBSCRIPTION,
    "marts.ticket_events": _TICKET,
    "marts.ticket_sla": _SUBSCRIPTION,
    # what a scenario is worth over all customers
    "marts.what_if": _NONE,
    # sentences, samples and counts of everyone's rows
    "quality.check_results": _NONE,
    "quality.feed_profiles": _NONE,
    "quality.feed_reconciliation": _NONE,
    "quality.findings": _NONE,
    "quality.monitoring_warnings": _NONE,
    "quality.rejected_rows": _NONE,
    "quality.runs": Policy(
        "the last",
        f"run_number = (select max(run_number) from {PUBLICATION}.quality.runs)",
        frozenset({"seconds", "files_read", "rows_read", "rows_rejected"}),
    ),
    "quality.warnings": _NONE,
    # what was taken back is not in force, and names runs
    "quality.withdrawn_statements": _NONE,
}
