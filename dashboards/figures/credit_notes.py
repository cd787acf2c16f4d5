"""Batches of credit notes as a warehouse keeps them, and the credits that the next one would hold.

A batch is a file `credit_notes/<number>-<start of its SHA-256>.json`, and never changes. The format
is described here and nowhere else: orchestration writes it, pages and commands read it. The highest
number is in `credit_notes.last` beside the folder, so that losing the last batch is noticed, too. A
line that will never be on an invoice is closed by an empty file `credit_notes/closed-<line id>`.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from makegood.dashboards.access.reader import Reader, Row
from makegood.dashboards.figures import periods
from makegood.dashboards.figures.evidence import evidence_words, is_sure
from makegood.dashboards.figures.queries import CREDITS, credit_key
from makegood.dashboards.figures.style import decimals

FOLDER = "credit_notes"
LAST = "credit_notes.last"
CLOSED = "closed-"
_LINE_ID = re.compile(r"CN-(\d{6,})-\d{4,}")
# subscription, first day of the period, currency
Key = tuple[object, ...]


class Credit(BaseModel):
    """A credit that is due and not yet issued: of a subscription, period and currency.

    `month`, `last_day`: first and last day of the period. `amount`: what is to be issued, positive;
    it is `due` (payable, C5) less `issued` (C6) less `in_batches`, what earlier batches hold and no
    invoice has yet. `statement_version`: the statement it follows from (C7); `version_before`: that
    of the last earlier batch; `changed`: the columns in which the two differ. `doubts`: why it
    needs approval, whatever its amount. `issued_lines`: the invoice lines that `issued` adds up.
    """

    subscription_id: str
    customer_id: str
    customer_name: str
    contract_id: str
    period_kind: str
    month: date
    last_day: date
    currency: str
    amount: Decimal
    due: Decimal
    issued: Decimal
    in_batches: Decimal
    statement_version: int
    version_before: int | None = None
    changed: list[str] = []
    evidence: str
    doubts: list[str] = []
    issued_lines: list[str] = []

    @property
    def key(self) -> Key:
        return self.subscription_id, self.month, self.currency

    @property
    def period(self) -> str:
        """The period, in tables."""
        return periods.code(self.period_kind, self.month)


class Line(Credit):
    """A credit as a line of a batch. `approved`: the reasons in spite of which it was approved;
    `is_closed`: no invoice will have it, by a record beside the batches."""

    line_id: str
    approved: list[str] = []
    is_closed: bool = Field(default=False, exclude=True)


class Batch(BaseModel):
    """A batch. `month`: the first day of the month in which its periods end; `run_id`, `as_of`: of
    the publication that it is made of; `limits`: by currency, above which approval is needed."""

    number: int
    month: date
    made_at: AwareDatetime
    run_id: str
    as_of: AwareDatetime
    limits: dict[str, Decimal]
    lines: list[Line]

    def as_file(self) -> tuple[str, bytes]:
        """The name and the content of its file."""
        content = (self.model_dump_json(indent=1) + "\n").encode()
        return f"{self.number:06}-{_digest(content)}.json", content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def line_id(number: int, place: int) -> str:
    """The id of a line, by its batch and its place in it, from 1 on."""
    return f"CN-{number:06}-{place:04}"


def kept(warehouse: Path) -> tuple[list[Batch], list[str]]:
    """The batches in order of their numbers, and what is wrong with the folder, a sentence each."""
    found: dict[int, Batch] = {}
    wrong = []
    closed = {path.name.removeprefix(CLOSED) for path in (warehouse / FOLDER).glob(f"{CLOSED}*")}
    for path in sorted((warehouse / FOLDER).glob("[0-9]*.json")):
        try:
            content = path.read_bytes()
            batch = Batch.model_validate_json(content)
        except (OSError, ValidationError):
            wrong.append(f"{path} can't be read")
            continue
        if path.name != f"{batch.number:06}-{_digest(content)}.json" or batch.number in found:
            wrong.append(f"{path} is not what was written")
        else:
            found[batch.number] = batch
            for line in batch.lines:
                line.is_closed = line.line_id in closed
    missing = sorted(set(range(1, max(found, default=0) + 1)) - set(found))
    wrong += [f"batch {number} is missing in {warehouse / FOLDER}" for number in missing]
    try:
        last, newest = last_number(warehouse), max(found, default=0)
    except (OSError, ValueError):
        wrong.append(f"{warehouse / LAST} can't be read")
    else:
        if last > newest:
            wrong.append(
                f"batch {last} is missing in {warehouse / FOLDER}: {newest or 'none'} is the last "
                f"there, and {LAST} says that batches up to {last} were made"
            )
    return [found[number] for number in sorted(found)], wrong


def last_number(warehouse: Path) -> int:
    """The highest number that a batch had, as it is kept beside the batches; 0 without any. Raises
    OSError, ValueError."""
    path = warehouse / LAST
    return int(path.read_text()) if path.exists() else 0


def next_number(batches: Sequence[Batch]) -> int:
    """The number of the next batch."""
    return batches[-1].number + 1 if batches else 1


def not_kept(line_ids: Iterable[str], batches: Sequence[Batch]) -> list[str]:
    """A sentence if invoices have lines of batches that came after the last that is kept. Another
    batch would use their ids again, and replace what was issued.

    `line_ids`: of credits on issued and paid invoices."""
    found = [(int(m[1]), m[0]) for m in map(_LINE_ID.fullmatch, line_ids) if m]
    number, known = max(found, default=(0, "")), next_number(batches)
    if number[0] < known:
        return []
    return [f"batch {number[0]} is missing: an invoice has its line {number[1]}"]


@dataclass(frozen=True)
class Correction:
    """What no batch can put right: more is issued or in batches than is due, or lines on invoices
    have taken back more than they gave (`issued` is negative)."""

    row: Row
    issued: Decimal
    in_batches: Decimal
    due: Decimal

    @property
    def difference(self) -> Decimal:
        return self.due - self.issued - self.in_batches


@dataclass(frozen=True)
class Waiting:
    """A line of a batch that no issued or paid invoice has yet."""

    batch: Batch
    line: Line


@dataclass(frozen=True)
class Proposal:
    """What the next batch of a month would hold, and what is beside it.

    `is_over`: whether any period that ends in the month is over (T3), `accruing`: credits of those
    that are not."""

    month: date
    credits: list[Credit]
    corrections: list[Correction]
    waiting: list[Waiting]
    is_over: bool
    accruing: int


def months(reader: Reader) -> list[date]:
    """The first days of the months in which a period ends for which credits are due or issued, the
    latest first."""
    kinds = periods.kinds(reader)
    found = reader.rows(
        """select distinct r.month, s.contract_id from marts.credit_reconciliation as r
           inner join marts.subscriptions as s using (subscription_id)"""
    )
    return sorted(
        {periods.closing(kinds[r["contract_id"]], r["month"]) for r in found}, reverse=True
    )


def proposed(reader: Reader, month: date, batches: Sequence[Batch]) -> Proposal:
    """The credits of the periods that end in a month, due and not issued yet (C6).

    `month`: its first day; `batches`: all that are kept."""
    kinds = periods.kinds(reader)
    starts = {kind: periods.start(kind, month) for kind in periods.MONTHS_IN}
    ending = {k: first for k, first in starts.items() if periods.closing(k, first) == month}

    def of_month(rows: Iterable[Row]) -> list[Row]:
        found = (row | {"period_kind": kinds[row["contract_id"]]} for row in rows)
        return [row for row in found if ending.get(row["period_kind"]) == row["month"]]

    first_days = sorted(set(ending.values()))
    settled = of_month(
        reader.rows(
            """select r.*, s.customer_id, s.customer_name, s.contract_id
               from marts.credit_reconciliation as r
               inner join marts.subscriptions as s using (subscription_id)
               where list_contains(?, r.month)
               order by s.customer_name, s.customer_id, r.subscription_id, r.currency""",
            first_days,
        )
    )
    stages = of_month(
        reader.rows(
            """select contract_id, month, claim_status = 'accruing' as is_accruing,
                      count(*) as credits
               from marts.credits where list_contains(?, month) group by all""",
            first_days,
        )
    )
    credits = {
        credit_key(c): c
        for c in reader.rows(
            f"select * from ({CREDITS}) where list_contains(?, month) and payable_amount <> 0",
            first_days,
        )
    }
    issued = _issued(reader, first_days)
    held = _held(batches)
    of = {credit_key(row): row for row in settled}
    # what was due once and is no longer has no row any more, but may be in a batch
    for key, lines in held.items():
        line = lines[-1].line
        if key not in of and line.last_day.replace(day=1) == month:
            of[key] = line.model_dump() | {"due_amount": Decimal(), "issued_amount": Decimal()}
    versions = _versions(reader, first_days)
    days = periods.days(reader)

    def is_over(row: Row) -> bool:
        return periods.has_ended(row["period_kind"], row["month"], days[row["contract_id"]])

    proposal = Proposal(
        month,
        [],
        [],
        [],
        any(map(is_over, [*settled, *stages])),
        sum(s["credits"] for s in stages if s["is_accruing"]),
    )
    for key, row in of.items():
        lines = held.get(key, [])
        open_lines = waiting(lines, issued.get(key, {}))
        proposal.waiting.extend(open_lines)
        in_batches = sum((w.line.amount for w in open_lines), Decimal())
        due, given = (
            _exact(row[name], row["currency"]) for name in ("due_amount", "issued_amount")
        )
        amount = due - given - in_batches
        if amount == 0:
            continue
        # a positive line on an invoice, by mistake or to take a credit back, makes nothing due
        if amount < 0 or due <= 0 or given < 0 or not is_over(row):
            proposal.corrections.append(Correction(row, given, in_batches, due))
        else:
            credit = credits[key]
            kind = row["period_kind"]
            before = lines[-1].line.statement_version if lines else None
            now = credit["statement_version"]
            proposal.credits.append(
                Credit(
                    subscription_id=row["subscription_id"],
                    customer_id=row["customer_id"],
                    customer_name=row["customer_name"],
                    contract_id=row["contract_id"],
                    period_kind=kind,
                    month=row["month"],
                    last_day=periods.following(kind, row["month"]) - timedelta(days=1),
                    currency=row["currency"],
                    amount=amount,
                    due=due,
                    issued=given,
                    in_batches=in_batches,
                    statement_version=now,
                    version_before=before,
                    changed=_changed(versions.get(key, {}), before, now),
                    evidence=evidence_words(credit),
                    doubts=doubts(credit),
                    issued_lines=sorted(issued.get(key, {})),
                )
            )
    return proposal


def doubts(credit: Row) -> list[str]:
    """Why a credit needs approval, whatever its amount: data behind it are missing (M6).

    `credit`: one of CREDITS."""
    return [] if is_sure(credit) else [f"evidence: {evidence_words(credit)}"]


def _exact(amount: Decimal, currency: str) -> Decimal:
    """An amount of a mart with the decimals of its currency; none of it is lost."""
    return amount.quantize(Decimal(1).scaleb(-decimals(currency)))


def _issued(reader: Reader, first_days: Sequence[date]) -> dict[Key, dict[str, Decimal]]:
    """The credit lines on issued and paid invoices, positive, by their ids."""
    found: dict[Key, dict[str, Decimal]] = defaultdict(dict)
    for line in reader.rows(
        """select subscription_id, month, currency, line_id, amount from marts.credit_issued_lines
           where list_contains(?, month) order by line_id""",
        first_days,
    ):
        found[credit_key(line)][line["line_id"]] = -line["amount"]
    return found


def _held(batches: Iterable[Batch]) -> dict[Key, list[Waiting]]:
    """The lines of all batches, in their order."""
    found: dict[Key, list[Waiting]] = defaultdict(list)
    for batch in batches:
        for line in batch.lines:
            found[line.key].append(Waiting(batch, line))
    return found


def waiting(held: Iterable[Waiting], issued: Mapping[str, Decimal]) -> list[Waiting]:
    """The lines that no invoice has yet: neither one of that id, nor, as billing may give lines ids
    of its own, another one of the same amount that came after the batch. None that is closed."""
    rest = dict(issued)
    found = [w for w in held if rest.pop(w.line.line_id, None) is None and not w.line.is_closed]
    for one in list(found):
        known = {one.line.line_id, *one.line.issued_lines}
        amounts = (i for i, a in rest.items() if a == one.line.amount and i not in known)
        if same := next(amounts, None):
            del rest[same]
            found.remove(one)
    return found


def _versions(reader: Reader, first_days: Sequence[date]) -> dict[Key, dict[int, str]]:
    """What changed with each version of a statement."""
    found: dict[Key, dict[int, str]] = defaultdict(dict)
    for row in reader.rows(
        """select subscription_id, month, currency, statement_version, changed
           from marts.credit_statements where list_contains(?, month) and changed <> ''""",
        first_days,
    ):
        found[credit_key(row)][row["statement_version"]] = row["changed"]
    return found


def _changed(versions: Mapping[int, str], before: int | None, now: int) -> list[str]:
    if before is None:
        return []
    return sorted(
        {c for v, names in versions.items() if before < v <= now for c in names.split(",")}
    )
