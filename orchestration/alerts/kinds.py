"""Which alerts there are: from the outcome of a run, and from what it published.

An alert states what happened, what it means for which figures, and what to do. It depends on
nothing but its inputs; there is no clock here. How alerts are kept and sent is in `store`.
"""

import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb

from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import coverage_words
from makegood.dashboards.figures.operations import Alert, Kind, Severity
from makegood.dashboards.figures.queries import FIGURES, period, service_and_region
from makegood.dashboards.figures.style import (
    agreed_pct,
    counted,
    duration,
    instant,
    money,
    thousands,
)
from makegood.orchestration.pipeline import findings
from makegood.orchestration.warehouse.publication import Publication

Row = Mapping[str, Any]

# an error can be as long as a log; beyond this it is read in the log
LONGEST = 2000
MOST_REASONS = 10
# of figures, credits and customers; the rest is counted
MOST_SHOWN = 3
# what breaks a line, turns text around or hides it has no place in a message
UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+"
)


@dataclass(frozen=True)
class AlertKind:
    """What all alerts of a kind share.

    `over`: what it means that one has ended. `is_reminded`: receivers are reminded of an open one,
    since something can still be done about it.
    """

    title: str
    over: str
    is_reminded: bool = True


KINDS: dict[Kind, AlertKind] = {
    "run_blocked": AlertKind("run blocked", "A run has published since."),
    "run_failed": AlertKind("run failed", "A run has published since."),
    "feed_stale": AlertKind("feed is stale", "It is delivered again."),
    "monitoring_silent": AlertKind(
        "monitoring is silent",
        "It reports again; what was not seen in between stays unknown until it is delivered.",
    ),
    "feed_unusual": AlertKind("feed is unusual", "It is as usual again."),
    "low_coverage": AlertKind(
        "low coverage",
        "The figure rests on enough evidence now, or is no longer there.",
        is_reminded=False,
    ),
    "credit_over_threshold": AlertKind(
        "credit over threshold",
        "It is no longer over the threshold, or can no longer be claimed.",
        is_reminded=False,
    ),
    "claim_lapsing": AlertKind("claim about to lapse", "It is no longer due."),
    "credit_not_due": AlertKind(
        "credit issued without being due", "What was issued is due now, or was taken back."
    ),
    "credit_incomplete": AlertKind(
        "credit rests on incomplete data",
        "The missing rows have been delivered, or none of it is payable any more.",
    ),
    "data_finding": AlertKind(
        "data without effect, or with an unintended one", "It is no longer found."
    ),
    "state_damaged": AlertKind("state damaged", "It is whole again."),
}
# only a run that publishes ends these; all others follow from what is published
OF_RUNS: frozenset[Kind] = frozenset({"run_blocked", "run_failed", "state_damaged"})


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    `refused`: a contract or a setting kept it from starting. `killed`: ids of earlier runs that
    were killed. `rejected_rows`: path of the rejected rows of a run that published nothing.
    `repaired`: what was damaged in the warehouse, and what was done about it.
    """

    run_id: str
    status: Literal["published", "blocked", "failed", "refused", "rolled back"]
    as_of: datetime
    reasons: tuple[str, ...] = ()
    rejected_rows: str | None = None
    killed: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()


def one_line(text: object) -> str:
    """Text of a feed or an error as one line of plain signs."""
    return UNSHOWN.sub(" ", str(text).encode("utf-8", "replace").decode()).strip()


def _alert(
    kind: Kind,
    subject: str,
    severity: Severity,
    happened: str,
    means: str,
    action: str,
    facts: object = None,
) -> Alert:
    happened, means, action = (
        text if len(text) <= LONGEST else text[:LONGEST] + " …"
        for text in map(one_line, (happened, means, action))
    )
    return Alert(
        kind,
        one_line(subject),
        severity,
        happened,
        means,
        action,
        one_line(happened if facts is None else facts),
    )


# ---------------------------------------------------------------- runs


def of_run(outcome: Outcome, root: Path, published: datetime | None) -> Iterator[Alert]:
    """The alerts of how a run ended. `published`: the `as_of` of what is published."""
    stays = (
        f"Nothing is published: all marts and credits stay as of {instant(published)} UTC."
        if published
        else "No figure is published yet."
    )
    details = f"Details: makegood status --warehouse {shlex.quote(str(root))}"
    # first all that blocks it, then the details, which are indented: an alert is short
    shown = [
        one_line(reason)
        for reason in sorted(outcome.reasons, key=lambda reason: reason.startswith(" "))
    ]
    happened = "; ".join(shown[:MOST_REASONS]) + (
        f"; and {len(shown) - MOST_REASONS} more" if len(shown) > MOST_REASONS else ""
    )
    if outcome.status == "blocked":
        rows = f" (rejected rows: {outcome.rejected_rows})" if outcome.rejected_rows else ""
        action = (
            f"Repair or remove these files{rows}, or raise the feed's limit in feeds.yaml, "
            f"and run again. {details}"
        )
        yield _alert("run_blocked", "the run", "critical", happened, stays, action, sorted(shown))
    if outcome.status == "failed":
        # numbers in an error (a run's id, bytes of memory) differ each time it is the same one
        facts = re.sub(r"\d+", "#", " ".join(shown))
        action = f"Run again; if it fails again, fix what the error names. {details}"
        yield _alert("run_failed", "the run", "critical", happened, stays, action, facts)
    if outcome.status == "refused":
        action = f"Correct the contract or feeds.yaml at these lines, and run again. {details}"
        yield _alert(
            "run_failed",
            "contracts and settings",
            "critical",
            happened,
            stays,
            action,
            sorted(shown),
        )
    if outcome.killed:
        happened = (
            "Killed, or stopped by a lack of memory or a loss of power: "
            f"{', '.join(outcome.killed)}"
        )
        means = (
            "It published nothing; what was published before stayed. "
            "What it had landed is removed and read again."
        )
        action = (
            "Find the reason in the machine's log (out of memory, a restart); "
            "give the run more time or memory. Nothing has to be cleaned up."
        )
        yield _alert("run_failed", "killed", "warning", happened, means, action, outcome.killed)
    if outcome.repaired:
        means = (
            "Readers may have seen a damaged file until this run. No figure was lost: "
            "what was damaged is made again from deliveries and copies, to the byte."
        )
        action = (
            "Find out what damages files: the disk, or another program. "
            f"Details: makegood doctor --warehouse {shlex.quote(str(root))}"
        )
        yield _alert(
            "state_damaged",
            "the warehouse",
            "warning",
            "; ".join(outcome.repaired[:MOST_REASONS]),
            means,
            action,
            sorted(outcome.repaired),
        )


def damaged(name: str, moved_to: str) -> Alert:
    """The alert that a file of the warehouse's own state could not be read."""
    means = (
        "No figure is affected. Open alerts may be sent once more, "
        "and the end of an alert may not be sent."
    )
    action = (
        "Find out which other program writes into the warehouse; "
        f"delete {moved_to} when you no longer need it."
    )
    return _alert(
        "state_damaged",
        name,
        "warning",
        f"{name} could not be read; it was moved to {moved_to} and started again.",
        means,
        action,
    )


