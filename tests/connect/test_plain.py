"""Plain exports: what connect.yaml says of files becomes rows, or a clear error."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from makegood.ingestion.connect.pull import Pulled, check, mapped, pull, read
from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.system import Row, Rows, Unreadable
from makegood.ingestion.connect.systems import systems
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.feeds.typing import typed
from makegood.ingestion.readers import Batch, readers
from makegood.ingestion.strict_yaml import InvalidDocument

TICKETS = """\
Number;Title;Customer;Priority;Opened;First reply;Resolved;Closed
4711;"Printer; ""smoke""
everywhere";ACME;High;01/06/2026 08:30;01/06/2026 08:41;01/06/2026 12:00;
4712;Café;Zoë B.V.;Low;25/10/2026 02:30;;;
4713;Login;ACME;Low;02/06/2026 09:00;02/06/2026 09:00;02/06/2026 09:00;03/06/2026 10:00
"""
TICKETS_YAML = """\
sources:
  desk:
    system: plain
    files:
      separator: ";"
      encoding: cp1252
      time_form: "%d/%m/%Y %H:%M"
      time_zone: Europe/Amsterdam
    exports:
      - name: tickets
        files: exports/tickets*.csv
        rows:
          - feed: tickets
            columns:
              ticket_id: Number
              subject: Title
              subscription_id: {column: Customer, values: {ACME: SUB-1}}
              ticket_type: {constant: incident}
              environment: {constant: production}
          - feed: ticket_events
            each: {received: Opened, classified: Opened, responded: First reply, resolved: Resolved}
            columns:
              ticket_id: Number
              severity: {column: Priority, values: {High: P1, Low: P3}}
"""
AUDIT = """\
Ticket,Changed,Field,Old,New,By
4711,2026-06-01 12:00:00,Status,On hold,Done,anna
4711,2026-06-01 10:00:00,Priority,P3,P2,anna
4711,2026-06-01 10:00:00,Status,Busy,On hold,anna
4711,2026-06-01 10:00:00,Comment,,We wait for a part,anna
4711,2026-06-01 09:00:00,Status,New,Busy,anna
4711,2026-06-01 08:30:00,Created,,New,customer
"""
AUDIT_YAML = """\
sources:
  desk:
    system: plain
    files: {time_zone: UTC}
    states: {New: working, Busy: working, On hold: paused, Done: resolved}
    exports:
      - files: audit.csv
        timeline:
          ticket: Ticket
          at: Changed
          received: {Field: Created}
          status: {column: New, when: {Field: [Status, Created]}}
          severity: {column: New, when: {Field: Priority}}
          severity_before: {column: Old, when: {Field: Priority}}
          reply: {Field: Comment, By: [anna, ben]}
"""
INVOICES = """\
Invoice\tLine\tCustomer\tDate\tFrom\tTo\tWhat\tAmount\tPaid
2026-17\t1\tACME\t30/06/2026\t01/06/2026\t30/06/2026\tLicence\t1.234,50\t05/07/2026
2026-17\t2\tACME\t30/06/2026\t01/06/2026\t30/06/2026\tVAT\t259,25\t05/07/2026
2026-18\t1\tOther\t30/06/2026\t01/06/2026\t30/06/2026\tDiscount\t-10,00\t
"""
INVOICES_YAML = """\
sources:
  books:
    system: plain
    files: {separator: tab, time_form: "%d/%m/%Y", decimal: ",", thousands: "."}
    exports:
      - name: invoices
        files: invoices.csv
        rows:
          - feed: invoices
            when: {Paid: ~}
            columns:
              invoice_id: Invoice
              customer_id: Customer
              status: {constant: issued}
              issued_on: Date
          - feed: invoices
            unless: {Paid: ~}
            columns:
              invoice_id: Invoice
              customer_id: Customer
              status: {constant: paid}
              issued_on: Date
              paid_on: Paid
          - feed: invoice_lines
            unless: {What: Discount}
            columns:
              line_id: {column: [Invoice, Line], join: /}
              invoice_id: Invoice
              subscription_id: {column: Customer, values: {ACME: SUB-1}, when: {What: Licence}}
              line_kind: {column: What, values: {Licence: recurring, VAT: tax}}
              period_start: From
              period_end: To
              amount: Amount
              currency: {constant: EUR}
