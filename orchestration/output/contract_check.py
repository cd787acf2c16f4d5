"""The findings of `makegood contracts --check`: what can be read in two ways, contradicts itself or
has no effect, and, with a warehouse, what each scenario would have cost on its history and which
terms no feed of it can trigger."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb

from makegood.dashboards.figures.style import money
from makegood.ingestion.contracts.lint import Finding, across, findings
from makegood.ingestion.contracts.model import Contract, Terms
from makegood.ingestion.contracts.scenarios import has_credits
from makegood.ingestion.contracts.tables import as_text
from makegood.ingestion.strict_yaml import Document, Location
from makegood.orchestration.pipeline.backtest import replayed
from makegood.orchestration.pipeline.run import BadArguments, Progress
from makegood.orchestration.settings import Limits
from makegood.orchestration.warehouse.publication import Publication
from makegood.orchestration.warehouse.store import Warehouse

# (contract, key, value as it is written) -> currency -> what it adds to credits and to payable ones
Prices = dict[tuple[str, str, str], dict[str, tuple[Decimal, Decimal]]]
# (feed, column) -> the values that were ever delivered; (contract, product_category) as well
Seen = dict[tuple[str, str], set[str]]

# a list among the terms -> the feed's column that has to hold one of its values
_COLUMNS = {
    "exclusions.kinds": (("exclusions", "kind"), ("tickets", "exclusion_kind")),
    "credits.support_plans": (("subscriptions", "support_plan"),),
    "credits.fee_kinds": (("invoice_lines", "line_kind"),),
    "tickets.kinds": (("subscriptions", "kind"),),
    "tickets.statuses": (("subscriptions", "status"),),
    "tickets.environments": (("tickets", "environment"),),
    "severity.levels": (("ticket_events", "severity"),),
    "severity.request_levels": (("ticket_events", "severity"),),
}


def scenarios(contract: Contract) -> list[tuple[str, object]]:
    """The scenarios of a contract's findings, as scenarios of `what_if`."""
    found = {as_text([r.key, r.value]): r for f in findings(contract) for r in f.scenarios}
    return [(scenario.key, scenario.value) for scenario in found.values()]


def on_history(
    documents: list[tuple[Document, Contract]],
    warehouse: Path,
    limits: Limits,
    progress: Progress,
) -> list[str]:
    """All findings, on a warehouse: those of `shown` with their prices, then terms that nothing
    triggers. Raises BadArguments where nothing is published, and what a backtest does."""
    store = Warehouse(warehouse)
    store.check_layout()
    publication = store.current()
    if publication is None:
        raise BadArguments(f"{warehouse} has nothing published: run `makegood run` first")
    seen = _seen(store, publication)
    judged = [c for _, c in documents if c.contract_id in seen["services", "contract_id"]]
    priced: Prices = {}
    if judged:
        with replayed(warehouse, judged, limits, progress, scenarios) as database:
            priced = prices(database)
    return [*shown(documents, priced), *without_effect(documents, seen)]


def prices(database: Path) -> Prices:
    """What each scenario adds over all of its months, from the mart what_if of a database."""
    found: Prices = defaultdict(dict)
    with duckdb.connect(str(database), read_only=True) as con:
        for contract, key, value, currency, credit, payable in con.execute(
            "select contract_id, policy_key, value, currency, sum(credit_difference), "
            "sum(payable_difference) from marts.what_if group by all order by currency"
        ).fetchall():
            found[contract, key, value][currency] = credit, payable
    return found


def shown(
    documents: list[tuple[Document, Contract]], priced: Prices | None = None
) -> Iterator[str]:
    """A line for each finding: `file:line: where: what`, with prices where there are any."""
    together = list(across([contract for _, contract in documents]))
    for document, contract in documents:
        for contract_id, found in together:
            if contract_id == contract.contract_id:
                yield document.finding(found.where, found.what)
        for found in findings(contract):
            cost = ""
            if priced is not None and has_credits(contract):
                cost = _cost(contract.contract_id, found, priced)
            yield document.finding(found.where, found.what + cost)


def _cost(contract_id: str, found: Finding, priced: Prices) -> str:
    """What each scenario of a finding adds, in brackets; nothing of a contract that the warehouse
    doesn't have."""
    parts = []
    for scenario in found.scenarios:
        value = as_text(scenario.value)
        by_currency = priced.get((contract_id, scenario.key, value))
        if by_currency is not None:
            parts.append(_price(value, by_currency))
    return f" [{'; '.join(parts)}]" if parts else ""


