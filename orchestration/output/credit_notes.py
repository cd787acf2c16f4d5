"""What `makegood credit-notes` does and shows: batches of credit notes for a month."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.exports import credit_notes as exports
from makegood.dashboards.figures import credit_notes as notes
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.credit_notes import Batch, Credit, Line, Proposal
from makegood.dashboards.figures.style import counted, decimals, money, timestamp
from makegood.dashboards.figures.totals import totals
from makegood.ingestion.files import write_whole
from makegood.orchestration.output.explain import publication, published
from makegood.orchestration.output.tables import table
from makegood.orchestration.warehouse import credit_notes as store


class Refused(ValueError):
    """No batch can be made or written as it was asked for; the message says why."""


@dataclass(frozen=True)
class Asked:
    """What is asked for. `month`: its first day; `limits`: by currency; `approved`: subscriptions
    whose credits are issued also where they need approval."""

    warehouse: Path
    month: date
    limits: Mapping[str, Decimal]
    approved: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Planned:
    """A batch that is not kept yet, and what is left out of it: `held_back` needs approval."""

    batch: Batch
    held_back: list[Credit]
    proposal: Proposal


def plan(asked: Asked) -> Planned:
    """What the next batch would hold; nothing is kept. Raises NotFound, Unsound, Refused."""
    return _planned(asked, store.sound(asked.warehouse))


def make(asked: Asked) -> Planned:
    """Makes the next batch and keeps it. Raises NotFound, Busy, Unsound, Refused."""
    # nothing is written into a folder that is no warehouse
    publication(asked.warehouse)
    with store.locked(asked.warehouse) as batches:
        planned = _planned(asked, batches)
        store.keep(asked.warehouse, planned.batch, batches)
    return planned


def again(warehouse: Path, month: date, number: int | None = None) -> Batch:
    """The last batch of a month, or that of a number. Raises Unsound, Refused."""
    made = [batch for batch in store.sound(warehouse) if batch.month == month]
    found = [batch for batch in made if number in (None, batch.number)]
    if not found:
        there = ", ".join(str(batch.number) for batch in made) or "none"
        name = f"batch {number}" if number else "batch"
        raise Refused(f"there is no {name} of {month:%Y-%m} to write again; there: {there}")
    return found[-1]


def close(warehouse: Path, month: date, line_ids: Sequence[str]) -> list[str]:
    """Closes lines that wait for an invoice: they don't count as in batches any more. Returns what
    was done, a line each. Raises NotFound, Busy, Unsound, Refused."""
    publication(warehouse)
    with store.locked(warehouse) as batches, published(warehouse) as reader:
        waiting = {w.line.line_id: w.line for w in notes.proposed(reader, month, batches).waiting}
        for line_id in line_ids:
            if line_id not in waiting:
                raise Refused(
                    f"--close {line_id}: no line of that id is in a batch of {month:%Y-%m} and "
                    "waits for an invoice"
                )
        store.close(warehouse, line_ids)
    closed = (waiting[line_id] for line_id in dict.fromkeys(line_ids))
    return [
        f"closed {line.line_id}: {money(line.amount, line.currency)} for {line.subscription_id} "
        f"{line.period} are not in a batch any more"
        for line in closed
    ]


def _planned(asked: Asked, batches: list[Batch]) -> Planned:
    with published(asked.warehouse) as reader:
        ids = reader.rows("select line_id from marts.credit_issued_lines")
        store.refuse(notes.not_kept((row["line_id"] for row in ids), batches))
        proposal = notes.proposed(reader, asked.month, batches)
        if not proposal.is_over:
            raise Refused(_not_over(reader, proposal))
        why = {credit.key: reasons(asked, credit) for credit in proposal.credits}
        unknown = asked.approved - {c.subscription_id for c in proposal.credits if why[c.key]}
        if unknown:
            raise Refused(
                f"--approve {min(unknown)}: that subscription has no credit that needs approval"
            )
        held_back: list[Credit] = []
        chosen: list[Credit] = []
        for credit in proposal.credits:
            is_held = why[credit.key] and credit.subscription_id not in asked.approved
            (held_back if is_held else chosen).append(credit)
        if not chosen:
            raise Refused("\n".join(_nothing_new(asked, proposal, held_back, batches)))
        number = notes.next_number(batches)
        batch = Batch(
            number=number,
            month=asked.month,
            made_at=datetime.now(UTC).replace(microsecond=0),
            run_id=reader.database.parent.name,
            as_of=reader.as_of,
            limits=dict(sorted(asked.limits.items())),
            lines=[
                Line(
                    **credit.model_dump(),
                    line_id=notes.line_id(number, place),
                    approved=why[credit.key],
                )
                for place, credit in enumerate(chosen, 1)
            ],
        )
    return Planned(batch, held_back, proposal)


def reasons(asked: Asked, credit: Credit) -> list[str]:
    """Why a credit needs approval. A limit is for the whole of it, also what is issued already or
    in batches: instalments don't avoid it."""
    whole = credit.issued + credit.in_batches + credit.amount
    limit = asked.limits.get(credit.currency)
    above = [] if limit is None or whole <= limit else [f"above {money(limit, credit.currency)}"]
    return [*above, *credit.doubts]