"""


def _write(tmp_path: Path, config: str, **files: bytes | str) -> Path:
    for name, content in files.items():
        path = tmp_path / name.replace("__", "/").replace("_csv", ".csv").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "connect.yaml").write_text(config)
    return tmp_path / "connect.yaml"


def _rows(tmp_path: Path, config: str, **files: bytes | str) -> Rows:
    """All rows, with what could not be read among what was left."""
    settings = load(_write(tmp_path, config, **files))
    (source,) = settings.sources.values()
    records, left = read(settings, source, {}, print)
    made = mapped(source, records)
    made.left[:0] = left
    return made


def _landed(tmp_path: Path, landing: Path, feed: str) -> tuple[list[Row], pl.DataFrame]:
    """The typed rows of all files of a feed, and the rejections."""
    batches: list[Batch] = [
        batch
        for path in sorted(landing.glob(f"{feed}/**/*.jsonl.gz"))
        for batch in readers()[".jsonl.gz"](path, feeds()[feed])
    ]
    found = [typed(batch, feeds()[feed]) for batch in batches]
    return (
        [row for part in found for row in part.rows.to_dicts()],
        pl.concat([part.rejected for part in found]),
    )


def _events(made: Rows) -> list[tuple[Any, ...]]:
    return [
        (row["event_id"], row["occurred_at"], row["event"], row.get("severity"))
        for row in made.feeds["ticket_events"]
    ]


def test_a_ticket_list_becomes_tickets_and_events(tmp_path: Path) -> None:
    made = _rows(tmp_path, TICKETS_YAML, exports__tickets_csv=TICKETS.encode("cp1252"))

    assert [(left.what, left.where) for left in made.left] == [
        ("tickets", "exports/tickets.csv:4"),
    ]
    assert "is not one instant in Europe/Amsterdam: clocks show it twice" in made.left[0].why
    assert made.feeds["tickets"] == [
        {
            "ticket_id": "4711",
            "subject": 'Printer; "smoke"\neverywhere',
            "subscription_id": "SUB-1",
            "ticket_type": "incident",
            "environment": "production",
        },
        {
            "ticket_id": "4713",
            "subject": "Login",
            "subscription_id": "SUB-1",
            "ticket_type": "incident",
            "environment": "production",
        },
    ]
    assert _events(made)[:4] == [
        ("4711:received", "2026-06-01T08:30:00+02:00", "received", None),
        ("4711:classified", "2026-06-01T08:30:00+02:00", "classified", "P1"),
        ("4711:responded", "2026-06-01T08:41:00+02:00", "responded", None),
        ("4711:resolved", "2026-06-01T12:00:00+02:00", "resolved", None),
    ]
    kinds = {row["event"]: row.get("resolution_kind") for row in made.feeds["ticket_events"]}
    assert kinds == {
        "received": None,
        "classified": None,
        "responded": None,
        "resolved": "restored",
    }


def test_a_value_without_a_name_goes_on_as_it_is_and_is_counted(tmp_path: Path) -> None:
    text = "Number;Title;Customer;Priority;Opened;First reply;Resolved\n1;x;Nobody;Low;;;\n"

    made = _rows(tmp_path, TICKETS_YAML, exports__tickets_csv=text)

    assert made.feeds["tickets"][0]["subscription_id"] == "Nobody"
    assert made.unnamed == {("exports.tickets.subscription_id.values", "Nobody"): 1}


def test_an_audit_log_becomes_events_by_the_one_method(tmp_path: Path) -> None:
    made = _rows(tmp_path, AUDIT_YAML, audit_csv=AUDIT)

    assert made.left == []
    # the file begins with the newest row: of one instant the reply came first, then the status
    assert _events(made) == [
        ("4711:0001", "2026-06-01T08:30:00+00:00", "received", None),
        ("4711:0002", "2026-06-01T08:30:00+00:00", "classified", "P3"),
        ("4711:0003", "2026-06-01T10:00:00+00:00", "responded", None),
        ("4711:0004", "2026-06-01T10:00:00+00:00", "paused", None),
        ("4711:0005", "2026-06-01T10:00:00+00:00", "severity_changed", "P2"),
        ("4711:0006", "2026-06-01T12:00:00+00:00", "resolved", None),
    ]


def test_a_file_that_begins_with_the_oldest_row_keeps_its_order(tmp_path: Path) -> None:
    head, *lines = AUDIT.splitlines()

    made = _rows(tmp_path, AUDIT_YAML, audit_csv="\n".join([head, *reversed(lines)]))
    same = _rows(tmp_path, AUDIT_YAML, audit_csv=AUDIT)

    assert made.feeds == same.feeds


def test_what_was_before_the_first_change_was_so_at_the_creation(tmp_path: Path) -> None:
    rows = (
        "4711,2026-06-01 11:00:00,Priority,P2,P1,anna\n"
        "4711,2026-06-01 09:30:00,Priority,P4,P3,anna\n"
        "4711,2026-06-01 09:45:00,Status,New,Busy,anna\n"
    )

    made = _rows(tmp_path, AUDIT_YAML, audit_csv=AUDIT + rows)

    assert [severity for _, _, _, severity in _events(made) if severity] == [
        "P4",
        "P3",
        "P2",
        "P1",
    ]


def test_a_list_and_a_log_tell_one_life(tmp_path: Path) -> None:
    config = f"""\
{AUDIT_YAML}\
      - files: list.csv
        timeline:
          ticket: Number
          created: Opened
          severity: Priority
          instants: {{responded: Replied, closed: Closed}}
