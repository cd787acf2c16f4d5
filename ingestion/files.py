"""Files that are whole or not there: checksums, and writing to disk.

Does not belong here: what the files hold.
"""

import hashlib
import os
import secrets
from io import BufferedReader
from pathlib import Path

# of a file that is being written; a run that was killed may leave one behind
DRAFTS = ".draft-*"


def sha256_of(file: Path | BufferedReader) -> str:
    """The SHA-256 of a file, or of the rest of one that is open, in hexadecimal; raises OSError."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            return sha256_of(stream)
    return hashlib.file_digest(file, "sha256").hexdigest()


def synced(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes | str) -> None:
    """Writes a file that others may read at any time: they find all of the new or all of the old.

    It is on disk before it takes the place of the old one. `content`: text is written as UTF-8.
    Raises OSError, and then leaves the old one as it was.
    """
    draft = path.parent / DRAFTS.replace("*", secrets.token_hex(8))
    try:
        with draft.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