def _price(value: str, by_currency: dict[str, tuple[Decimal, Decimal]]) -> str:
    if len(value) > 40:
        value = "the other scenario"
    changed = [
        f"{_signed(credit, currency)} ({_signed(payable, currency)} payable)"
        for currency, (credit, payable) in by_currency.items()
        if credit or payable
    ]
    return f"{value}: {', '.join(changed) or 'no difference so far'}"


def _signed(amount: Decimal, currency: str) -> str:
    return ("+" if amount >= 0 else "") + money(amount, currency)


def without_effect(documents: list[tuple[Document, Contract]], seen: Seen) -> Iterator[str]:
    """A line for each term that no delivered row can trigger."""
    for document, contract in documents:
        if contract.contract_id not in seen["services", "contract_id"]:
            what = "no service of this warehouse is under this contract: nothing of it has effect"
            yield document.finding(("contract_id",), what)
            continue
        for where, what in _uncovered(contract, seen):
            yield document.finding(where, what)
        for number, version in enumerate(contract.versions):
            terms = Terms.model_validate(version.terms)
            for where, what in _unseen(terms, contract.contract_id, seen):
                yield document.finding(("versions", number, "terms", *where), what)


def _uncovered(contract: Contract, seen: Seen) -> Iterator[tuple[Location, str]]:
    """Kinds and regions of `covers` that no feed names (C8)."""
    for kind, regions in contract.covers.items():
        if kind not in seen["exclusions", "kind"]:
            yield ("covers", kind), "without effect so far: no exclusion is of this kind"
        unseen = [region for region in regions if region not in seen["components", "region"]]
        if unseen:
            yield (
                ("covers", kind),
                f"without effect so far, in no row of components.region: {', '.join(unseen)}",
            )


def _unseen(terms: Terms, contract_id: str, seen: Seen) -> Iterator[tuple[Location, str]]:
    for key, columns in _COLUMNS.items():
        group, name = key.split(".")
        part = getattr(terms, group)
        values = getattr(part, name) if part else []
        unseen = [v for v in values if not any(v in seen[column] for column in columns)]
        if unseen:
            where = " or ".join(f"{feed}.{column}" for feed, column in columns)
            yield (group, name), f"without effect so far, in no row of {where}: {', '.join(unseen)}"
    commitment = terms.availability.commitment_pct
    for category in commitment if isinstance(commitment, dict) else []:
        if category not in seen[contract_id, "product_category"]:
            yield (
                ("availability", "commitment_pct", category),
                "without effect so far: no service under this contract has this product_category",
            )
    if (
        terms.tickets.due_dates == "override"
        and not seen["tickets", "resolution_due_at"] | (seen["tickets", "response_due_at"])
    ):
        yield ("tickets", "due_dates"), "without effect so far: no ticket has a due date"
    for name in ("cap_amount", "minimum_amount") if terms.credits else ():
        for code in getattr(terms.credits, name):
            if code not in seen["invoice_lines", "currency"]:
                yield (
                    ("credits", name, code),
                    f"without effect so far: no invoice line is in {code}",
                )


def _seen(store: Warehouse, publication: Publication) -> Seen:
    """The values of each column that terms name, over all that was ever delivered; for each
    contract the product categories of its services."""
    wanted = {column for columns in _COLUMNS.values() for column in columns}
    wanted |= {("services", "contract_id"), ("invoice_lines", "currency")}
    wanted |= {("tickets", "response_due_at_s"), ("tickets", "resolution_due_at_s")}
    wanted |= {("components", "region")}
    landed = publication.landed()
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    with duckdb.connect() as con:
        for feed, column in wanted:
            paths = [str(store.landed / p) for p in landed.paths("rows", feed)]
            if paths:
                rows = con.execute(
                    f"select distinct cast({column} as varchar) from read_parquet($1) "
                    f"where {column} is not null limit 10000",
                    [paths],
                ).fetchall()
                found[feed, column.removesuffix("_s")] |= {value for (value,) in rows}
        if paths := [str(store.landed / p) for p in landed.paths("rows", "services")]:
            for contract, category in con.execute(
                "select distinct contract_id, product_category from read_parquet($1) "
                "where product_category is not null",
                [paths],
            ).fetchall():
                found[contract, "product_category"].add(category)
    return found