# ---------------------------------------------------------------- what is published


def of_publication(
    publication: Publication, root: Path, credit_over: Mapping[str, Decimal], lapsing_days: int
) -> list[Alert]:
    """The alerts that follow from what is published. Raises duckdb.Error."""
    with publication.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        return [
            *filter(
                None,
                (
                    of_check(row)
                    for row in _rows(
                        con, "select * from quality.check_results where not success order by all"
                    )
                ),
            ),
            *_low_coverage(con),
            *_credits_over(con, root, credit_over),
            *_lapsing(lapsing_claims(con, lapsing_days)),
            *_own_lapsing(lapsing_claims(con, lapsing_days, "own_claims"), root),
            *_not_due(con, root),
            *_incomplete(con, root),
            *_findings(con),
        ]


# the alert of each expectation of thresholds.yaml, which has its meaning and action
CHECKS: dict[str, tuple[Kind, Severity]] = {
    "freshness": ("feed_stale", "warning"),
    "silence": ("monitoring_silent", "critical"),
}
UNUSUAL: tuple[Kind, Severity] = ("feed_unusual", "warning")


def of_check(row: Row) -> Alert | None:
    """The alert of a row of `quality.check_results`: a warning by a feed's history, or None."""
    if row["success"] or row["severity"] != "warn" or row["suite"] != "history":
        return None
    name = row["name"]
    kind, severity = CHECKS.get(name, UNUSUAL)
    about = row["subject"] or row["feed"]
    subject = about if about.startswith(row["feed"]) else f"{row['feed']}: {about}"
    # a feed can be unusual in several ways at once; for how long makes no new message
    subject = f"{subject}: {name}" if kind == "feed_unusual" else subject
    return _alert(kind, subject, severity, row["detail"], row["means"], row["action"], facts=name)


