"""Reading a system's API with dlt: pages, retries, cursors, and records kept exactly as they came.

A record is kept as one text, so that nothing of dlt decides what a number or an instant is: no
double, no zone, no cut digits. dlt's own tables lie beside them in the same folder, which is not
the landing folder. dlt is an extra, `makegood[connect]`; but for this module only `postgres` knows
it.
"""

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from makegood.ingestion.connect.instants import from_epoch, moment
from makegood.ingestion.connect.system import (
    Api,
    Record,
    System,
    Unmapped,
    Unreadable,
    Value,
    whole_signs,
)

# after so many pages what was read is kept, where the order of a resource allows that
CHUNK_PAGES = 50
# pages of a resource are enough to see what there is: each record may have some of its own
_LOOKED_AT = 20
# an answer that comes so often has pages that lead in a circle
_MOST_REPEATS = 5
# a cursor so far after the server's own clock is wrong, and would skip what comes before it
_MOST_SKEW_S = 600
_TRIES = 5
# 420 is what Statuspage answers in place of 429
_TRIED_AGAIN = (420, 429, *range(500, 600))
# a shorter text is in many words
_SHORTEST_SECRET = 6
# what a header says of who asks
_CREDENTIALS = re.compile(r"\b(Basic|Bearer)\s+(?=\S*[0-9=])[\w.~+/=-]{12,}", re.IGNORECASE)


class SchemaChanged(Unreadable):
    """An answer without what the documentation says is in it."""


@dataclass
class Traffic:
    """What was asked of a system so far: requests, records by resource, and pages by resource in
    this round."""

    requests: int = 0
    records: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)


def pull(
    system: System[Any],
    api: Api,
    secrets: Mapping[str, str],
    folder: Path,
    progress: Callable[[str], None],
    chunk_pages: int = CHUNK_PAGES,
) -> Traffic:
    """Reads what is new since the last pull into `folder`, and returns what that took.

    Pages that were kept when an earlier pull ended early are not asked for again. Raises
    Unreadable, in words for the user, where the system can't be read; nothing of what was not kept
    then counts as read.
    """
    dlt = require()
    last = max(map(Decimal, loads(system, folder)), default=Decimal(0))
    if last > time.time():
        # loads are ordered by when they were made
        at = from_epoch(int(last))
        raise Unreadable(
            f"{system.title}: this machine's clock is before the last pull, which was at {at}: "
            "what is older would count as newer; set it right"
        )
    traffic = Traffic()
    pipeline = _pipeline(dlt, system.name, folder)
    rounds = {resource["name"] for resource in api.resources}
    limit: int | None = chunk_pages
    try:
        _mend(folder, system.name)
        while pipeline.has_pending_data:
            # of a pull that was ended: read, and not written yet
            pipeline.run()
        while rounds:
            before = _cursors(pipeline)
            pipeline.run(
                _source(dlt, system, api, rounds, limit, traffic, progress),
                loader_file_format="jsonl",
            )
            rounds = {
                name for name in api.resumable & rounds if limit and traffic.pages[name] >= limit
            }
            rounds |= {r["name"] for r in api.resources if _parents(r) & rounds}
            if before == _cursors(pipeline):
                # one instant fills a whole chunk: the rest is read in one go
                limit = None
    except Exception as error:
        raise _in_words(error, system, secrets) from error
    finally:
        # its state is not for what reads without keeping
        pipeline.deactivate()
    return traffic


def first_page(
    system: System[Any], api: Api, secrets: Mapping[str, str], progress: Callable[[str], None]
) -> tuple[dict[str, list[Record]], Traffic]:
    """The first page of each resource, without keeping anything."""
    dlt = require()
    traffic = Traffic()
    found: dict[str, list[Record]] = {}
    for name in (resource["name"] for resource in api.resources):
        records: list[Record] = []
        try:
            for item in _source(dlt, system, api, {name}, 1, traffic, progress):
                where = f"{name}, record {len(records) + 1}"
                records.append(Record(_decoded(item["record"]), where))
        except Exception as error:
            if not any(isinstance(cause, _Enough) for cause in _causes(error)):
                raise _in_words(error, system, secrets) from error
        if records:
            found[name] = records
    return found, traffic


