"""A batch of credit notes as a file, in the form of the feed `invoice_lines`.

CSV and JSON lines hold the columns of the feed and nothing else, so that they can be delivered once
`invoice_id` is filled in; Excel, for people, has customer and statement beside them. The same batch
gives the same bytes.
"""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl

from makegood.dashboards.exports import files
from makegood.dashboards.exports.files import About
from makegood.dashboards.figures.credit_notes import Batch, Line
from makegood.dashboards.figures.style import timestamp

# the columns of the feed, in its order
_MONEY = pl.Decimal(18, 3)
COLUMNS: dict[str, Any] = {
    "line_id": pl.String,
    "invoice_id": pl.String,
    "subscription_id": pl.String,
    "line_kind": pl.String,
    "period_start": pl.Date,
    "period_end": pl.Date,
    "amount": _MONEY,
    "currency": pl.String,
}
DESCRIPTIONS = {
    "line_id": "Id of the line. Keep it, so that the line is known when it is delivered.",
    "invoice_id": "To be filled in: the invoice that has the line.",
    "subscription_id": "Subscription it is for.",
    "line_kind": "credit: a service credit.",
    "period_start": "First day of the credited period.",
    "period_end": "Last day of the credited period.",
    "amount": "Amount of the line, negative, in the currency.",
    "currency": "ISO 4217 code.",
    "customer_id": "Customer.",
    "customer_name": "Name of the customer.",
    "due": "Payable credit when the batch was made (C5).",
    "issued": "Of it on issued or paid invoices when the batch was made (C6).",
    "in_batches": "Of it in earlier batches and on no invoice yet.",
    "statement_version": "Version of the statement that it follows from (C7).",
    "changed": "What has changed in the statement since the batch before.",
    "evidence": "How much monitoring data is behind it, and how many rows are missing.",
}


def _row(line: Line) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "invoice_id": None,
        "subscription_id": line.subscription_id,
        "line_kind": "credit",
        "period_start": line.month,
        "period_end": line.last_day,
        "amount": -line.amount,
        "currency": line.currency,
    }


def csv(batch: Batch) -> bytes:
    """CSV as the feed is read: ids exactly as they were delivered."""
    rows = [{k: _text(v) for k, v in _row(line).items()} for line in batch.lines]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    return frame.write_csv(quote_style="necessary").encode()


def jsonl(batch: Batch) -> bytes:
    """JSON lines; amounts are text, because they are exact."""
    rows = ({k: _text(v) for k, v in _row(line).items()} for line in batch.lines)
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def xlsx(batch: Batch) -> bytes:
    """A workbook of two sheets. Raises TooLarge."""
    names = [name for name in DESCRIPTIONS if name not in COLUMNS]
    rows = [
        _row(line) | {n: getattr(line, n) for n in names} | {"changed": ", ".join(line.changed)}
        for line in batch.lines
    ]
    more = dict.fromkeys(names, pl.String) | dict.fromkeys(("due", "issued", "in_batches"), _MONEY)
    frame = pl.DataFrame(rows, schema=COLUMNS | more | {"statement_version": pl.Int64})
    notes = {
        "Batch": f"{batch.number}, of periods that end in {batch.month:%Y-%m}",
        "Made": timestamp(batch.made_at),
        "From": f"run {batch.run_id}",
        "Limits": ", ".join(f"{limit} {c}" for c, limit in batch.limits.items()) or "none",
    }
    return files.xlsx(frame, About(title(batch), batch.as_of, notes=notes, columns=DESCRIPTIONS))


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)


def title(batch: Batch) -> str:
    """What a batch is called."""
    return f"Credit notes {batch.month:%Y-%m}, batch {batch.number}"


FORMATS: dict[str, Callable[[Batch], bytes]] = {"csv": csv, "xlsx": xlsx, "jsonl": jsonl}
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": files.KINDS["Excel"].media_type,
    "jsonl": "application/jsonl",
}


def file_name(month: date, number: int, kind: str) -> str:
    """A name for the file of a batch, which no other batch has."""
    return f"credit-notes-{month:%Y-%m}-batch-{number:06}.{kind}"
