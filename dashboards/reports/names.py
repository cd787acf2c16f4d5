"""Names of the files of reports, the same from the page and from the command."""

import hashlib
import re
from collections import Counter
from urllib.parse import quote

_LONGEST = 100


def file_names(period_of: dict[str, str], kind: str) -> dict[str, str]:
    """A file name for each id that is safe and unique on any file system, also if it ignores case.

    An id keeps its letters, digits, `_`, `.` and `-`; other characters, and a dot or dash in front,
    are percent-encoded. A name that is changed or cut by that, or that differs from another in case
    alone, ends in `~` and a hash of the id. `period_of`: the code of the period by subscription.
    """
    kept = {i: _quoted(i) for i in period_of}
    alike = Counter(name.casefold() for name in kept.values())
    named = {}
    for subscription_id, name in kept.items():
        if (
            not name
            or name != subscription_id
            or len(name) > _LONGEST
            or alike[name.casefold()] > 1
        ):
            name = f"{name[:_LONGEST]}~{hashlib.sha256(subscription_id.encode()).hexdigest()[:16]}"
        period = period_of[subscription_id].replace(" ", "-")
        named[subscription_id] = f"{name}-{period}.{kind}"
    return named


def _quoted(subscription_id: str) -> str:
    # ~ marks a hash; a leading dot hides a file, a leading dash makes it look like an option
    quoted = quote(subscription_id, safe="").replace("~", "%7E")
    return re.sub(r"^[.-]", lambda found: f"%{ord(found[0]):02X}", quoted)


def file_name(ids: list[str], subscription_id: str, period: str, kind: str) -> str:
    """The name that one report has among those of all subscriptions. `ids`: of all of them."""
    return file_names(dict.fromkeys([*ids, subscription_id], period), kind)[subscription_id]


def lists_name(name: str) -> str:
    """The name of the lists that go with a report of a name."""
    return f"{name.rpartition('.')[0]}-lists.xlsx"
