"""What SQL that is put together needs."""

from pathlib import Path


def quoted(path: Path) -> str:
    """A path as the inside of a literal."""
    return str(path).replace("'", "''")
