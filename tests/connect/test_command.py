"""The command and connect.yaml: what users type, and what they are told."""

import json
from pathlib import Path

import pytest
from dagster._utils.schedules import is_valid_cron_schedule
from typer.testing import CliRunner, Result

from makegood.ingestion.connect.settings import load
from makegood.ingestion.connect.systems import systems
from makegood.ingestion.feeds.specs import feeds
from makegood.ingestion.strict_yaml import InvalidDocument
from makegood.orchestration.cli import app
from tests.support.acme import acme, connect_yaml, issue
from tests.support.vendor import Answer

ROOT = Path(__file__).parents[2]


def makegood(*words: str) -> Result:
    return CliRunner().invoke(app, ["connect", *words])


def test_all_systems_are_listed_and_documented() -> None:
    listed = makegood("list").output
    assert max(map(len, listed.splitlines())) <= 100
    page = (ROOT / "docs" / "connect.md").read_text()
    for system in systems().values():
        assert f"\n{system.name} " in f"\n{listed}"
        assert f"`{system.name}`" in page, f"docs/connect.md does not name {system.name}"


@pytest.mark.parametrize("name", systems())
def test_a_system_holds_together(name: str) -> None:
    """Its feeds exist, its records have keys, and its layouts and API read those."""
    system = systems()[name]
    assert system.name == name
    assert set(system.feeds) <= feeds().keys()
    assert system.facts <= system.keys.keys()
    assert {e.resource for e in system.exports} <= system.keys.keys()
    for layout in system.layouts.values():
        assert layout.queries.keys() <= system.keys.keys()
    assert bool(system.api) == bool(system.connection)
    assert system.api or system.exports or system.described


@pytest.mark.parametrize("name", systems())
def test_init_writes_a_file_that_is_taken(tmp_path: Path, name: str) -> None:
    config = tmp_path / "connect.yaml"
    result = makegood("init", name, "--config", str(config))
    assert result.exit_code == 0, result.output
    assert load(config).sources[name].system.name == name
    for variable in systems()[name].secrets.values():
        assert variable in result.output


def test_init_adds_to_a_file(tmp_path: Path) -> None:
    config = tmp_path / "connect.yaml"
    first, second = [*systems()][:2]
    assert makegood("init", first, "--config", str(config)).exit_code == 0
    assert makegood("init", second, "--config", str(config), "--name", "other").exit_code == 0
    assert [*load(config).sources] == [first, "other"]
    again = makegood("init", first, "--config", str(config))
    assert again.exit_code == 2
    assert f"has a source {first}: give another one as --name" in again.output


def test_a_system_that_is_unknown_is_refused_with_the_nearest() -> None:
    result = makegood("init", "zendesc")
    assert result.exit_code == 2
    assert "the nearest is zendesk" in result.output


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            ("severities", "severitys"),
            "13: sources.desk.severitys: unknown key: the nearest is seve",
        ),
        (("system: zendesk", "system: zendesc"), "8: sources.desk.system: zendesc is not a system"),
        (("start: 2026-01-01", "start: soon"), "12: sources.desk.api.start: "),
        (("services:", "service:"), "2: rows.service: is not a feed with a key: the nearest is"),
        (("name: Web", "nam: Web"), "3: rows.services.0.nam: unknown column: the nearest is name"),
        (("rows:", "cron: hourly\nrows:"), "1: cron: 'hourly' is not a schedule"),
        (("  desk:", "  My Desk:"), "7: sources.My Desk: a source's name is of small letters"),
        (("    api:", "    files: {paths: [a.csv]}\n    api:"), "give one of api, files, tables"),
    ],
)
def test_a_mistake_is_found_by_file_and_line(
    tmp_path: Path, change: tuple[str, str], finding: str
) -> None:
    config = tmp_path / "connect.yaml"
    config.write_text(
        """rows:
  services:
    - {service_id: web, name: Web, contract_id: trueengage, lifecycle: ga}


sources:
  desk:
    system: zendesk
    api:
      url: https://example.zendesk.com
      user: a@b.example
      start: 2026-01-01
    severities: {urgent: P1}
""".replace(*change)
    )
    with pytest.raises(InvalidDocument) as found:
        load(config)
    assert finding in str(found.value)
    result = makegood("check", "--config", str(config))
    assert result.exit_code == 2
    assert "connect.yaml:" in result.output


