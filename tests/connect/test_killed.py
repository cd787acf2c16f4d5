"""A pull that is killed, after every request and at every write: the next one makes up for it."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.connect.conftest import Pull
from tests.support.acme import Acme, acme, connect_yaml, issue
from tests.support.delivered import all_rows
from tests.support.vendor import Answer, Request

pytestmark = [pytest.mark.usefixtures("made_up"), pytest.mark.long]


def in_child(work: Callable[[], Any]) -> int:
    """Does work in a process of its own; the signal that ended it, or 0."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status := os.waitpid(pid, 0)[1]) else 0


def pull_killed_at_write(number: int, pull: Pull, config: Path, folder: Path) -> None:
    """A pull whose process dies before the write of that number (from 1) below a folder: a file
    that is opened for writing, moved or removed, or a folder that is made."""
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        is_write = event in ("os.rename", "os.remove", "os.mkdir") or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if is_write and str(folder) in str(args[0]):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    pull(config, folder)


class KillsAtRequest:
    """A server that answers, and kills who asks for the page of that number (from 1), once."""

    def __init__(self, server: Acme, number: int) -> None:
        self.server, self.number = server, number

    def __call__(self, request: Request) -> Answer:
        answer = self.server.answer(request)
        process = request.headers["User-Agent"]
        if len(self.server.served.asked) == self.number and process.isdecimal():
            os.kill(int(process), signal.SIGKILL)
        return answer


def named_pull(pull: Pull, config: Path, folder: Path) -> None:
    """A pull whose requests say which process makes them."""
    send = requests.Session.send

    def named(session: Any, request: Any, **more: Any) -> Any:
        request.headers["User-Agent"] = str(os.getpid())
        return send(session, request, **more)

    requests.Session.send = named  # type: ignore[method-assign]
    pull(config, folder)


def changed(server: Acme) -> None:
    """What the vendor's records become between two pulls."""
    server.issues[1] = issue(2, changed=30, subject="renamed", log=[])
    server.issues.append(issue(31))


def undisturbed(tmp_path: Path, pull: Pull) -> dict[str, Any]:
    with acme(issues=7, pings=5) as server:
        config = connect_yaml(tmp_path, server.served.url)
        pull(config, tmp_path / "undisturbed")
        changed(server)
        pull(config, tmp_path / "undisturbed")
    return all_rows(tmp_path / "undisturbed" / "landing")


def test_killed_after_every_request(tmp_path: Path, pull: Pull) -> None:
    wanted = undisturbed(tmp_path, pull)
    kills = 0
    for number in range(1, 100):
        folder = tmp_path / f"request{number}"
        with acme(issues=7, pings=5) as server:
            config = connect_yaml(tmp_path, server.served.url)
            answer = KillsAtRequest(server, number)
            server.served.handlers = {"/issues": answer, "/pings": answer}
            ended = in_child(partial(named_pull, pull, config, folder))
            kills += ended == signal.SIGKILL
            assert pull(config, folder)[1] == [], f"killed after request {number}"
            changed(server)
            assert pull(config, folder)[1] == [], f"killed after request {number}"
        assert all_rows(folder / "landing") == wanted, f"killed after request {number}"
        if not ended:
            break
    assert kills == 5


@pytest.mark.parametrize("is_first", [True, False], ids=["the first pull", "a later pull"])
def test_killed_at_every_write(tmp_path: Path, pull: Pull, is_first: bool) -> None:
    wanted = undisturbed(tmp_path, pull)
    for number in range(1, 500):
        folder = tmp_path / f"write{number}"
        with acme(issues=7, pings=5) as server:
            config = connect_yaml(tmp_path, server.served.url)
            if not is_first:
                pull(config, folder)
                changed(server)
            ended = in_child(partial(pull_killed_at_write, number, pull, config, folder))
            assert pull(config, folder)[1] == [], f"killed at write {number}"
            if is_first:
                changed(server)
                assert pull(config, folder)[1] == [], f"killed at write {number}"
        assert all_rows(folder / "landing") == wanted, f"killed at write {number}"
        if not ended:
            break
    # those of dlt among them
    assert number > 50
