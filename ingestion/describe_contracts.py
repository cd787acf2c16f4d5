"""Writes docs/contracts.md from the model of contracts: every key, type, default, meaning and rule.

The examples and the refusals in it are those of the loader: the page can't name a key that the
loader does not know, nor quote a message that it does not give.
"""

import re
import textwrap
from collections.abc import Iterator
from datetime import date
from inspect import cleandoc
from pathlib import Path
from tempfile import TemporaryDirectory
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from makegood.ingestion.contracts.loader import load
from makegood.ingestion.contracts.model import RANKS, Amendment, Contract, Terms, Version
from makegood.ingestion.contracts.tables import as_text
from makegood.ingestion.describe_library import library_page
from makegood.ingestion.strict_yaml import InvalidDocument, models_in

_RULES = re.compile(r"(?P<meaning>.*?)(?: \((?P<rules>[A-Z][0-9](?:, [A-Z][0-9])*)\))?", re.DOTALL)
_PRIMITIVES = {str: "text", bool: "`true`, `false`", NoneType: ""}


class Key(NamedTuple):
    """A key that a contract may have, in the words of the page."""

    path: str
    type: str
    default: str
    meaning: str
    rules: tuple[str, ...]


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    """The keys of a model and of those inside it; `<severity>` and `[]` mark maps and lists."""
    for name, hint in get_type_hints(model, include_extras=True).items():
        if name not in model.model_fields:
            continue
        field, path = model.model_fields[name], prefix + name
        if path == "escalation":
            # one map in the model, of a list and of clocks
            clock, names = get_args(get_args(hint)[1])
            people, when = "Roles to escalate to, the first one first.", "Clock of the severity."
            yield Key(f"{path}.path", _type(names), "`[]`", people, ("Z5",))
            yield Key(f"{path}.<severity>", _type(clock), "none", when, ("Z5",))
            continue
        inside = next(models_in(hint), None)
        shapes = {get_origin(part) for part in _parts(hint)}
        is_list = inside is not None and list in shapes
        if inside is None or is_list:
            meaning, rules = _split(str(field.description))
            in_words = "list" if is_list else field.title or _type(hint)
            yield Key(path, in_words, _default(field), meaning, rules)
        if inside is not None:
            # the severities of resolution are written beside its other keys
            of_map = ".<name>." if path == "calendars" else ".<severity>."
            suffix = "[]." if is_list else of_map if dict in shapes else "."
            yield from keys(inside, path.removesuffix(".targets") + suffix)