def _low_coverage(con: duckdb.DuckDBPyConnection) -> Iterator[Alert]:
    """One alert a contract and period, however many of its figures lack data."""
    rows = [dict(r) for r in _rows(con, FIGURES) if r["low_coverage"]]
    rows.sort(key=lambda r: (r["period_start"], r["period_kind"], r["contract_id"]), reverse=True)
    for (contract, name), group in itertools.groupby(
        rows, key=lambda r: (r["contract_id"], period(r))
    ):
        own = sorted(group, key=lambda r: (r["coverage_pct"], service_and_region(r)))
        figures = counted(len(own), "figure of availability", "figures of availability")
        seen = "; ".join(
            f"{service_and_region(r)}, {coverage_words(r)} known "
            f"and {duration(r['unknown_seconds'])} unknown"
            for r in own[:MOST_SHOWN]
        )
        its = "its" if len(own) == 1 else "their"
        yield _alert(
            "low_coverage",
            f"{contract}, {name}",
            "warning",
            f"{figures} {'has' if len(own) == 1 else 'have'} less data than "
            f"{contract} requires: {seen}{_more(len(own))}.",
            f"For {name} {its} availability, and the credits of {its} subscriptions, rest on too "
            "little evidence to rely on.",
            "Deliver the missing checks, or records of operations for that time; "
            "new statements are issued where figures change.",
            facts=sorted(f"{service_and_region(r)} {r['coverage_pct']:.0f}" for r in own),
        )


def _credits_over(
    con: duckdb.DuckDBPyConnection, root: Path, thresholds: Mapping[str, Decimal]
) -> Iterator[Alert]:
    for currency, threshold in sorted(thresholds.items()):
        rows = _rows(
            con,
            """select * from marts.credits
               where currency = ? and credit_amount > ? and reasons = ''
                 and claim_status in ('accruing', 'claimable', 'requested', 'automatic')
               order by month desc, credit_amount desc, subscription_id""",
            [currency, threshold],
        )
        for r in rows:
            amount, payable = (money(r[k], currency) for k in ("credit_amount", "payable_amount"))
            # the amount of a period in progress grows with each run; it is a message when final
            facts = amount if r["status"] == "final" else r["status"]
            yield _alert(
                "credit_over_threshold",
                _credit(r),
                "warning",
                f"The credit is {amount} ({agreed_pct(r['credit_pct'])} of the fee, "
                f"{r['status']}), over {money(threshold, currency)}.",
                f"{payable} of it is payable now ({r['claim_status']}); "
                f"customer {r['customer_id']}.",
                f"Check the proof before the credit is issued: {_explain(root, r)}",
                facts,
            )