"""
    listed = (
        "Number,Opened,Priority,Replied,Closed\n4711,2026-06-01 08:29:00,P1,,2026-06-03T00:00Z\n"
    )

    made = _rows(tmp_path, config, audit_csv=AUDIT, list_csv=listed)

    assert [(event, severity) for _, _, event, severity in _events(made)] == [
        ("received", None),
        ("classified", "P3"),
        ("responded", None),
        ("paused", None),
        ("severity_changed", "P2"),
        ("resolved", None),
        ("closed", None),
    ]
    assert _events(made)[0][1] == "2026-06-01T08:29:00+00:00"


def test_the_severity_at_the_creation_is_not_guessed(tmp_path: Path) -> None:
    config = (
        AUDIT_YAML.replace("          severity_before", "          status_before")
        + """\
      - files: list.csv
        timeline: {ticket: Number, created: Opened, severity: Priority}
"""
    )
    listed = "Number,Opened,Priority\n4711,2026-06-01 08:30:00,{}\n"

    # what the list says is what the log ended with, so it may not be the first one
    made = _rows(tmp_path, config, audit_csv=AUDIT, list_csv=listed.format("P2"))
    assert "ticket_events" not in made.feeds or made.feeds["ticket_events"] == []
    assert [left.what for left in made.left] == ["timeline of ticket 4711"]
    assert "`severity_before`" in made.left[0].why

    made = _rows(tmp_path, config, audit_csv=AUDIT, list_csv=listed.format("P4"))
    assert ("4711:0002", "2026-06-01T08:30:00+00:00", "classified", "P4") in _events(made)


@pytest.mark.parametrize(
    ("row", "what", "why"),
    [
        ("4712,2026-06-01 10:00:00,Status,New,Busy,a", "timeline of ticket 4712", "was created"),
        ("4711,,Status,New,Busy,a", "timeline of ticket 4711", "a row of it was left"),
        (",2026-06-01 10:00:00,Status,New,Busy,a", "export 1 ", "Ticket is empty"),
        ("4711,1/6/2026,Status,New,Busy,a", "export 1", "is not a time"),
    ],
)
def test_a_row_of_a_log_that_cannot_be_placed_is_left(
    tmp_path: Path, row: str, what: str, why: str
) -> None:
    made = _rows(tmp_path, AUDIT_YAML, audit_csv=f"{AUDIT}{row}\n")

    left = {left.what[: len(what)]: left.why for left in made.left}
    assert why in left[what]


def test_an_invoice_list_with_decimal_commas_becomes_invoices_and_lines(tmp_path: Path) -> None:
    made = _rows(tmp_path, INVOICES_YAML, invoices_csv=INVOICES)

    assert made.left == []
    assert made.feeds["invoices"] == [
        {
            "invoice_id": number,
            "customer_id": customer,
            "status": status,
            "issued_on": "2026-06-30",
            **paid,
        }
        for number, customer, status, paid in (
            ("2026-18", "Other", "issued", {}),
            ("2026-17", "ACME", "paid", {"paid_on": "2026-07-05"}),
        )
    ]
    lines = made.feeds["invoice_lines"]
    assert [(row["line_id"], row["line_kind"], row["amount"]) for row in lines] == [
        ("2026-17/1", "recurring", "1234.50"),
        ("2026-17/2", "tax", "259.25"),
    ]
    assert [row.get("subscription_id") for row in lines] == ["SUB-1", None]
    assert lines[0]["period_start"] == "2026-06-01"


def test_rows_that_say_otherwise_of_one_thing_are_left(tmp_path: Path) -> None:
    text = INVOICES.replace("259,25\t05", "259,25\t06")

    made = _rows(tmp_path, INVOICES_YAML, invoices_csv=text)

    (left,) = made.left
    assert left.where == "invoices.csv:3"
    assert left.why == (
        "invoices 2026-17: paid_on is '2026-07-06', and '2026-07-05' at invoices.csv:2: it is not "
        "known which of them holds"
    )
    # the line of that row is made all the same: it says nothing that another row denies
    assert len(made.feeds["invoice_lines"]) == 2


def test_one_key_twice_in_a_file_is_left(tmp_path: Path) -> None:
    text = INVOICES.replace("2026-17\t2", "2026-17\t1")

    made = _rows(tmp_path, INVOICES_YAML, invoices_csv=text)

    assert [(left.where, left.why[:31]) for left in made.left] == [
        ("invoices.csv:3", "has the same key as line 2, and")
    ]


def test_of_several_files_the_later_path_wins(tmp_path: Path) -> None:
    later = TICKETS.replace("Login", "Password").encode("cp1252")

    made = _rows(
        tmp_path,
        TICKETS_YAML,
        **{"exports__tickets-1_csv": TICKETS.encode("cp1252"), "exports__tickets-2_csv": later},
    )

    subjects = {row["ticket_id"]: row["subject"] for row in made.feeds["tickets"]}
    assert subjects["4713"] == "Password"


def test_json_and_columns_of_a_path(tmp_path: Path) -> None:
    config = """\