def test_no_secret_can_be_written_in_the_file(tmp_path: Path) -> None:
    config = tmp_path / "connect.yaml"
    config.write_text(
        "sources:\n  desk:\n    system: zendesk\n    api: {url: https://x.example, user: a,"
        " start: 2026-01-01, token: abc}\n"
    )
    with pytest.raises(InvalidDocument, match=r"connect\.yaml:4: .*token: unknown key"):
        load(config)


@pytest.mark.usefixtures("made_up")
def test_check_shows_what_would_be_mapped_and_what_not(tmp_path: Path) -> None:
    with acme(issues=2, pings=1) as server:
        server.issues[0] = issue(1, severity="odd")
        server.issues[1] = issue(2, opened="never")
        server.pings[0]["place"] = "elsewhere"
        config = str(connect_yaml(tmp_path, server.served.url))
        result = makegood("check", "--config", config)
        as_json = json.loads(makegood("check", "desk", "--config", config, "--json").output)
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "rows: those that connect.yaml holds itself"
    assert "\ndesk (Acme): 2 requests\n" in result.output
    assert "severities: odd\n" in result.output
    assert "places: elsewhere\n" in result.output
    assert "issues 2 (issues, record 2): 'never' is not an instant" in result.output
    assert as_json[0]["made"]["tickets"] == 1
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.usefixtures("made_up")
def test_pull_delivers_and_one_failure_leaves_the_others(tmp_path: Path) -> None:
    more = (
        "  other:\n    system: acme\n    api: {url: http://127.0.0.1:9}\n"
        "    secrets: {token: OTHER_TOKEN}\n"
    )
    folders = ["--landing", str(tmp_path / "landing"), "--warehouse", str(tmp_path / "warehouse")]
    with acme(issues=2) as server:
        config = connect_yaml(tmp_path, server.served.url, more)
        result = makegood("pull", "--config", str(config), *folders)
        assert result.exit_code == 1
        assert "desk: delivered 1 components, 2 tickets, 10 ticket_events" in result.output
        assert "the environment variable OTHER_TOKEN is not set" in result.output
        again = makegood("pull", "desk", "--config", str(config), *folders)
        assert again.exit_code == 0
        assert "desk: nothing new (2 requests)" in again.output
        nearest = makegood("pull", "desc", "--config", str(config), *folders)
        assert nearest.exit_code == 2
        assert "has no source desc: the nearest is desk" in nearest.output
        server.served.handlers["/issues"] = lambda request: Answer({}, 403)
        refused = makegood("pull", "desk", "--config", str(config), *folders)
        assert refused.exit_code == 1
        assert "give them the right to" in refused.output


@pytest.mark.parametrize(
    "secret", ["{token: sk_live_51Habc}", "{token: 123456789}", "{token: ''}", "{token: 'A B'}"]
)
def test_a_secret_in_the_file_is_refused_and_not_shown(tmp_path: Path, secret: str) -> None:
    config = tmp_path / "connect.yaml"
    config.write_text(
        "sources:\n  desk:\n    system: zendesk\n"
        "    api: {url: https://x.example, user: a, start: 2026-01-01}\n"
        f"    secrets: {secret}\n"
    )
    with pytest.raises(InvalidDocument) as refused:
        load(config)
    where, what = str(refused.value).split("sources.desk.secrets.token: ")
    assert where == f"{config}:5: "
    assert what.startswith("must be the name of an environment variable")
    assert "sk_live" not in what
    assert "123456789" not in what
    tables = "    tables: {layout: fivetran, postgres: 'postgresql://u:secretpw@h/db'}\n"
    config.write_text(f"sources:\n  desk:\n    system: zendesk\n{tables}")
    with pytest.raises(InvalidDocument, match=r":4: .*postgres: must be the name") as refused:
        load(config)
    assert "secretpw" not in str(refused.value)


