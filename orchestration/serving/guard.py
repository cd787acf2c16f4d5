"""Only pages of a server itself may talk to it: Dagster's webserver answers whoever asks, and a web
page elsewhere can make a browser on this machine ask.

Such a page can send requests of a few kinds without asking first, read answers if its own name is
made to lead to this machine, open WebSockets, and show our pages in a frame. So a request must name
us as its host, come from a page of ours or from no page, and change things only by POST with JSON,
which a browser sends to another server only after that server has agreed to it.
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from typing import Any

from makegood.dashboards.access.grants import LOCAL_NAMES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

GRAPHQL = "/graphql"
POLICY_VIOLATION = 1008
# Dagster's version alone, by which others see whether the server is at work
VERSIONS = "/server_info"
PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]
ASKING = (b"www-authenticate", b'Basic realm="makegood", charset="UTF-8"')


class Guard:
    """An ASGI app before another one that listens on a port of this machine: refuses what pages of
    other servers can send, HTTP with 403, WebSockets before they are open. With a password also
    whoever does not give it, whatever the user's name, with 401."""

    def __init__(self, app: App, port: int, password: str | None = None) -> None:
        self.app = app
        self.password = password
        self.address = f"http://127.0.0.1:{port}"
        names = [f"[{name}]" if ":" in name else name for name in LOCAL_NAMES]
        # a browser leaves out the port that is usual
        self.hosts = {f"{name}:{port}" for name in names} | {n for n in names if port == 80}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        status, headers, reason = 403, PLAIN, self.refusal(scope)
        if reason is None and not self.knows(scope):
            status, headers, reason = 401, [*PLAIN, ASKING], "the password is missing or wrong"
        if reason is None:
            await self.app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "refused"})
        else:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": f"Refused: {reason}.\n".encode()})

    def knows(self, scope: Message) -> bool:
        """Whether an HTTP or WebSocket scope gives the password, or asks for what needs none."""
        if self.password is None or scope["path"] == VERSIONS:
            return True
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or not given[0].lower().startswith(b"basic "):
            return False
        try:
            _, _, password = b64decode(given[0][6:], validate=True).partition(b":")
        except ValueError:
            return False
        return compare_digest(password, self.password.encode())

    def refusal(self, scope: Message) -> str | None:
        """Why the request of an HTTP or WebSocket scope is refused; None if it is not."""
        host, origin, site, kind = (
            [value.decode("latin-1").lower() for name, value in scope["headers"] if name == header]
            for header in (b"host", b"origin", b"sec-fetch-site", b"content-type")
        )
        if len(host) != 1 or host[0] not in self.hosts:
            return f"Host is {_shown(host)}, not a name of this server; open {self.address}"
        if origin not in ([], [f"http://{host[0]}"]):
            return f"Origin is {_shown(origin)}: only pages of http://{host[0]} are answered"
        if site not in ([], ["same-origin"], ["none"]):
            return f"a page of another server leads here; enter {self.address} as the address"
        if scope["type"] == "websocket":
            return None
        if scope["method"] in ("GET", "HEAD"):
            # not `==`: a route ends at a line feed, too
            if scope["path"].startswith(GRAPHQL) and scope["query_string"]:
                return "GraphQL is answered by POST with a body of JSON, not by GET"
            return None
        if scope["method"] != "POST":
            return f"the method is {scope['method']}: only GET and POST are answered"
        # the whole type: `text/plain; application/json` may be sent by any page
        if [k.partition(";")[0].strip() for k in kind] != ["application/json"]:
            return f"Content-Type is {_shown(kind)}: send application/json"
        return None


def _shown(values: list[str]) -> str:
    return " and ".join(map(repr, values)) or "missing"


def _unframed(send: Send) -> Send:
    """Tells browsers to show no answer in a frame, where a click may be meant for another page."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"x-frame-options", b"DENY")]
        await send(message)

    return sent