def lapsing_claims(
    con: duckdb.DuckDBPyConnection,
    days: int,
    mart: Literal["credits", "own_claims"] = "credits",
) -> list[Row]:
    """Credits that nobody has requested and that lapse soon (C5): subscription_id, customer_id,
    period_kind (unless an older version published them), month, credit_amount, currency,
    claim_deadline.

    `days`: how many days ahead, from the contract's local date. `mart`: what we owe, or claims of
    our own (C8), of which older versions published none.
    """
    if mart == "own_claims" and not _rows(
        con,
        "select 1 from information_schema.tables "
        "where table_schema = 'marts' and table_name = 'own_claims'",
    ):
        return []
    return _rows(
        con,
        f"""select columns('^(subscription_id|customer_id|period_kind|month|credit_amount)$'),
                  currency, claim_deadline
           from marts.{mart} where exposure = 'claimable' and days_left <= ?
           order by claim_deadline, credit_amount desc, subscription_id""",
        [days],
    )


def _lapsing(claims: list[Row]) -> Iterator[Alert]:
    """One alert a deadline, however many claims lapse on it."""
    for deadline, rows in itertools.groupby(claims, key=lambda claim: claim["claim_deadline"]):
        own = list(rows)
        customers = sorted({one_line(claim["customer_id"]) for claim in own})
        yield _alert(
            "claim_lapsing",
            f"until {deadline}",
            "warning",
            f"{_sums(own, 'credit_amount')} can be requested until {deadline}, and nobody has: "
            f"{_some(own)}.",
            "After that day the credits are waived: payable_amount stays 0 for "
            f"{_listed(customers, 'customer')}.",
            "Tell the customers, or their account managers; a request counts by its day, "
            "once it is delivered in credit_requests.",
            facts=sorted(f"{_credit(claim)} {claim['credit_amount']}" for claim in own),
        )


def _own_lapsing(claims: list[Row], root: Path) -> Iterator[Alert]:
    """The same of claims of our own (C8)."""
    for deadline, rows in itertools.groupby(claims, key=lambda claim: claim["claim_deadline"]):
        own = list(rows)
        yield _alert(
            "claim_lapsing",
            f"of our own, until {deadline}",
            "warning",
            f"{_sums(own, 'credit_amount')} from providers can be claimed until {deadline}, and "
            f"nobody has: {_some(own)}.",
            "After that day the providers owe us nothing for it.",
            f"Claim it, with the evidence of {_explain(root, own[0])}; "
            "deliver the claim in credit_requests.",
            facts=sorted(f"{_credit(claim)} {claim['credit_amount']}" for claim in own),
        )