def loads(system: System[Any], folder: Path) -> dict[str, dict[str, list[Path]]]:
    """The files of records that pulls have kept, by the load that brought them and by resource, in
    the order in which they came."""
    found = [
        (Decimal(_load_of(file)), file.name, resource, file)
        for resource in system.keys
        for file in (folder / "raw" / resource).glob("*.jsonl*")
    ]
    made: dict[str, dict[str, list[Path]]] = {}
    for _, _, resource, file in sorted(found):
        made.setdefault(_load_of(file), {}).setdefault(resource, []).append(file)
    return made


def records_of(files: Iterable[Path]) -> Iterator[Record]:
    """The records in files of one resource."""
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{file.parent.name}/{file.name}:{number}"
                yield Record(_decoded(json.loads(line)["record"]), where)


def _load_of(file: Path) -> str:
    """`1764468000.123.4f2a.jsonl.gz` is the file 4f2a of the load 1764468000.123."""
    return ".".join(file.name.split(".")[:2])


def require(what: str = "APIs are", *others: str) -> Any:
    """dlt, which calls nobody but the system. Raises Unreadable where it, or another module that is
    needed, is not installed; `what` is read with it."""
    if not all(map(find_spec, ("dlt", *others))):
        raise Unreadable(
            f"{what} read with dlt, which is not installed: install makegood[connect] "
            "(example: pip install 'makegood[connect]')"
        )
    import dlt
    from dlt.common.configuration.specs import RuntimeConfiguration
    from dlt.common.runtime.anon_tracker import disable_anon_tracker
    from dlt.common.runtime.telemetry import start_telemetry

    # whatever the environment says: started once, with nothing to do, it is not started again
    silent = RuntimeConfiguration()
    silent.dlthub_telemetry = False
    start_telemetry(silent)
    disable_anon_tracker()
    return dlt


def _pipeline(dlt: Any, name: str, folder: Path) -> Any:
    return dlt.pipeline(
        pipeline_name=name,
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.filesystem(
            bucket_url=folder.resolve().as_uri(), layout="{table_name}/{load_id}.{file_id}.{ext}"
        ),
        dataset_name="raw",
    )


def _mend(folder: Path, pipeline: str) -> None:
    """What a killed pull may leave of which dlt would give up."""
    raw = folder / "raw"
    if raw.is_dir() and not (raw / "init").exists():
        raw.rmdir()
    # written, noted as such, and not yet moved to where that is looked for: it is noted again
    for note in (folder / "dlt" / pipeline / "load").glob("normalized/*/package_completed.json"):
        note.unlink()


def _cursors(pipeline: Any) -> str:
    """Where all resources are."""
    return json.dumps(pipeline.state.get("sources", {}), default=str, sort_keys=True)


def _source(
    dlt: Any,
    system: System[Any],
    api: Api,
    names: set[str],
    limit: int | None,
    traffic: Traffic,
    progress: Callable[[str], None],
) -> Any:
    """The resources, each with one that takes its records as text: those of children are asked for
    by the fields of their parents, which therefore stay as they are."""
    from dlt.sources.helpers.requests import Client
    from dlt.sources.rest_api import rest_api_resources

    session = Client(
        raise_for_status=False, request_max_attempts=_TRIES, status_codes=_TRIED_AGAIN
    ).session
    traffic.pages.clear()
    # records may be asked for more each, such as their logs
    watch = _Watch(system, api, traffic, progress, _LOOKED_AT if limit == 1 else None)
    resources = [_asked(resource, watch.of(resource)) for resource in api.resources]
    config: Any = {"client": api.client | {"session": session}, "resources": resources}
    built = rest_api_resources(config)

    @dlt.source(name=system.name, max_table_nesting=0)
    def everything() -> Iterator[Any]:
        for resource in built:
            is_limited = limit == 1 or (limit and resource.name in api.resumable)
            if is_limited and not resource.is_transformer:
                resource.add_limit(limit)
            resource.selected = False
            _keep_start(resource)
            yield resource
            if resource.name in names:
                yield dlt.transformer(
                    watch.texts(resource.name),
                    data_from=resource,
                    name=f"{resource.name}_as_text",
                    table_name=resource.name,
                    write_disposition="append",
                    columns={"record": {"data_type": "text"}, "resource": {"data_type": "text"}},
                )

    return everything()