@pytest.mark.parametrize(
    ("cron", "is_one"),
    [
        ("17 * * * *", True),
        ("*/15 6-20/2 1,15 1-12 0,7", True),
        ("60 * * * *", False),
        ("* 24 * * *", False),
        ("* * 0 * *", False),
        ("* * * * 8", False),
        ("*/0 * * * *", False),
        ("5-1 * * * *", False),
        ("- - - - -", False),
        ("1, * * * *", False),
        ("* * * *", False),
        ("@daily", False),
    ],
)
def test_a_schedule_is_one_that_can_be_kept(tmp_path: Path, cron: str, is_one: bool) -> None:
    """Dagster would load nothing at all with another one."""
    assert is_valid_cron_schedule(cron) or not is_one
    config = connect_yaml(tmp_path, "http://127.0.0.1:9")
    config.write_text(f"cron: '{cron}'\n{config.read_text()}".replace("acme", "zendesk"))
    with pytest.raises(InvalidDocument) as refused:
        load(config)
    assert ("is not a schedule" in str(refused.value)) is not is_one


def test_what_is_written_in_another_form_is_told_in_words(tmp_path: Path) -> None:
    config = tmp_path / "connect.yaml"
    config.write_text(
        "rows:\n  services:\n"
        "    - {service_id: a, name: A, contract_id: c, lifecycle: betta}\n"
        "sources:\n  desk:\n    system: zendesk\n    responds: open\n"
        "    api: {url: https://x.example, user: a, start: yesterday}\n"
    )
    with pytest.raises(InvalidDocument) as refused:
        load(config)
    assert [finding.split(": ", 1)[1] for finding in refused.value.findings] == [
        "rows.services.0.lifecycle: 'betta' is not one of ga, beta, early_access, preview: "
        "the nearest is beta",
        "sources.desk.responds: must be a list, with a line `- …` for each",
        "sources.desk.api.start: 'yesterday' is not a day of the calendar: the form is 2026-06-01",
    ]
    # one pattern need not be a list
    config.write_text("sources:\n  desk:\n    system: zendesk\n    files: {paths: 'x/*.csv'}\n")
    files = load(config).sources["desk"].files
    assert files
    assert files.paths == ["x/*.csv"]


@pytest.mark.usefixtures("made_up")
def test_check_names_what_the_feeds_would_reject(tmp_path: Path) -> None:
    with acme(issues=2) as server:
        entry = {"at": "2026-06-02T09:00:00Z", "status": "odd"}
        server.issues[0] = issue(1, log=[entry])
        config = connect_yaml(tmp_path, server.served.url)
        text = config.read_text().replace(
            "services:\n",
            "credit_requests:\n    - {request_id: R,"
            " subscription_id: S, month: 2026-06-02, requested_on: 2026-07-01}\n  services:\n",
        )
        config.write_text(text)
        result = makegood("check", "--config", str(config))
    assert "would be rejected by the feed:\n    credit_requests: month: " in result.output
    assert "would be rejected by the feed:\n    ticket_events: event: 'odd' is not" in result.output


@pytest.mark.usefixtures("made_up")
def test_failures_are_in_the_json_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    config = str(connect_yaml(tmp_path, "http://127.0.0.1:9"))
    result = CliRunner().invoke(app, ["connect", "check", "desk", "--config", config, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["error"].startswith("Acme: the environment variable ACME")
    assert "`secrets: {token: MY_VARIABLE}`" in result.stderr


@pytest.mark.parametrize("way", ["an option", "a variable"])
def test_the_orchestrator_refuses_a_file_before_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    config = tmp_path / "connect.yaml"
    config.write_text("sorces: {}\n")
    (tmp_path / "landing").mkdir()
    words = ["--landing", str(tmp_path / "landing"), "--warehouse", str(tmp_path / "warehouse")]
    if way == "a variable":
        monkeypatch.setenv("MAKEGOOD_CONNECT", str(config))
    else:
        words += ["--connect", str(config)]
    refused = CliRunner().invoke(app, ["orchestrator", *words])
    assert refused.exit_code == 2
    assert "connect.yaml:1: sorces: unknown key" in refused.output
    assert not (tmp_path / "warehouse").exists()