def _sums(rows: list[Row], amount: str) -> str:
    """How many credits, and how much of each currency."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + row[amount]
    return f"{counted(len(rows), 'credit')}, " + " and ".join(
        money(total, currency) for currency, total in sorted(sums.items())
    )


def _some(rows: list[Row]) -> str:
    """The first three credits, and how many more there are."""
    return "; ".join(_credit(row) for row in rows[:MOST_SHOWN]) + _more(len(rows))


def _more(count: int) -> str:
    return f"; and {thousands(count - MOST_SHOWN)} more" if count > MOST_SHOWN else ""


def _listed(names: list[str], what: str) -> str:
    return (
        f"{what} {names[0]}"
        if len(names) == 1
        else f"{counted(len(names), what)} ({', '.join(names[:MOST_SHOWN])}"
        f"{' …' if len(names) > MOST_SHOWN else ''})"
    )


def _not_due(con: duckdb.DuckDBPyConnection, root: Path) -> Iterator[Alert]:
    rows = _rows(
        con,
        """select r.*, c.* exclude (contract_id)
           from marts.credit_reconciliation as r
           inner join marts.subscriptions as s using (subscription_id)
           inner join marts.contracts as c using (contract_id)
           where list_contains(string_split(flags, ','), 'not_due')
           order by month desc, subscription_id, currency""",
    )
    for r in ({**row, "period_kind": periods.kind_of(row)} for row in rows):
        yield _alert(
            "credit_not_due",
            _credit(r),
            "warning",
            f"{money(r['issued_amount'], r['currency'])} was credited on invoices, "
            "although nothing is due.",
            f"The invoices of {periods.credited(r)} give more than the contract provides for; "
            f"credit_reconciliation flags it as {r['flags']}.",
            f"Reverse it, or find what is missing (a request, an outage): {_explain(root, r)}",
        )


def _incomplete(con: duckdb.DuckDBPyConnection, root: Path) -> Iterator[Alert]:
    """Payable credits that lack rejected or waiting rows: one alert a period."""
    rows = _rows(
        con,
        """select * from marts.credits where is_incomplete and payable_amount > 0
           order by month desc, currency, payable_amount desc, subscription_id""",
    )
    rows.sort(key=periods.credited, reverse=True)
    for name, group in itertools.groupby(rows, key=periods.credited):
        own = list(group)
        yield _alert(
            "credit_incomplete",
            name,
            "warning",
            f"{_sums(own, 'payable_amount')} payable, with rejected or waiting rows missing: "
            f"{_some(own)}.",
            "With those rows, the credits may be different, or there may be none; "
            "marts.evidence_gaps lists the rows with file and line.",
            "Correct those rows before anything is paid. "
            f"The proof of the first: {_explain(root, own[0])}",
            facts=sorted(f"{_credit(r)} {r['payable_amount']} {r['incomplete_rows']}" for r in own),
        )


def _findings(con: duckdb.DuckDBPyConnection) -> Iterator[Alert]:
    """One alert a kind and feed."""
    found = (
        con.sql("select * from quality.findings where severity = 'warning'")
        .pl()
        .cast(findings.FINDINGS)
    )
    for group in findings.grouped(found):
        kind = findings.KINDS[group.kind]
        facts = f"{group.findings} {group.rows} {group.examples}"
        yield _alert(
            "data_finding",
            f"{group.feed}: {group.title}",
            "warning",
            group.in_words(),
            kind.means,
            kind.action,
            facts,
        )


def _credit(r: Row) -> str:
    """A credit as a subject: the key of its mart."""
    return f"{r['subscription_id']}, {periods.credited(r)}, {r['currency']}"


def _explain(root: Path, r: Row) -> str:
    """The command, to be copied into a shell: ids come from feeds."""
    return (
        f"makegood explain --warehouse {shlex.quote(str(root))} "
        f"--subscription {shlex.quote(one_line(r['subscription_id']))} --month {r['month']:%Y-%m}"
    )


def endings(publication: Publication, ended: Iterable[Alert]) -> dict[tuple[Kind, str], str]:
    """How claims that no longer lapse have ended, if the credits show it: requested or waived.

    By the key of the alert. Raises duckdb.Error.
    """
    keys = {alert.key for alert in ended if alert.kind == "claim_lapsing"}
    if not keys:
        return {}
    with publication.connect() as con:
        rows = _rows(
            con,
            """select claim_deadline,
                      count(*) filter (where claim_status = 'requested') as requested,
                      count(*) filter (where claim_status in ('late', 'waived')) as waived
               from marts.credits
               where currency is not null and credit_amount > 0 and reasons = ''
               group by claim_deadline""",
        )
    found: dict[tuple[Kind, str], str] = {}
    for r in rows:
        key: tuple[Kind, str] = ("claim_lapsing", f"until {r['claim_deadline']}")
        if key in keys and (r["requested"] or r["waived"]):
            found[key] = (
                f"Of the credits with that deadline {r['requested']} were requested "
                f"and {r['waived']} are waived."
            )
    return found


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> list[Row]:
    cursor = con.execute(sql, values or [])
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
