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


def is_over(month: date, day: date) -> bool:
    """Whether a month (its first day) has ended on a local date (T3)."""
    return following(month) <= day


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins (T2)."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)