def _not_over(reader: Reader, proposal: Proposal) -> str:
    month = f"{proposal.month:%Y-%m}"
    if proposal.accruing or proposal.corrections:
        accruing = f"{accruing_words(proposal)}, and " if proposal.accruing else ""
        return (
            f"{month} is not over as of {timestamp(reader.as_of)}, the instant of what is "
            f"published: {accruing}none is due"
        )
    known = ", ".join(f"{found:%Y-%m}" for found in reversed(notes.months(reader))) or "none"
    return (
        f"no credit is due or was issued for a period that ends in {month} (a quarter or year is "
        f"credited with the month in which it ends); months with credits: {known}"
    )


def accruing_words(proposal: Proposal) -> str:
    """How many credits still accrue."""
    verb = "is" if proposal.accruing == 1 else "are"
    return f"{counted(proposal.accruing, 'credit')} {verb} still accruing"


def _nothing_new(
    asked: Asked, proposal: Proposal, held_back: list[Credit], batches: list[Batch]
) -> Iterator[str]:
    made = [batch for batch in batches if batch.month == asked.month]
    month = f"{asked.month:%Y-%m}"
    if held_back:
        yield f"no batch was made: all that is due for {month} and not issued needs approval"
        yield from _held_back(asked, held_back)
    elif made:
        yield (
            f"no batch was made: nothing is due for {month} that is neither issued nor in a batch; "
            f"batch {made[-1].number} is the last, and --again writes it again"
        )
    else:
        yield f"no batch was made: all that is due for {month} has been issued"
    yield from _beside(proposal)


def parse_limits(words: list[str]) -> dict[str, Decimal]:
    """Limits by currency, of words such as `EUR=500`. Raises ValueError."""
    limits: dict[str, Decimal] = {}
    for word in words:
        currency, _, amount = word.partition("=")
        try:
            limit = Decimal(amount)
            is_exact = limit >= 0 and limit == round(limit, decimals(currency))
        except (ArithmeticError, ValueError):
            is_exact = False
        if not is_exact:
            raise ValueError(
                f"--limit {word} is not a currency and an amount in it (example: EUR=500)"
            )
        if currency in limits:
            raise ValueError(f"--limit names {currency} twice")
        limits[currency] = limit
    return limits


def write(batch: Batch, out: Path, kind: str) -> str:
    """Writes a batch as a file; returns a line that says so. Raises FileExistsError if something
    else is there."""
    content = exports.FORMATS[kind](batch)
    if out.exists() and out.read_bytes() != content:
        raise FileExistsError(errno.EEXIST, "it holds something else: name another file", str(out))
    write_whole(out, content)
    return f"wrote {counted(len(batch.lines), 'line')} to {out}; fill in invoice_id"