def _keep_start(resource: Any) -> None:
    """dlt binds the cursor of a child anew for each page of its parents, to where it has come by
    then, and drops records before that: those of all parents start where the last pull ended."""
    wrapper = resource.incremental
    if wrapper is None or not resource.is_transformer:
        return
    bind, starts = wrapper.bind, []

    def bind_to_first(pipe: Any) -> Any:
        bind(pipe)
        if wrapper.incremental is not None:
            starts.append(wrapper.incremental.start_value)
            wrapper.incremental.start_value = starts[0]
        return wrapper

    wrapper.bind = bind_to_first


def _parents(resource: dict[str, Any]) -> set[str]:
    """The resources by whose records one is asked for."""
    return set(re.findall(r"\{resources\.(\w+)\.", json.dumps(resource["endpoint"], default=str)))


def _asked(resource: dict[str, Any], look: Callable[..., Any]) -> dict[str, Any]:
    """A resource with what is always so: answers are looked at before anything reads them, and a
    record without a cursor is one all the same."""
    endpoint = dict(resource["endpoint"])
    endpoint["response_actions"] = [*endpoint.get("response_actions", []), look]
    if "incremental" in endpoint:
        endpoint["incremental"] = {
            "on_cursor_value_missing": "include",
            **endpoint["incremental"],
        }
    return resource | {"endpoint": endpoint}


class _Enough(Exception):
    """Enough has been read to see what there is."""


class _Watch:
    """Sees each answer and each record on its way."""

    def __init__(
        self,
        system: System[Any],
        api: Api,
        traffic: Traffic,
        progress: Callable[[str], None],
        most_pages: int | None,
    ) -> None:
        self.system, self.api, self.traffic, self.progress = system, api, traffic, progress
        self.most_pages = most_pages
        self.seen: Counter[tuple[str, int]] = Counter()
        self.clock_s: int | None = None

    def of(self, resource: dict[str, Any]) -> Callable[..., Any]:
        name = resource["name"]
        selector = str(resource["endpoint"].get("data_selector") or "$")
        root = selector.removeprefix("$").strip(".").split(".")[0].split("[")[0]

        def look(response: Any, *args: Any, **kwargs: Any) -> Any:
            if self.most_pages and self.traffic.pages[name] >= self.most_pages:
                raise _Enough
            self.traffic.requests += 1
            if not response.ok:
                return response
            page = self._exact(response)
            if isinstance(page, list) and self.api.list_as:
                page = {self.api.list_as: page, "url": response.url}
            if isinstance(page, dict) and self.api.page:
                page = self.api.page(page)
            if root and (not isinstance(page, dict) or root not in page):
                what = ", ".join(page) if isinstance(page, dict) else type(page).__name__
                raise SchemaChanged(
                    f"the answer to {_path(response.url)} lacks {root!r}: it has {what[:300]}"
                )
            items = page.get(root) if isinstance(page, dict) and root == selector else None
            for item in items if isinstance(items, list) else []:
                if not isinstance(item, Mapping):
                    raise SchemaChanged(
                        f"{root} in the answer to {_path(response.url)} holds {item!r:.100}, and a "
                        "record is an object"
                    )
            request = f"{response.request.method} {response.url} {response.request.body!r}"
            self.seen[request, hash(response.content)] += 1
            if self.seen[request, hash(response.content)] > _MOST_REPEATS:
                raise Unreadable(
                    f"{_path(response.url)} gives the same page again and again: its pages lead in "
                    "a circle"
                )
            if date := response.headers.get("Date"):
                self.clock_s = int(parsedate_to_datetime(date).timestamp())
            response.json = lambda **kwargs: page
            self.traffic.pages[name] += 1
            return response

        return look

    def _exact(self, response: Any) -> Any:
        """The JSON with its numbers exact. Half an answer is asked for again."""
        from requests.exceptions import ChunkedEncodingError

        try:
            text = response.content.decode("utf-8-sig")
            return whole_signs(_decoded(text)) if "\\u" in text else _decoded(text)
        except ValueError as error:
            raise ChunkedEncodingError(
                f"{_path(response.url)} answered with something that is not JSON",
                response=response,
            ) from error

    def texts(self, name: str) -> Callable[[Any], Iterator[dict[str, str]]]:
        import simplejson

        split = self.api.records.get(name)
        cursor = self._cursor(name)

        def as_text(items: Any) -> Iterator[dict[str, str]]:
            for item in items if isinstance(items, list) else [items]:
                self._check_clock(name, item, cursor)
                for record in split(item) if split else (item,):
                    self.traffic.records[name] += 1
                    yield {"resource": name, "record": simplejson.dumps(record, use_decimal=True)}
            self.progress(f"{name}: {self.traffic.records[name]:,} records")

        return as_text

    def _cursor(self, name: str) -> str | None:
        for resource in self.api.resources:
            if resource["name"] == name:
                found = resource["endpoint"].get("incremental", {}).get("cursor_path")
                for param in resource["endpoint"].get("params", {}).values():
                    if isinstance(param, Mapping) and param.get("type") == "incremental":
                        found = param["cursor_path"]
                return None if found is None else str(found)
        return None

    def _check_clock(self, name: str, item: Mapping[str, Value], cursor: str | None) -> None:
        """A record that was changed in the future would take the cursor with it, and hide all
        changes until then."""
        if cursor is None or self.clock_s is None:
            return
        value = Record(item).get(cursor)
        if isinstance(value, int | Decimal):
            # milliseconds or seconds
            at_s = int(value) // (1000 if value > 10**11 else 1)
        elif isinstance(value, str):
            try:
                at_s = moment(value)[0]
            except Unmapped:
                return
        else:
            return
        if at_s > self.clock_s + _MOST_SKEW_S:
            raise Unreadable(
                f"{name} has a record with {cursor} {value}, after the server's own clock: its "
                "clocks disagree, and a pull from there would miss what changes until then"
            )


