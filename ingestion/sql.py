"""What SQL that is put together needs."""

from pathlib import Path


def identifier(name: str) -> str:
    """A name of a table or column, whatever its letters."""
    return '"' + name.replace('"', '""') + '"'


def quoted(path: Path) -> str:
    """A path as the inside of a literal."""
    return str(path).replace("'", "''")