def _parts(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type alone."""
    if get_origin(hint) is Annotated:
        return _parts(get_args(hint)[0])
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _type(hint: Any) -> str:
    """A type in words: the title that it has in the model, or what it is made of."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        titles = [m.title for m in inner[1:] if isinstance(m, FieldInfo) and m.title]
        return titles[-1] if titles else _type(inner[0])
    if origin in (Union, UnionType):
        return ", or ".join(filter(None, map(_type, inner)))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is list:
        return f"list of {_type(inner[0])}" + "s" * (inner[0] is date)
    if origin is dict:
        return f"map to {_type(inner[1])}s" if inner[1] is not Any else "map"
    return _PRIMITIVES.get(hint, hint.__name__)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "no default" if field.default is None else f"`{as_text(field.default)}`"


def _split(description: str) -> tuple[str, tuple[str, ...]]:
    """A description as meaning and rule ids."""
    found = _RULES.fullmatch(description)
    assert found
    return found["meaning"], tuple((found["rules"] or "").split(", ")) if found["rules"] else ()


def contract_keys() -> list[Key]:
    """All keys that the loader accepts: of the file, of versions and amendments, and of terms."""
    return [*keys(Contract), *keys(Terms)]


MINIMAL = """\
contract_id: hosting
name: Hosting Service Level Agreement
time_zone: Europe/Berlin
versions:
  - effective_from: 2026-01-01
    terms:
      availability: {period: month, commitment_pct: 99.5}
      exclusions: {kinds: [scheduled_maintenance, force_majeure]}
"""

_WITH_CREDITS = """\
contract_id: support
name: Support and Availability Agreement
time_zone: Europe/Berlin
versions:
  - effective_from: 2026-01-01
    terms:
      availability: {period: month, commitment_pct: 99.5}
      downtime: {min_consecutive_s: 300}
      exclusions: {kinds: [scheduled_maintenance, force_majeure]}
      calendars:
        business_hours:
          time_zone: Europe/Berlin
          days: [mon, tue, wed, thu, fri]
          opens: "08:00"
          closes: "18:00"
          holidays: DE
      severity: {levels: [critical, normal]}
      response:
        critical: {target: 30m, clock: 24x7}
        normal: {target: 8h, clock: business_hours}
      resolution:
        critical: {target: 6h, clock: 24x7}
      credits:
        support_plans: [premium]
        cap_pct: 20
        availability_tiers:
          - {below_pct: 99.5, credit_pct: 10}
          - {below_pct: 99.0, credit_pct: 20}
        claim_days: 30
"""

_AMENDED = (
    _WITH_CREDITS
    + """\
amendments:
  - rank: order_form
    customer_id: C01
    effective_from: 2026-07-01
    effective_to: 2027-06-30
    terms:
      availability: {commitment_pct: 99.9}
      response:
        critical: {target: 15m}
"""
)

_SHORT_HOURS = """\
          days: [mon, tue, wed, thu, fri]
          opens: "08:00"
          closes: "18:00"
"""
_OVERLAPPING = """\
          hours: {mon: ["08:00-12:00", "11:30-18:00"]}
"""

# what goes wrong most often: the cause, and the text of the second example that has it
_REFUSALS = (
    ("A key that does not exist, or is misspelled", "cap_pct: 20", "cap: 20"),
    ("A value that is not in the list", "period: month", "period: monthly"),
    ("A duration in words", "target: 30m", "target: 30 minutes"),
    ("A target without a clock", "{target: 6h, clock: 24x7}", "{target: 6h}"),
    (
        "A clock without its calendar",
        "clock: 24x7}\n        normal",
        "clock: business_days}\n        normal",
    ),
    ("A severity that is not declared", "levels: [critical, normal]", "levels: [critical]"),
    ("Tiers out of order", "below_pct: 99.0", "below_pct: 99.8"),
    (
        "What a provider of ours has to answer for, in a contract in which we are the provider",
        "time_zone: Europe/Berlin\n",
        "time_zone: Europe/Berlin\ncovers: {provider_outage: [eu]}\n",
    ),
    ("A number where a name is needed", "[critical, normal]", "[1, normal]"),
    (
        "Two forms of credit in one document",
        "        claim_days: 30",
        "        availability_refund: {multiple: 2}",
    ),
    ("Spans of a calendar that overlap", _SHORT_HOURS, _OVERLAPPING),
)


def _refusals() -> Iterator[str]:
    for cause, old, new in _REFUSALS:
        assert old in _WITH_CREDITS, old
        with TemporaryDirectory() as folder:
            path = Path(folder) / "support.yaml"
            path.write_text(_WITH_CREDITS.replace(old, new, 1))
            try:
                load(path)
            except InvalidDocument as error:
                yield from (
                    "",
                    f"{cause}:",
                    "",
                    "```",
                    *wrapped(error.findings[0].removeprefix(f"{folder}/")),
                    "```",
                )
            else:
                raise AssertionError(f"the loader accepts: {cause}")


def wrapped(text: str, indent: str = "    ") -> list[str]:
    """A text as lines of at most 100 characters; all but the first are indented."""
    return textwrap.wrap(
        text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _listed(found: list[Key], prefix: str = "") -> list[str]:
    """Keys as a list: name, type and default, then the meaning with its rules."""
    lines = []
    for key in found:
        name = key.path.removeprefix(prefix)
        default = f"default {key.default}" if key.default.startswith("`") else key.default
        rules = " ".join(["", *(f"[{rule}]" for rule in key.rules)])
        lines += wrapped(f"- `{name}` ({key.type}; {default}): {key.meaning}{rules}", indent="  ")
    return lines


_INTRO = """\
# The contract format

<!-- {note} -->

A contract is one YAML file. All contracts of a run are in one folder, which `--contracts DIR` of
`makegood run` names; left out, it is the folder of the two that come with makegood. A further
agreement is a further file and no code.

Check a folder before you use it; the command names the file and line of everything that is wrong:

```
makegood contracts --check contracts
```

The meaning of each term is in [rules.md](rules.md), to which the column *rule* links. Two complete
contracts are in [ingestion/contracts/library](../ingestion/contracts/library): start from
`trueengage.yaml`, which writes out every key that has a default.

## A minimal contract

```yaml
{minimal}```

Everything else has a default. This contract measures availability by month in Berlin time, commits
to 99.5 %, and recognises two kinds of exclusion. It has no targets for tickets, and no credits.

## With targets for tickets, and credits

```yaml
{with_credits}```

## How values are written

YAML is read strictly: every value as it is written, every key once. Anchors, aliases and tags are
refused.

| type | how it is written |
|---|---|
| text, name | `C01`. What YAML reads as something else needs quotes: `"1"`, `"true"`, `"null"` |
| number | the exact decimal, with at most nine decimals: `99.9` is exactly 999/10 |
| percentage | a number from 0 to 100 |
| whole number | without decimals and quotes: `900` |
| duration | a whole number and a unit, `s`, `m`, `h`, `d` or `bd`: `15m`, `3bd`, `8h30m` |
| clock | `24x7`, or the name of one of `calendars` |
| date | `2026-07-01`, a local date of the contract |
| time of day | in quotes: `"08:30"` |
| span | of opening hours, in quotes: `"08:30-12:00"`, `"22:00-06:00"`, `"13:00-24:00"` |
| amounts by currency | `{{EUR: 500, USD: 0.5}}`, no finer than the currency |
| time zone | a region: `Europe/Berlin`, `UTC`; abbreviations such as `CET` are refused |
| country or subdivision | its ISO 3166 code: `NL`, `US-MA` |
| list | `[a, b]`; each value once |

`d` is 86,400 seconds. `bd`, a business day, is 86,400 seconds on a clock of days, and on a clock of
hours what its `business_day` says; on other clocks it is refused (T4).
"""

_AMENDMENTS = """\
## Amendments

An amendment sets single keys for one customer or one subscription. It names the rank of the
document that it comes from, and its dates. Keys that it does not name stay as they are (T6).

The second example with an order form: customer `C01` has a higher commitment and a faster response
for a year. Note that `clock` of the target stays `24x7`.

```yaml
{amended}```

If several documents set the same key, the highest rank wins:
{ranks}

Within a rank a subscription beats a customer, then the later `effective_from` wins, then the later
in the file. The contract itself has rank `sla` and the widest scope, so a document of a lower rank
only sets what the contract leaves out. An amendment may not set `availability.period` or
`monitoring.*`.
"""

_CUSTOMER = """\
## Agreements in which we are the customer

Minutes that a contract excludes because a provider was down are minutes for which that provider may
owe us a credit. `party: customer` makes a contract one of ours with a provider; `covers` names the
kinds of exclusion that are its downtime, and where ([C8]). An exclusion of a component is claimed
in that component's region; one whose component lies outside the service or region that it writes
excludes nothing, and nothing is claimed for it (`component_of_another_service` in
[findings.md](findings.md)).

```yaml
{as_customer}```

| feed | holds of the provider |
|---|---|
| `services` | what we buy, under this contract |
| `components` | a production component for each service and region |
| `subscriptions` | what we have bought; its customer is ourselves, also in `customers` |
| `invoices`, `invoice_lines` | what the provider invoices |
| `credit_requests` | what we have asked for |
| `exclusions` | nothing new: those of the kinds that are covered |
| `outages`, `checks` | what we know of it beside that |

Each exclusion `provider_outage` in `eu` or `us`, whatever services of ours it is about, is downtime
of every service under this contract in that region. Regions are compared by name. A record `up` of
one second states since when the provider is watched; before the first record its state is unknown.
An exclusion without a service also acts on the provider if the contract lists its kind in
`exclusions.kinds`: name the service in exclusions that are about ours alone.

The credits are claims of our own, in the mart `own_claims`, with their deadline; `incident_balance`
has what each incident costs with them ([C9]). What we owe is the same with and without.
The overview leaves such an agreement out, and so do the pages of support, open tickets, coverage
and maintenance until it is chosen there.
"""

_AS_CUSTOMER = """\
contract_id: cloud
name: Cloud Service Level Agreement
time_zone: UTC
party: customer
covers: {provider_outage: [eu, us]}
versions:
  - effective_from: 2026-01-01
    terms:
      monitoring: {without_checks: up}
      availability: {period: month, commitment_pct: 99.9, excluded_time: ignored}
      exclusions: {kinds: [force_majeure]}
      credits:
        support_plans: [standard]
        availability_tiers:
          - {below_pct: 99.9, credit_pct: 10}
          - {below_pct: 99, credit_pct: 25}
        claim_months: 2
        claim_days: 0
"""

_TUTORIAL_CONTRACT = """\
contract_id: harbour_hosting
name: Harbour Hosting Service Level Agreement
time_zone: Europe/London
versions:
  - effective_from: 2026-01-01
    terms:
      availability:
        period: quarter                                  # 2
        commitment_pct: 99.9                             # 2
        excluded_time: ignored                           # 2, all minutes of the quarter
      downtime: {min_consecutive_s: 300}                 # 1
      exclusions: {kinds: [scheduled_maintenance, force_majeure, customer_caused]}  # 3
      maintenance: {scheduled_notice: 5d, notice_required: true}                    # 3
      calendars:
        desk:                                            # 5
          time_zone: Europe/London
          hours:
            mon: ["08:00-12:30", "13:30-18:00"]
            tue: ["08:00-12:30", "13:30-18:00"]
            wed: ["08:00-12:30", "13:30-18:00"]
            thu: ["08:00-12:30", "13:30-18:00"]
            fri: ["08:00-12:30", "13:30-17:00"]
          holidays: GB
          business_day: 9h
      severity: {levels: [urgent, normal]}
      response:
        urgent: {target: 30m, clock: 24x7}               # 5
        normal: {target: 1bd, clock: desk}               # 5
      credits:
        support_plans: [managed]                         # 4, customers with a managed plan
        availability_steps: {per_downtime: 1h, credit_days: 1}  # 4
        cap_pct: 50                                      # 4
        claim_months: 2                                  # 4
        claim_days: 0                                    # 4
      clauses: {A2: "1", A4: "2", X1: "3", X3: "3", C1: "4", C4: "4", C5: "4", K4: "5"}
      texts: {claim: Write to the account manager.}
"""

_TUTORIAL = """\
## From a PDF to a YAML in twenty minutes

An agreement that isn't in the library, as its customers get it:

> 1. *Downtime* is any period of five minutes or more in which the servers can't be reached.
> 2. The servers can be reached for at least 99.9 % of the minutes of each calendar quarter.
> 3. Maintenance that we announce five days ahead, force majeure and what customers do themselves
>    are not downtime.
> 4. For every hour of downtime begun, customers with a managed plan may claim one day's fee, up to
>    half the quarter's fees, until the end of the second month after the quarter.
> 5. We answer urgent requests within 30 minutes at any time, and others within one business day:
>    8:00 to 12:30 and 13:30 to 18:00, on Fridays until 17:00.

1. **Mark what yields a number, a date or a state** (three minutes). Number the clauses if the
   agreement doesn't. What remains is text, and belongs in `texts` or nowhere.
2. **Copy the minimal contract** (two minutes) and fill in the name, the time zone of its periods
   and the date from which it holds. An agreement that names no time zone needs a decision: ask.
3. **Measure first** (five minutes): the period, the commitment, how long an outage has to last,
   what is excluded and after which notice. Then ask of each key below [availability](#availability)
   whether the agreement says something else than its default.
4. **Then the money** (five minutes): who earns credits, by tiers, steps or a refund, up to which
   cap, and until when they can be claimed. "One day's fee for each hour begun" are steps:
   `per_downtime: 1h`, `credit_days: 1`. "Until the end of the second month after" is
   `claim_months: 2` with `claim_days: 0`.
5. **Then support** (three minutes): a calendar for each kind of hours, a target for each severity.
   A lunch break makes two spans.
6. **Check it** (two minutes). The linter names what can still be read in two ways; on a warehouse
   it prices every scenario. `makegood backtest` then shows what the agreement would have cost.

```yaml
{tutorial}```

```
makegood contracts --check contracts --warehouse warehouse
makegood backtest --contracts contracts --warehouse warehouse
```

Work one case out by hand before you trust it. July to September 2026 have 92 days: downtime of 2 h
10 min is three hours begun, three days of 92, 3.260870 % of the fee. Of 9,200.00 EUR that is 300.00
EUR, to be claimed by 30 November.

What the agreement says and the format can't, write down as a comment with the clause:
[what the format can't say](#what-the-format-cant-say) has the names.
"""

_REFUSED = """\
## Common refusals

A contract that is refused stops the run before anything is read (exit 2). Each line names the file,
the line, the key and the form that is wanted. These are the messages for the second example with
one mistake in it."""


def contract_page(note: str) -> str:
    """docs/contracts.md. `note` says how it is made."""
    by_section: dict[str, list[Key]] = {}
    for key in keys(Terms):
        by_section.setdefault(key.path.partition(".")[0], []).append(key)
    ranks = " > ".join(f"`{rank}`" for rank in RANKS) + "."
    own = [k for k in keys(Contract) if "[]." not in k.path]
    lines = [
        _INTRO.format(note=note, minimal=MINIMAL, with_credits=_WITH_CREDITS),
        "## The file",
        "",
        *_listed(own),
        "",
        "Each of `versions`:",
        "",
        *_listed(list(keys(Version))),
        "",
        _AMENDMENTS.format(amended=_AMENDED, ranks="\n".join(wrapped(ranks, ""))),
        *_listed(list(keys(Amendment))),
        "",
        _CUSTOMER.format(as_customer=_AS_CUSTOMER),
        _TUTORIAL.format(tutorial=_TUTORIAL_CONTRACT),
        "## Terms",
        "",
        "The tables below name the keys under `terms`, by section.",
    ]
    hints = get_type_hints(Terms, include_extras=True)
    for section, found in by_section.items():
        field = Terms.model_fields[section]
        doc = (
            next(models_in(hints[section])).__doc__ if field.description is None else None
        ) or field.description
        lines += [
            "",
            f"### {section}",
            "",
            _split(cleandoc(str(doc)))[0],
            "",
            *_listed(found, f"{section}."),
        ]
    # C9 is about no key
    cited = sorted({"C9"} | {rule for key in contract_keys() for rule in key.rules})
    links = [f"[{rule}]: rules.md#{rule.lower()}" for rule in cited]
    more = [*_refusals(), "", *library_page()]
    return "\n".join([*lines, "", _REFUSED, *more, "", *links, ""])
