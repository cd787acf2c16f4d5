"""How an export is written: its separator, encoding, dates and numbers, as connect.yaml says.

Nothing of it is guessed: what is not of the described form is not read.

Does not belong here: what the columns mean, which is in the system's file.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from makegood.ingestion.connect.instants import from_epoch, from_form
from makegood.ingestion.connect.names import Id, Strict
from makegood.ingestion.connect.system import Unmapped, Value
from makegood.ingestion.values import Zone

# times as Unix writes them: how many units make a second
_UNIX = {"unix": 1, "unix_ms": 1_000}
_YEARS = {"%Y", "%y", "%G", "%c", "%x"}
_TRIED = datetime(2026, 5, 17, 17, 30, tzinfo=UTC)
_SPACES = "  \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"


def _separator(value: str) -> str:
    if value in ("tab", "\\t"):
        return "\t"
    if len(value) != 1 or value in '"\r\n':
        raise ValueError(f"{value!r} can't separate fields: it is one sign, as in ;, or `tab`")
    return value


def _thousands(value: str) -> str:
    if len(value) != 1 or value in "0123456789+-":
        raise ValueError(f"{value!r} can't part thousands: it is one sign, as in .")
    return value


def _encoding(value: str) -> str:
    try:
        "a".encode(value)
    except LookupError as error:
        raise ValueError(
            f"{value!r} is not an encoding: known are utf-8, cp1252, latin-1, utf-16 and others"
        ) from error
    return value


def _form(value: str) -> str:
    if value in _UNIX:
        return value
    parts = set(re.findall("%.", value.replace("%%", "")))
    if "%Z" in parts:
        raise ValueError(
            f"{value!r} has %Z, and letters such as CET are no offset: write the letters "
            "themselves, and which zone they are as `time_zone`"
        )
    try:
        # a year is looked for first: newer Pythons warn of forms without one
        has_year = bool(parts & _YEARS)
        tried = _TRIED.strftime(value)
        read = datetime.strptime(tried, value) if has_year else None  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"{value!r} is not a form of times: {error}") from error
    if not read or read.date() != _TRIED.date():
        raise ValueError(
            f"{value!r} is not a form of times: it needs a year, a month and a day, as in "
            "%d/%m/%Y %H:%M"
        )
    if read.hour not in (0, _TRIED.hour):
        raise ValueError(f"{value!r} has %I without %p: hours up to 24 are %H")
    return value


def as_list(value: object) -> object:
    """One text as a list of it."""
    return [value] if isinstance(value, str) else value


_Forms = Annotated[tuple[Annotated[str, AfterValidator(_form)], ...], BeforeValidator(as_list)]


class Dialect(Strict):
    """How files are written. All of it has a default: UTF-8, commas, ISO 8601, decimal points.

    `separator`: one character, or `tab`; `encoding`: by Python's names, as in `cp1252`;
    `time_form`: as strptime takes it, as in `%d/%m/%Y %H:%M`, or `unix`, or `unix_ms`; several may
    be listed; `time_zone`: that of times without an offset; `decimal`, `thousands`: signs in
    numbers; `empty`: texts that mean nothing, such as `N/A`; `skip_lines`: lines above the header;
    `header`: the names of the columns, for files that have none; `columns`: what a file calls a
    column -> the name that it is known by.
    """

    separator: Annotated[str, AfterValidator(_separator)] = ","
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    time_form: _Forms = ()
    time_zone: Zone | None = None
    decimal: Literal[".", ","] = "."
    thousands: Annotated[str, AfterValidator(_thousands)] | None = None
    empty: tuple[Id, ...] = ()
    skip_lines: Annotated[int, Field(ge=0, strict=True)] = 0
    header: tuple[Id, ...] | None = None
    columns: dict[str, Id] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> "Dialect":
        if self.thousands == self.decimal:
            raise ValueError(
                f"`thousands` and `decimal` are both {self.decimal!r}, and numbers could be read "
                "in two ways"
            )
        return self

    def over(self, other: "Dialect") -> "Dialect":
        """This one, with what the other one says where this one says nothing."""
        said = {
            name: getattr(dialect, name)
            for dialect in (other, self)
            for name in dialect.model_fields_set & Dialect.model_fields.keys()
        }
        return Dialect.model_validate(said)

    def value(self, text: str) -> str | None:
        """A field's text; None if it means nothing."""
        return None if not text or text in self.empty else text

    def time(self, value: Value) -> str:
        """A time or a day as ISO 8601 text, with its offset where it is known. Raises Unmapped if
        it is not of the form, or could be read in two ways."""
        text = str(value).strip()
        if not self.time_form:
            return from_form(text, None, self.time_zone)
        found: dict[str, str] = {}
        failed: Unmapped | None = None
        for form in self.time_form:
            try:
                if form in _UNIX:
                    found[from_epoch(text, _UNIX[form])] = form
                else:
                    found[from_form(text, form, self.time_zone)] = form
            except Unmapped as error:
                failed = failed or error
        if len(found) > 1:
            raise Unmapped(
                f"{text!r} is {' or '.join(found)}, by {' or '.join(found.values())}: "
                "`time_form` may list only forms that no text shares"
            )
        if not found:
            assert failed
            raise (
                failed
                if len(self.time_form) == 1
                else Unmapped(f"{text!r} is not of the forms {', '.join(self.time_form)}")
            )
        return next(iter(found))

    def amount(self, value: Value) -> Value:
        """A number as exact decimal text, as in `-1234.50`; numbers of JSON stay as they are.
        Raises Unmapped if it is not of the form."""
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return value
        text = str(value).strip()
        found = self._number.fullmatch(text)
        if not found or (found[1] and found[4]):
            raise Unmapped(self._not_a_number(text))
        sign = "-" if "-" in (found[1] or found[4] or "") else ""
        whole = "".join(c for c in found[2] if c in "0123456789")
        return f"{sign}{whole}.{found[3]}" if found[3] else f"{sign}{whole}"

    @cached_property
    def _number(self) -> re.Pattern[str]:
        whole = "[0-9]+"
        if mark := self.thousands:
            marks = f"[{_SPACES}]" if mark.isspace() else re.escape(mark)
            whole = rf"[0-9]{{1,3}}(?:{marks}[0-9]{{3}})+|[0-9]+"
        # some systems write the minus behind the number
        return re.compile(rf"([+-]?)({whole})(?:{re.escape(self.decimal)}([0-9]+))?(-?)")

    def _not_a_number(self, text: str) -> str:
        form = f"1{self.thousands or ''}234{self.decimal}50"
        return (
            f"{text!r} is not a number of the form {form}: "
            "`decimal` and `thousands` say how numbers are written"
        )


def several(names: Iterable[str]) -> str:
    """Names for a message, at most twenty of them."""
    found = list(names)
    return ", ".join(found[:20]) + (" …" if len(found) > 20 else "") if found else "none"
