"""Plain and compressed files as streams of bytes."""

from pathlib import Path

import pyarrow as pa

_CODECS = {".gz": "gzip", ".zst": "zstd"}


def opened(path: Path) -> pa.NativeFile:
    """The file's content, decompressed by its suffix as it is read. Raises OSError, also while reading, where it is broken."""
    codec = _CODECS.get(path.suffix)
    return pa.CompressedInputStream(pa.OSFile(str(path)), codec) if codec else pa.OSFile(str(path))