# heading -> column
_WHO = {"customer": "customer_name", "subscription": "subscription_id", "period": "period"}
_BASIS = {"due": "due", "issued": "issued", "in batches": "in_batches"}
_AMOUNTS = {**_BASIS, "to issue": "amount"}


def in_words(asked: Asked, planned: Planned, is_kept: bool) -> list[str]:
    """A batch for a terminal, a line each."""
    batch = planned.batch
    lines = of_batch(batch, "" if is_kept else " would be made")
    if planned.held_back:
        lines += ["", *_held_back(asked, planned.held_back)]
    return [*lines, *_beside(planned.proposal)]


def of_batch(batch: Batch, what: str = "") -> list[str]:
    """The contents of a batch for a terminal, a line each."""
    restated = [line for line in batch.lines if line.version_before is not None]
    return [
        f"batch {batch.number} of {batch.month:%Y-%m}{what}, from run {batch.run_id}, "
        f"as of {timestamp(batch.as_of)}",
        *table("credits", _WHO | {"currency": "currency"}, _AMOUNTS, _rows(batch.lines)),
        *_totals("totals by customer and currency", batch, "customer_name", "customer_id"),
        *_totals("totals by currency", batch),
        *(["", "changed since an earlier batch", *map(_restated, restated)] if restated else []),
    ]


def _totals(title: str, batch: Batch, *by: str) -> list[str]:
    names = {name.removesuffix("_name").replace("_", " "): name for name in by}
    rows = totals((line.model_dump() for line in batch.lines), ["amount"], by)
    return table(title, names | {"currency": "currency"}, {"to issue": "amount"}, rows)


def _rows(lines: list[Line]) -> list[Row]:
    return [
        line.model_dump()
        | {
            "period": line.period,
            "remarks": f"approved: {'; '.join(line.approved)}" if line.approved else "",
        }
        for line in lines
    ]


def _restated(line: Line) -> str:
    values = ", ".join(name.replace("_", " ") for name in line.changed)
    statement = (
        f"statement {line.version_before} -> {line.statement_version} ({values})"
        if line.version_before != line.statement_version
        else "the same statement"
    )
    return (
        f"  {line.subscription_id} {line.period}: {money(line.amount, line.currency)} more, "
        f"{statement}"
    )


def _held_back(asked: Asked, credits: list[Credit]) -> list[str]:
    title = "needs approval, not in the batch (--approve SUBSCRIPTION)"
    rows = [
        credit.model_dump()
        | {"period": credit.period, "remarks": "; ".join(reasons(asked, credit))}
        for credit in credits
    ]
    return table(title, _WHO | {"currency": "currency"}, _AMOUNTS, rows)[1:]


def _beside(proposal: Proposal) -> Iterator[str]:
    """What is not issued by a batch, but has to be known."""
    corrections = [
        {
            **e.row,
            "period": periods.credited(e.row),
            "due": e.due,
            "issued": e.issued,
            "in_batches": e.in_batches,
            "amount": e.difference,
        }
        for e in proposal.corrections
    ]
    if corrections:
        title = "to be corrected in billing: no batch can put it right"
        yield from table(
            title,
            _WHO | {"currency": "currency"},
            {**_BASIS, "difference": "amount"},
            corrections,
        )
    waiting = [
        {**w.line.model_dump(), "period": w.line.period, "batch": f"batch {w.batch.number}"}
        for w in proposal.waiting
    ]
    if waiting:
        yield from table(
            "in an earlier batch, on no issued invoice yet",
            {"batch": "batch", "line": "line_id"} | _WHO | {"currency": "currency"},
            {"amount": "amount"},
            waiting,
        )
    if proposal.accruing:
        yield ""
        yield accruing_words(proposal)
