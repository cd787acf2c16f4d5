"""Findings: data that has no effect, or an unintended one.

The models `found_…` detect them. This module words them: what each means for which figures, what
to do, the nearest match. The result is `quality.findings`, which the output of a run, `status`, the
feed pages, Data Docs and alerts read. A finding never blocks a run and changes no figure.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from makegood.dashboards.figures.style import counted, money, thousands
from makegood.ingestion.contracts.amendments import amendment_name
from makegood.ingestion.contracts.model import Contract
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import DELETED
from makegood.ingestion.landing.land import FeedSettings
from makegood.ingestion.nearest import Candidates, nearest
from makegood.ingestion.sql import quoted

FINDINGS: dict[str, Any] = {
    "kind": pl.String,
    "severity": pl.String,
    "feed": pl.String,
    "key": pl.String,
    "file": pl.String,
    "line": pl.Int64,
    "seen": pl.String,
    "means": pl.String,
    "action": pl.String,
    "nearest": pl.String,
    "rows": pl.Int64,
}

# waiting rows are a warning from this many rows of a run and this share of its rows of the feed on
FEWEST_WAITING, WAITING_PCT = 10, 5
# kept per kind and feed: the findings with the most rows; the others are counted
MOST_KEPT = 1_000
# amounts without cents are a finding from this many in a file on: a few round fees are normal
FEWEST_WHOLE = 10
# findings of a group that are quoted in its line
_EXAMPLES = 3

Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its title, what it means for which figures, what to do."""

    title: str
    means: str
    action: str