sources:
  crm:
    system: plain
    files: {}
    exports:
      - files: crm.json
        path: result.accounts
        rows:
          - feed: customers
            columns: {customer_id: account.id, name: account.name}
"""
    text = '{"result": {"accounts": [{"account": {"id": 7, "name": "ACME"}}]}}'

    made = _rows(tmp_path, config, crm_json=text)

    assert made.feeds == {"customers": [{"customer_id": "7", "name": "ACME"}]}


# ---------------------------------------------------------------- the whole way


def _pull(path: Path, landing: Path, folder: Path) -> Pulled:
    settings = load(path)
    (source,) = settings.sources.values()
    return pull(settings, source, landing, folder, {}, print)


@pytest.mark.parametrize(
    ("config", "name", "text", "counts"),
    [
        (TICKETS_YAML, "exports__tickets_csv", TICKETS, {"tickets": 2, "ticket_events": 8}),
        (AUDIT_YAML, "audit_csv", AUDIT, {"ticket_events": 6}),
        (INVOICES_YAML, "invoices_csv", INVOICES, {"invoices": 2, "invoice_lines": 2}),
    ],
)
def test_what_is_delivered_is_accepted_by_the_feeds(
    tmp_path: Path, config: str, name: str, text: str, counts: Mapping[str, int]
) -> None:
    landing = tmp_path / "landing"
    path = _write(tmp_path, config, **{name: text.encode("cp1252")})

    assert _pull(path, landing, tmp_path / "kept").written == counts
    for feed, count in counts.items():
        rows, rejected = _landed(tmp_path, landing, feed)
        assert rejected.to_dicts() == []
        assert len(rows) == count
    # nothing changed, so nothing is written
    assert not +_pull(path, landing, tmp_path / "kept").written


def test_checks_are_delivered_without_a_key(tmp_path: Path) -> None:
    config = """\
sources:
  probe:
    system: plain
    files: {time_form: unix_ms, decimal: ","}
    exports:
      - files: checks.csv
        rows:
          - feed: checks
            columns:
              component_id: Host
              location: {constant: office}
              checked_at: Time
              status: {column: OK, values: {1: up, 0: down}}
              latency_ms: ms
