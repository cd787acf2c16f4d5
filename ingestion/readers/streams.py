"""Plain and compressed files as streams of bytes, with a limit on what they unpack to."""

import io
from pathlib import Path

import pyarrow as pa

from makegood.ingestion.limits import MIB, UNPACKED_BYTES, UNPACKED_RATIO
from makegood.ingestion.readers import UnreadableFile

_CODECS = {".gz": "gzip", ".zst": "zstd"}


def opened(path: Path) -> pa.NativeFile:
    """The file's content, decompressed by its suffix as it is read. Raises OSError if it is broken,
    also while it is read."""
    codec = _CODECS.get(path.suffix.lower())
    if codec and not path.stat().st_size:
        raise OSError(f"it is empty, which a {codec} file never is")
    return pa.CompressedInputStream(pa.OSFile(str(path)), codec) if codec else pa.OSFile(str(path))


def counted(path: Path) -> io.BufferedReader:
    """As `opened`; raises UnreadableFile once far more has come out than a file of this size can
    honestly hold."""
    return io.BufferedReader(_Counted(path))


class Allowance:
    """How many bytes more may come out of a file of this size."""

    def __init__(self, path: Path) -> None:
        self._left = max(UNPACKED_BYTES, UNPACKED_RATIO * path.stat().st_size)

    def take(self, count: int) -> None:
        """Raises UnreadableFile if that is more than is left."""
        self._left -= count
        if self._left < 0:
            raise UnreadableFile(
                f"unpacks to over {UNPACKED_BYTES // MIB} MiB and {UNPACKED_RATIO} times its size"
            )


class _Counted(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._stream = opened(path)
        self._allowance = Allowance(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        count: int = self._stream.readinto(buffer)
        self._allowance.take(count)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