KINDS: dict[str, Kind] = {
    "unknown_reference": Kind(
        "references without a match",
        "These rows wait and are in no figure, nor is what depends on them: their tickets, fees, "
        "checks or requests count as if they had not been delivered.",
        "Deliver the row that they refer to, or the same rows with the id exactly as in that row "
        "(leading zeros, capitals, blanks).",
    ),
    "waits_for_a_waiting_row": Kind(
        "rows that wait for a waiting row",
        "They come in with the rows that they refer to, and are in no figure until then.",
        "Repair what those rows wait for; these then come in by themselves.",
    ),
    "deleted_reference": Kind(
        "deletions that affect other rows",
        "What refers to a deleted row waits: its subscriptions, invoices, tickets and credits are "
        "no longer in the figures.",
        "If the deletion was intended, delete those rows too; if not, deliver the row again "
        "without deleted.",
    ),
    "unknown_severity": Kind(
        "severities that the contract doesn't know",
        "These events are rejected (K1): their tickets keep the earlier severity, or have no "
        "clock, so targets and resolution credits can be wrong.",
        "Map the severities of the export to those of the contract (severity.levels, "
        "request_levels), or add them there.",
    ),
    "received_twice": Kind(
        "tickets received more than once",
        "They are rejected with all their events (K1) and are in no figure.",
        "Deliver one event received for each ticket: delete the others, for example after a merge "
        "of tickets.",
    ),
    "received_twice_and_late": Kind(
        "late tickets that were received more than once",
        "They are rejected with all their events (K1). By their first receipt they missed a "
        "target, which is now in no figure.",
        "Deliver one event received for each ticket: delete the others, for example after a merge "
        "of tickets.",
    ),
    "never_received": Kind(
        "tickets that were never received",
        "They wait with all their events and are in no figure.",
        "Deliver the event received of each.",
    ),
    "changed_span": Kind(
        "spans that change a subscription's customer, service or region",
        "These spans are rejected (E1): the subscription is not covered, and gets no credits.",
        "Use a new id for what was sold again, or correct the span.",
    ),
    "amounts_too_large": Kind(
        "amounts that add up to more than can be published",
        "These lines are left out of fees and credits.",
        "Check the unit of the amounts in the export.",
    ),
    "misnamed_column": Kind(
        "columns under another name",
        "An optional column is empty in the file, and an unknown one looks like it: records may "
        "stay open, invoices may never be due, exclusions may count as unannounced.",
        "Rename the column in the export and deliver the file again.",
    ),
    "region_without_component": Kind(
        "regions in which the service has no component",
        "Such a subscription has no availability and no availability credit; such an exclusion "
        "excludes nothing.",
        "Correct the region, or deliver the components there.",
    ),
    "unlisted_kind": Kind(
        "kinds of exclusion that no contract lists",
        "An exclusion of that kind excludes nothing, and a ticket with it counts like any other.",
        "Use a kind of exclusions.kinds, or add it to the contract.",
    ),
    "unknown_incident": Kind(
        "tickets that name an incident no outage record has",
        "Such a ticket is never the same event as an outage (C3): one event can get both an "
        "availability credit and a resolution credit.",
        "Deliver the outage record with that incident_id, correct the name, or leave it empty so "
        "that time decides.",
    ),
    "unknown_outage": Kind(
        "tickets that name a missing outage record",
        "Such a ticket is never the same event as an outage (C3): one event can get both an "
        "availability credit and a resolution credit.",
        "Deliver the outage record, correct the name, or leave it empty so that time decides.",
    ),
    "amendment_without_party": Kind(
        "amendments for an unknown party",
        "The amendment changes no figure.",
        "Correct customer_id or subscription_id in the contract, or deliver that customer or "
        "subscription.",
    ),
    "claim_without_component": Kind(
        "covered exclusions where the provider has no component",
        "Minutes of such an exclusion are in no claim of our own against the provider (C8).",
        "Deliver a production component of the provider's service in that region, or correct "
        "covers in the contract.",
    ),
    "component_of_another_service": Kind(
        "exclusions whose component belongs to another service or region",
        "The exclusion excludes nothing: its scope is empty.",
        "Correct the component, or leave service_id and region empty.",
    ),
    "open_record": Kind(
        "outages without an end",
        "The record counts as downtime until it is ended (M3): availability falls and credits rise "
        "every day.",
        "Deliver the record again with ended_at, if the outage is over.",
    ),
    "long_record": Kind(
        "outages of unusual length",
        "All of it counts as downtime: availability falls and credits rise accordingly.",
        "Check ended_at of the record; deliver it again if it is wrong.",
    ),
    "record_without_length": Kind(
        "outage records that end when they start",
        "They count for nothing.",
        "Deliver them again with the end, if there was an outage.",
    ),
    "exclusion_without_scope": Kind(
        "exclusions without a scope",
        "They take downtime out of the figures of every service, region and customer whose "
        "contract lists the kind.",
        "Name the service, region, component or customer, unless it applies to everything.",
    ),
    "exclusion_without_end": Kind(
        "exclusions without an end",
        "They exclude downtime until they are ended.",
        "Deliver them again with ends_at, if they are over.",
    ),
    "exclusion_of_a_whole_period": Kind(
        "exclusions of whole periods",
        "Nothing in such a period counts: its commitment is met whatever happened.",
        "Check both ends of the exclusion.",
    ),
    "resolved_before_received": Kind(
        "tickets resolved before they were received",
        "They count as resolved in no time, and are met.",
        "Check the time zone of the export, and which event is mapped to received.",
    ),
    "order_by_id": Kind(
        "outcomes that depend on the order of ids",
        "Events of the same instant are ordered by their ids (K1); in another order the ticket "
        "would have run for longer or shorter.",
        "Deliver the instants with fractions of a second, which decide the order.",
    ),
    "paid_before_issued": Kind(
        "invoices paid before they were issued",
        "Whether the customer was overdue (E2) is judged by these dates.",
        "Check paid_on and issued_on in the export.",
    ),
    "positive_credit": Kind(
        "credit lines that charge",
        "Reconciliation subtracts them from what was credited (C6): it shows too little as issued.",
        "Write credits as negative amounts; a charge is recurring, usage or one_off.",
    ),
    "overlap_of_a_day": Kind(
        "invoice lines that share one day",
        "period_end is inclusive (E3): with an exclusive end each line moves a day's fee into the "
        "following month.",
        "Write the last day that the line covers as period_end.",
    ),
    "refund_as_credit": Kind(
        "refunds mapped as credit",
        "They are not part of the fee, which is too high, and reconciliation counts them as "
        "service credits that are not due (E3, C6).",
        "Map refunds for a change of plan to recurring or usage, with a negative amount; credit is "
        "for service credits only.",
    ),
    "thousands_points": Kind(
        "amounts with exactly three decimals",
        "If the point separates thousands, fees and credits are a thousandth of what they should "
        "be.",
        "Write 1234.56 for one thousand two hundred and thirty-four and 56 hundredths, without any "
        "other point or comma.",
    ),
    "amounts_without_cents": Kind(
        "amounts without cents",
        "If the amounts are in cents, fees and credits are a hundred times what they should be.",
        "Write amounts in units of the currency (example: 1234.56).",
    ),
    "opinions_differ_more": Kind(
        "verdicts of the ticket system that differ more often than before",
        "One of the two may judge by a clock or a target that has changed. Our figures rest on "
        "ours alone.",
        "Look at the reasons on the page Second opinions: events may be missing, or a calendar or "
        "a target was changed on one side only.",
    ),
    "before_the_first_version": Kind(
        "data from before the contract",
        "No contract version applies to it: it is in no figure.",
        "Add a version that starts earlier, if there was an agreement; otherwise nothing has to be "
        "done.",
    ),
    "service_without_figure": Kind(
        "services without a figure",
        "Nothing is known of their availability: they have no row in availability, and their "
        "subscriptions no availability credit.",
        "Deliver their checks or records; a record up of one second states when monitoring began.",
    ),
}


