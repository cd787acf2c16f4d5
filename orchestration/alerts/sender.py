"""Sends messages, in a process of its own: it can be stopped in time, and nothing that libraries
log or raise is shown, since addresses hold secrets.

In, as JSON: a list of messages (url, title, body, kind). Out: a line for each when it is done,
`<number of the message> taken|refused|unknown`.
"""

import json
import os
import sys
import threading
from typing import Any

import apprise
from apprise import plugins


def send(url: str, title: str, body: str, kind: str) -> str:
    """Sends one: `taken` by the service, `refused` (or not reached), or `unknown` to Apprise."""
    # a redirected message would arrive empty, and pictures would be fetched from elsewhere
    asset = apprise.AppriseAsset(
        app_id="Makegood",
        app_desc="SLA warehouse",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        service_timeout=0,
    )
    parts: dict[str, Any] | None = plugins.url_to_dict(url)  # type: ignore[no-untyped-call]
    # too long for a service: its start says the most
    service = (
        apprise.Apprise.instantiate({"overflow": "truncate", **parts}, asset=asset)
        if parts
        else None
    )
    if service is None:
        return "unknown"
    services = apprise.Apprise(asset=asset)
    services.add(service)
    # as plain text: signs of Markdown and HTML in names stay signs
    taken = services.notify(
        title=title, body=body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
    )
    return "taken" if taken else "refused"


def _send(number: int, message: dict[str, Any], out: Any) -> None:
    try:
        outcome = send(**message)
    except Exception:
        # what it says may hold the address
        outcome = "refused"
    os.write(out, f"{number} {outcome}\n".encode())


def main() -> None:
    messages = json.load(sys.stdin)
    # services may print; only outcomes are read
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threads = [
        threading.Thread(target=_send, args=(n, m, out), daemon=True)
        for n, m in enumerate(messages)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
