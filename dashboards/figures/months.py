"""Local months, by the clock of each contract (T2, T3)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from makegood.dashboards.access.reader import Reader


def days(reader: Reader) -> dict[str, date]:
    """The local date of the figures' instant, by contract id."""
    return {
        row["contract_id"]: reader.as_of.astimezone(ZoneInfo(row["time_zone"])).date()
        for row in reader.rows("select contract_id, time_zone from marts.contracts")
    }


def following(month: date) -> date:
    """The first day of the next month."""
    return (month + timedelta(days=31)).replace(day=1)


def is_over(ends_at: datetime, as_of: datetime) -> bool:
    """Whether a period is over (T3). Marts say so of what has a figure; reports also cover months
    that have none."""
    return ends_at <= as_of


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins (T2)."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)