# ---------------------------------------------------------------- what is found


def collected(
    database: Path, work: Path, contracts: Sequence[Contract], settings: dict[str, FeedSettings]
) -> pl.DataFrame:
    """All findings (FINDINGS) by kind and feed, those with the most rows first.

    `database` and `work`: what dbt has built.
    """
    with duckdb.connect(":memory:") as con:
        con.execute(
            f"attach '{quoted(work)}' as work (read_only); "
            f"attach '{quoted(database)}' as makegood (read_only)"
        )
        con.execute("use work.intermediate")
        found = [*_modelled(con), *_of_files(con), *_of_amendments(con, contracts)]
        paths = dict(con.execute("select delivery_id, path from work.landed.deliveries").fetchall())
        severities = _severities(con, settings)
        rows = []
        for row in found:
            kind = KINDS[row["kind"]]
            severity = severities.get((row["kind"], row["feed"]), "warning")
            place = {"file": paths.get(row.get("delivery_id")), "line": row.get("line")}
            words = {"means": kind.means, "action": kind.action, "nearest": row.get("nearest")}
            rows.append(
                {
                    "severity": severity,
                    "rows": row.get("row_count", 1),
                    **place,
                    **words,
                    **{k: row[k] for k in ("kind", "feed", "key", "seen")},
                }
            )
    frame = pl.DataFrame(rows, schema=FINDINGS, orient="row")
    order = list(KINDS)
    return frame.sort(
        pl.col("kind").replace_strict(order, list(range(len(order))), return_dtype=pl.Int64),
        "feed",
        pl.col("rows") * -1,
        "key",
        "file",
        "line",
    )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[Row]:
    cursor = con.execute(sql, list(values))
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _modelled(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """What the models found, with the nearest match of a value that matches nothing."""
    known: dict[tuple[str, str], Candidates] = {}
    referring: dict[tuple[str, str], int] = {}
    for model in (
        "references",
        "judged",
        "names",
        "records",
        "money",
        "time",
        "deletions",
        "opinions",
    ):
        most = (
            "row_number() over (partition by kind, feed order by row_count desc, key) "
            f"<= {MOST_KEPT}"
        )
        for row in _rows(con, f"select * from found_{model} qualify {most}"):
            value, where = row.get("value"), row.get("candidates")
            if value is not None and where is not None:
                about = (row["kind"], where)
                if about not in known:
                    known[about] = Candidates(_candidates(con, *about))
                row["nearest"] = known[about].nearest(value)
            if row["kind"] == "unknown_reference":
                about = (row["feed"], row["column_name"])
                if about not in referring:
                    referring[about] = _referring(con, *about)
                row["seen"] += (
                    f" ({_share(row['row_count'], referring[about])} of the rows that name one)"
                )
            elif row["kind"] == "unknown_severity":
                row["seen"] += (
                    f" ({_share(row['row_count'], row['of_rows'])} of its events that name one)"
                )
            elif row["kind"] == "deleted_reference":
                row["seen"] += _fees(con, row["key"])
            yield row


def _candidates(con: duckdb.DuckDBPyConnection, kind: str, where: str) -> Iterable[str]:
    """The values that could have been meant."""
    if kind == "unknown_severity":
        sql, values = "select severity from work.inputs.severities where contract_id = ?", [where]
    elif where == "regions":
        sql, values = (
            "select distinct region from work.landed.components where region is not null",
            [],
        )
    elif where == "kinds":
        sql, values = (
            "select distinct value from work.inputs.term_lists "
            "where policy_key = 'exclusions.kinds'",
            [],
        )
    elif where == "contracts":
        sql, values = "select contract_id from work.inputs.contracts", []
    else:
        feed, _, column = where.partition(".")
        name = column or feeds()[feed].key[0]
        sql, values = f"select distinct {name} from work.landed.{feed} where {name} is not null", []
    return [value for (value,) in con.execute(sql, values).fetchall()]


def _referring(con: duckdb.DuckDBPyConnection, feed: str, column: str) -> int:
    """How many rows in force of a feed have a value in a column that refers to another."""
    key = feeds()[feed].key
    if not key:
        return int(con.execute(f"select count(*) from work.landed.{feed}").fetchall()[0][0])
    latest = (
        f"row_number() over (partition by {', '.join(key)} "
        "order by _delivery_id desc, _line desc) = 1"
    )
    of_key = f"select {column}, {DELETED} from work.landed.{feed} qualify {latest}"
    return int(
        con.execute(f"select count({column}) from ({of_key}) where not {DELETED}").fetchall()[0][0]
    )


def _share(part: int, whole: int) -> str:
    """A share of rows in whole per cent, never 0 or 100 where it is neither."""
    per_cent = 100 * part // whole
    return f"{counted(part, 'row')}, " + ("under 1 %" if per_cent == 0 else f"{per_cent} %")


def _fees(con: duckdb.DuckDBPyConnection, key: str) -> str:
    rows = con.execute(
        "select currency, minor_digits, amount_minor from found_deleted_fees "
        "where value = ? order by currency",
        [key],
    ).fetchall()
    amounts = [
        money(Decimal(int(minor)).scaleb(-digits), currency) for currency, digits, minor in rows
    ]
    return f"; fees of {' and '.join(amounts)} are no longer in the figures" if amounts else ""


def _of_files(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """Findings about whole files: columns under another name, amounts in another form."""
    digits = dict(
        con.execute("select currency, minor_digits from work.inputs.currencies").fetchall()
    )
    for file in _rows(con, "select * from found_files order by delivery_id"):
        empty, unknown = json.loads(file["empty_columns"]), json.loads(file["unknown_columns"])
        for column in (c for c in feeds()[file["feed"]].columns if c.name in empty):
            name = column.lookalike(unknown)
            if name:
                seen = f"{file['path']} has no value in {column.name}, and an unknown column {name}"
                where = {
                    "feed": file["feed"],
                    "key": column.name,
                    "delivery_id": file["delivery_id"],
                    "line": 1,
                }
                yield {"kind": "misnamed_column", "seen": seen, "nearest": column.name, **where}
        for currency, amounts in json.loads(file["amounts"]).items():
            where = {
                "feed": file["feed"],
                "key": currency,
                "delivery_id": file["delivery_id"],
                "line": amounts["line"],
                "row_count": amounts["amounts"],
            }
            if digits.get(currency) == 2 and amounts["three_decimals"] == amounts["amounts"]:
                seen = (
                    f"every amount in {currency} of {file['path']} has three decimals, "
                    f"though {currency} has two"
                )
                yield {"kind": "thousands_points", "seen": seen, **where}
            if (digits.get(currency) or 0) > 0 and amounts["whole"] == amounts[
                "amounts"
            ] >= FEWEST_WHOLE:
                yield {
                    "kind": "amounts_without_cents",
                    "seen": f"no amount in {currency} of {file['path']} has cents",
                    **where,
                }


def _of_amendments(con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> Iterator[Row]:
    """Amendments for customers and subscriptions that are not in the feeds."""
    for column, feed in (("customer_id", "customers"), ("subscription_id", "subscriptions")):
        there = [
            value
            for (value,) in con.execute(
                f"select distinct {column} from work.staging.stg_{feed}"
            ).fetchall()
        ]
        for contract in contracts:
            for number, amendment in enumerate(contract.amendments or []):
                named = getattr(amendment, column)
                if named is not None and named not in there:
                    seen = (
                        f"{amendment_name(contract, number)} is for {column} {named}, "
                        f"which is not in {feed}"
                    )
                    yield {
                        "kind": "amendment_without_party",
                        "feed": feed,
                        "key": named,
                        "seen": seen,
                        "nearest": nearest(named, there),
                    }


def _severities(
    con: duckdb.DuckDBPyConnection, settings: dict[str, FeedSettings]
) -> dict[tuple[str, str], Literal["warning", "notice"]]:
    """Kinds and feeds that are only a notice, by kind and feed: a few waiting rows, a few rejected
    ones, and what follows from others."""
    found: dict[tuple[str, str], Literal["warning", "notice"]] = {
        ("waits_for_a_waiting_row", name): "notice" for name in feeds()
    }
    landed = """(
                    select feed, run_id, sum(rows_landed) as landed
                    from work.landed.deliveries group by feed, run_id
                ) as landed
                inner join work.landed.deliveries as d
                    on landed.feed = d.feed and landed.run_id = d.run_id"""
    waiting = _rows(
        con,
        f"""select
                feed,
                max(waiting * 100 > landed * {WAITING_PCT} and waiting >= {FEWEST_WAITING})
                    as is_warning
            from (
                select d.feed, d.run_id, count(*) as waiting, max(landed.landed) as landed
                from {landed}
                inner join int_set_aside as s on d.delivery_id = s.delivery_id
                where s.status = 'waiting' group by d.feed, d.run_id
            ) as runs group by feed""",
    )
    for row in waiting:
        for kind in ("unknown_reference", "never_received"):
            found[kind, row["feed"]] = "warning" if row["is_warning"] else "notice"
    judged = _rows(
        con,
        f"""select feed, max(judged) as judged, max(landed) as landed from (
                select d.feed, d.run_id, count(*) as judged, max(landed.landed) as landed
                from {landed}
                inner join int_set_aside as s on d.delivery_id = s.delivery_id
                where s.status = 'rejected' and s.is_judged group by d.feed, d.run_id
            ) as runs group by feed""",
    )
    for row in judged:
        is_warning = row["judged"] * 100 > row["landed"] * settings[row["feed"]].max_rejected_pct
        for kind in ("unknown_severity", "received_twice", "changed_span"):
            found[kind, row["feed"]] = "warning" if is_warning else "notice"
    return found


# ---------------------------------------------------------------- in words


@dataclass(frozen=True)
class Group:
    """The findings of a kind in a feed: how many, with how many rows; the first three in words."""

    kind: str
    feed: str
    severity: str
    findings: int
    rows: int
    examples: tuple[str, ...]

    @property
    def title(self) -> str:
        return KINDS[self.kind].title if self.kind in KINDS else self.kind.replace("_", " ")

    def in_words(self) -> str:
        """One line: `tickets: references that fit nothing, 200 rows: …`."""
        rows = counted(self.rows, "row")
        more = (
            f"; and {thousands(self.findings - len(self.examples))} more"
            if self.findings > len(self.examples)
            else ""
        )
        return f"{self.feed}: {self.title}, {rows}: {'; '.join(self.examples)}{more}"


def grouped(findings: pl.DataFrame) -> list[Group]:
    """The findings by kind and feed, in their order."""
    groups = []
    for (kind, feed, severity), rows in findings.group_by(
        "kind", "feed", "severity", maintain_order=True
    ):
        examples = tuple(_example(row) for row in rows.head(_EXAMPLES).iter_rows(named=True))
        groups.append(
            Group(
                str(kind), str(feed), str(severity), rows.height, int(rows["rows"].sum()), examples
            )
        )
    return groups


def _example(row: Row) -> str:
    place = (
        f" [{row['file']}{':' + str(row['line']) if row['line'] is not None else ''}]"
        if row["file"]
        else ""
    )
    meant = f", nearest is {row['nearest']}" if row["nearest"] else ""
    return f"{row['seen']}{meant}{place}"