"""
    text = 'Host,Time,OK,ms\nweb,1780300800123,1,"12,5"\nweb,1780300860000,0,\n'
    path = _write(tmp_path, config, checks_csv=text)

    assert _pull(path, tmp_path / "landing", tmp_path / "kept").written == {"checks": 2}
    rows, rejected = _landed(tmp_path, tmp_path / "landing", "checks")

    assert rejected.is_empty()
    assert [(row["status"], row["latency_ms"]) for row in rows] == [("up", 12.5), ("down", None)]


def test_a_half_written_file_delivers_nothing(tmp_path: Path) -> None:
    path = _write(tmp_path, INVOICES_YAML, invoices_csv=INVOICES[:-20])

    with pytest.raises(Unreadable, match=r"invoices\.csv:4: ends in the middle of a row"):
        _pull(path, tmp_path / "landing", tmp_path / "kept")

    assert not (tmp_path / "landing").exists()


# ---------------------------------------------------------------- errors


def test_a_column_that_the_file_lacks_is_named_with_the_nearest_and_its_line(
    tmp_path: Path,
) -> None:
    path = _write(tmp_path, TICKETS_YAML.replace("ticket_id: Number", "ticket_id: Numer", 1))
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "tickets.csv").write_bytes(TICKETS.encode("cp1252"))
    settings = load(path)
    line = path.read_text().splitlines().index("              ticket_id: Numer") + 1

    with pytest.raises(Unreadable) as found:
        check(settings, settings.sources["desk"], {}, print)

    assert str(found.value).startswith(f"{path}:{line}: sources.desk.exports.0.rows.0.columns.")
    assert "exports/tickets.csv:1: " in str(found.value)
    assert "lacks its 'Numer'; 'Numer' may be 'Number'" in str(found.value)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("feed: tickets\n", "feed: ticket\n", "ticket is not a feed: the nearest is tickets"),
        ("subject: Title", "subjct: Title", "subjct is not a column of tickets: the nearest is su"),
        ("              ticket_type: {constant: incident}\n", "", "tickets needs ticket_type"),
        ("each: {received:", "each: {recieved:", "recieved is not an event: the nearest is rece"),
        ("{constant: incident}", "{constnt: x}", "unknown key: the nearest is constant"),
        ("{constant: incident}", "{values: {a: b}}", "needs either a `column` or a `constant`"),
        ("exports/tickets*.csv", "exports/*.txt", r"no file matches exports/\*.txt"),
        ("separator: ", "seperator: ", "unknown key: the nearest is separator"),
        ("cp1252", "cp12522", "'cp12522' is not an encoding"),
        ("Europe/Amsterdam", "CET", "is an abbreviation"),
        ("%d/%m/%Y %H:%M", "%d/%m %H:%M", "needs a year"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M", "has %I without %p"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M %Z", "has %Z"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%Q", "is not a form of times"),
        ("separator: ", "thousands: '.'\n      separator: ", "are both '.'"),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    assert old in TICKETS_YAML
    with pytest.raises((InvalidDocument, Unreadable), match=why) as found:
        _rows(
            tmp_path,
            TICKETS_YAML.replace(old, new, 1),
            exports__tickets_csv=TICKETS.encode("cp1252"),
        )
    # the message names the line of connect.yaml
    assert "connect.yaml:" in str(found.value)


def test_checks_and_keyed_feeds_need_exports_of_their_own(tmp_path: Path) -> None:
    config = """\
sources:
  x:
    system: plain
    files: {}
    exports:
      - files: a.csv
        rows:
          - {feed: customers, columns: {customer_id: A, name: A}}
          - {feed: checks, columns: {component_id: A, location: A, checked_at: B, status: C}}
"""
    with pytest.raises(InvalidDocument, match=r"connect.yaml:6: .* an export of their own"):
        load(_write(tmp_path, config))


def test_the_template_is_a_description(tmp_path: Path) -> None:
    template = systems()["plain"].template

    settings = load(_write(tmp_path, f"sources:\n  plain:\n{template}"))

    assert [e.title for e in settings.sources["plain"].system.exports] == ["tickets"]
