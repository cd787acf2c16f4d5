"""What is in the landing folder: which files are new, which are not read yet, and what is refused
without being opened.

Files are read as they are found, with these bounds: only regular files are ever opened, nothing
outside the landing folder is followed, and a file that someone still writes is left for the next
run.
"""

import fcntl
import os
import signal
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from errno import EAGAIN
from pathlib import Path

from makegood.ingestion.feeds.specs import Feed, feeds
from makegood.ingestion.files import sha256_of
from makegood.ingestion.readers import readers, suffix

Identity = tuple[int, int, int, int, int]
# what is in the inbox of a warehouse is known by paths below this; a landing folder has none of the
# kind, because hidden files are not read
INBOX = ".inbox"


@dataclass(frozen=True)
class NewFile:
    """A file whose content has not landed yet. `path` is relative to the landing folder, with
    slashes; `refusal` says why it may not be opened, `identity` what it was when it was found."""

    feed: Feed
    path: str
    file: Path
    sha256: str = ""
    size: int = 0
    identity: Identity | None = None
    refusal: str | None = None

    def is_as_found(self) -> bool:
        try:
            return _identity(self.file.stat()) == self.identity
        except OSError:
            return False


@dataclass(frozen=True)
class _Found:
    """A path in a feed's folder: a file to read, or something that is refused."""

    path: str
    file: Path
    refusal: str | None = None


class _Delivered:
    """What has been delivered so far: the content that each path had, and had last."""

    def __init__(self, deliveries: Iterable[tuple[str, str, str]]) -> None:
        self._last: dict[tuple[str, str], str] = {}
        self._paths: dict[tuple[str, str], list[str]] = {}
        for feed, path, sha256 in deliveries:
            self.add(feed, path, sha256)

    def add(self, feed: str, path: str, sha256: str) -> None:
        self._last[feed, path] = sha256
        self._paths.setdefault((feed, sha256), []).append(path)

    def is_unchanged(self, file: "NewFile") -> bool:
        return self._last.get((file.feed.feed, file.path)) == file.sha256

    def other_path(self, file: "NewFile") -> str | None:
        """The path that delivered the same content first, if this path never has."""
        paths = self._paths.get((file.feed.feed, file.sha256), [])
        return paths[0] if paths and file.path not in paths else None


def discover(
    landing: Path, delivered: Iterable[tuple[str, str, str]], inbox: Path | None = None
) -> tuple[list[NewFile], list[str]]:
    """The files that are new deliveries, in the order in which they count, and warnings about files
    that are not read. `delivered`: feed, path and SHA-256 of each delivery so far, in their order;
    `inbox`: a folder like `landing`, into which pages deliver.

    Content that a path delivered last changes nothing; content that it had before that, or that
    nobody had, is a new delivery; content that only another path had is a copy or a file that was
    moved, and is not read.
    """
    new: list[NewFile] = []
    warnings: list[str] = []
    known = _Delivered(delivered)
    everything = [*_found(landing), *(_found_in_inbox(inbox) if inbox else [])]
    for found in sorted(everything, key=lambda f: f.path):  # by code point
        name = found.path.partition("/")[0]
        feed = feeds().get(name)
        if "/" not in found.path and not (feed and found.refusal):
            warnings.append(f"{found.path} is not read: its folder is not that of a feed")
        elif feed is None:
            warnings.append(f"{found.path} is not read: {name} is not a feed")
        elif found.refusal:
            new.append(NewFile(feed, found.path, found.file, refusal=found.refusal))
        elif suffix(found.file.name) is None:
            warnings.append(
                f"{found.path} is not read: its suffix is not one of {', '.join(sorted(readers()))}"
            )
        else:
            file = _opened(feed, found)
            if file is None:
                warnings.append(
                    f"{found.path} is not read: it is still being written or moved; it comes in "
                    "with the next run"
                )
            elif file.refusal:
                new.append(file)
            elif known.is_unchanged(file):
                continue
            elif first := known.other_path(file):
                warnings.append(
                    f"{found.path} is not read: it holds what was delivered as {first}, and "
                    "changes nothing"
                )
            else:
                known.add(name, file.path, file.sha256)
                new.append(file)
    return new, warnings


def _found(landing: Path) -> Iterator[_Found]:
    """Everything below the landing folder, but for hidden files and feeds.yaml. Each folder is
    entered once, linked ones last."""
    root = landing.resolve()
    folders, linked, named_as_files = [landing], list[Path](), list[Path]()
    entered: set[Path] = set()
    files: list[str] = []
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)
        real = folder.resolve()
        if real in entered:
            continue
        entered.add(real)
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            yield _Found(_shown(folder, landing), folder, f"can't be read: {error.strerror}")
            continue
        for path in entries:
            shown = _shown(path, landing)
            if path.name.startswith(".") or shown == "feeds.yaml":
                continue
            refusal = _refusal(path, root)
            if refusal or not path.is_dir():
                files.append(shown)
                yield _Found(shown, path, refusal)
                continue
            (linked if path.is_symlink() else folders).append(path)
            if suffix(path.name):
                named_as_files.append(path)
        linked.sort()
    for folder in named_as_files:
        # Spark writes folders of that kind
        inside = _shown(folder, landing) + "/"
        if not any(file.startswith(inside) and suffix(file) for file in files):
            yield _Found(inside[:-1], folder, "is a folder in which no file can be read")


def _found_in_inbox(inbox: Path) -> Iterator[_Found]:
    if inbox.is_dir():
        for found in _found(inbox):
            feed, _, rest = found.path.partition("/")
            yield replace(found, path=f"{feed}/{INBOX}/{rest}")


def _shown(path: Path, landing: Path) -> str:
    """The path below the landing folder, with what is not UTF-8 in it spelt out."""
    return (
        path.relative_to(landing)
        .as_posix()
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "backslashreplace")
    )


def _refusal(path: Path, root: Path) -> str | None:
    """Why a path may not be opened, if so."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    try:
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            target = path.resolve(strict=True)
            kind = target.stat().st_mode
            if not target.is_relative_to(root):
                return "is a link that leads out of the landing folder"
    except (OSError, RuntimeError) as error:
        loop = "a link that leads back to itself"
        return f"can't be followed: {error.strerror if isinstance(error, OSError) else loop}"
    return (
        None
        if stat.S_ISREG(kind) or stat.S_ISDIR(kind)
        else "is neither file nor folder, and never opened"
    )


def _opened(feed: Feed, found: _Found) -> NewFile | None:
    """The file with what identifies it; None while it is being written or moved."""
    try:
        # not blocking: should a pipe have taken its place, it would be waited for
        descriptor = os.open(found.file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode) or _is_being_written(descriptor):
                return None
            digest = sha256_of(stream)
            identity = _identity(before)
            if identity != _identity(os.fstat(descriptor)):
                return None
            return NewFile(feed, found.path, found.file, digest, before.st_size, identity)
    except FileNotFoundError:
        return None
    except OSError as error:
        return NewFile(feed, found.path, found.file, refusal=f"can't be read: {error.strerror}")


def _is_being_written(descriptor: int) -> bool:
    """Whether anyone has the file open for writing. Only Linux can say, and not on every file
    system."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # who opens the file while it is leased makes a signal: one that nobody minds, since the
        # default would end the process
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == EAGAIN
    return False


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