def _decoded(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _path(url: str) -> str:
    """Where a request went, without its parameters: those may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _in_words(error: Exception, system: System[Any], secrets: Mapping[str, str]) -> Unreadable:
    """What went wrong, for whoever can mend it; secrets in it are masked."""
    import requests
    from dlt.extract.incremental.exceptions import IncrementalCursorInvalidCoercion

    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, IncrementalCursorInvalidCoercion):
            return SchemaChanged(
                f"{system.title}: {cause.pipe_name} has a record with {cause.cursor_path} "
                f"{_masked(repr(cause.item), secrets):.100}, which can't be compared with "
                f"{cause.cursor_value!r}, up to where it was read: its form has changed"
            )
        if isinstance(cause, Unreadable):
            return type(cause)(f"{system.title}: {_masked(str(cause), secrets)}")
    for cause in causes:
        if isinstance(cause, requests.HTTPError) and cause.response is not None:
            return Unreadable(f"{system.title}: {_refused(cause.response, system, secrets)}")
        if isinstance(cause, requests.exceptions.ChunkedEncodingError):
            words = _masked(str(cause), secrets)
            if cause.response is not None:
                words += f": {_masked(cause.response.text, secrets)[:100]!r}"
            return Unreadable(f"{system.title}: {words}, {_TRIES} times")
        if isinstance(cause, requests.Timeout | requests.ConnectionError):
            url = str(cause.request.url) if cause.request is not None else ""
            return Unreadable(
                f"{system.title}: {_path(url)} can't be reached: {type(cause).__name__}; "
                "what was kept so far stays, and the next pull goes on from there"
            )
    root = causes[-1]
    return Unreadable(f"{system.title}: {type(root).__name__}: {_masked(str(root), secrets)[:500]}")


def _refused(response: Any, system: System[Any], secrets: Mapping[str, str]) -> str:
    where, status = _path(response.url), response.status_code
    # masked before it is cut: part of a secret is one too
    words = " ".join(_masked(response.text, secrets)[:300].split())
    variables = ", ".join(system.secrets.values()) or "the credentials"
    match status:
        case 401:
            why = f"does not accept the credentials: {variables} is wrong, expired or revoked"
        case 403:
            why = "does not let these credentials read this: give them the right to"
        case 404:
            why = "has nothing there: check `api` in connect.yaml"
        case 420 | 429:
            why = f"still asks to wait after {_TRIES} tries: pull again later"
        case _:
            why = "failed"
    return f"{where} {why} (HTTP {status}: {words})"


def _masked(text: str, secrets: Mapping[str, str]) -> str:
    """A text without secrets, as they are, as URLs and JSON write them, and in credentials."""
    for secret in secrets.values():
        if len(secret) >= _SHORTEST_SECRET:
            for written in (str, partial(quote, safe=""), quote_plus, json.dumps):
                text = text.replace(written(secret).strip('"'), "***")
    return _CREDENTIALS.sub(r"\1 ***", text)
