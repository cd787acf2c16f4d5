"""What is published describes itself: to SQL clients by comments, to people by the dbt docs as a
page that loads nothing from elsewhere."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from makegood.dashboards import exposures
from makegood.orchestration.cli import app
from tests.conftest import Published

ROOT = Path(__file__).parents[2]
COMMENTS = """
    select schema_name || '.' || table_name as table_name, '' as column_name, comment
        from duckdb_tables() where schema_name in ('marts', 'quality')
    union all
    select schema_name || '.' || table_name, column_name, comment from duckdb_columns()
        where schema_name in ('marts', 'quality')
"""


@pytest.fixture(scope="module")
def page(sample: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs") / "site"
    done = CliRunner().invoke(
        app, ["docs", "--warehouse", str(sample.warehouse), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert [p.name for p in out.iterdir()] == ["index.html"]
    return out / "index.html"


def embedded(page: Path, start: str) -> Any:
    """A document of dbt inside the page."""
    text = page.read_text()
    return json.JSONDecoder().raw_decode(text, text.index(start))[0]


def described() -> dict[tuple[str, str], str]:
    """Every description of a table and column of the published database, as the project's files
    have them."""
    found = {}
    for file in (ROOT / "dbt_project" / "models").rglob("*.yml"):
        if file.parent.name in ("marts", "evidence", "quality"):
            content = yaml.safe_load(file.read_text())
            tables = content.get("models", []) + [
                t for s in content.get("sources", []) for t in s["tables"]
            ]
            schema = "quality" if file.parent.name == "quality" else "marts"
            for table in tables:
                found[f"{schema}.{table['name']}", ""] = table["description"]
                found |= {
                    (f"{schema}.{table['name']}", c["name"]): c["description"]
                    for c in table["columns"]
                }
    return found


@pytest.mark.long
def test_every_table_and_column_that_is_published_has_its_description(sample: Published) -> None:
    """None is missing, none is left of what is no more: both sides are whole."""
    found = {(r["table_name"], r["column_name"]): r["comment"] for r in sample.query(COMMENTS)}
    assert len(found) > 400
    assert found == described()
    assert [name for name, comment in found.items() if not comment or not comment.strip()] == []


@pytest.mark.long
def test_the_docs_have_every_column_with_its_type_and_description(
    sample: Published, page: Path
) -> None:
    catalog, manifest = (
        embedded(
            page, '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog'
        ),
        embedded(
            page, '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest'
        ),
    )
    actual = {
        (f"{r['schema_name']}.{r['table_name']}", r["column_name"]): r["data_type"]
        for r in sample.query(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where "
            "schema_name in ('marts', 'quality')"
        )
    }
    nodes = catalog["nodes"] | catalog["sources"]
    found = {
        (f"{n['metadata']['schema']}.{n['metadata']['name']}", c["name"]): c["type"]
        for n in nodes.values()
        if n["metadata"]["schema"] in ("marts", "quality")
        for c in n["columns"].values()
    }
    assert found == actual
    tables = [
        n
        for n in (manifest["nodes"] | manifest["sources"]).values()
        if n["schema"] in ("marts", "quality") and n["resource_type"] in ("model", "source")
    ]
    assert {
        (f"{t['schema']}.{t['name']}", c)
        for t in tables
        for c, said in t["columns"].items()
        if said["description"]
    } == actual.keys()


@pytest.mark.long
def test_the_page_loads_nothing_and_shows_what_a_column_means(page: Path, chromium: Any) -> None:
    tab = chromium.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on(
        "console",
        lambda message: (
            wrong.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        tab.goto(f"{page.as_uri()}#!/model/model.makegood.credits")
        tab.get_by_text("claim_deadline", exact=True).click()
        tab.get_by_text("Last local day on which the credit can be requested (C5).").locator(
            "visible=true"
        ).first.wait_for()
        tab.goto(f"{page.as_uri()}#!/overview")
        tab.get_by_role("heading", name="Makegood").wait_for()
        assert "DECIMAL(18,3)" in tab.inner_text("body")
    finally:
        tab.close()
    assert {url.split("#")[0] for url in asked} == {page.as_uri()}
    assert wrong == []


@pytest.mark.long
def test_what_the_page_would_load_is_stopped(page: Path, chromium: Any, tmp_path: Path) -> None:
    """By its policy, should a later version of the page ask for something."""
    spoilt = tmp_path / "index.html"
    text = page.read_text()
    asks = (
        "<script>fetch('http://127.0.0.1:9/x').catch(() => 0); new Image().src = "
        "'http://127.0.0.1:9/y.png'</script><script src='http://127.0.0.1:9/z.js'></script>"
    )
    spoilt.write_text(text.replace("<title>", f"{asks}<title>", 1))
    tab = chromium.new_page()
    refused: list[str] = []
    tab.on("console", lambda message: refused.append(message.text))
    try:
        tab.goto(spoilt.as_uri())
        tab.get_by_role("heading", name="Makegood").wait_for()
    finally:
        tab.close()
    for what in ("/x", "/y.png", "/z.js"):
        assert any(
            f"127.0.0.1:9{what}" in said and "Content Security Policy" in said for said in refused
        ), (what, refused)


@pytest.mark.long
def test_the_page_says_nothing_of_the_machine_it_was_made_on(page: Path, sample: Published) -> None:
    text = page.read_text()
    assert [
        p for p in (str(ROOT), str(Path.home()), str(sample.warehouse), "/tmp/") if p in text
    ] == []


@pytest.mark.long
def test_docs_are_refused_with_what_is_wrong(tmp_path: Path, sample: Published) -> None:
    def docs(warehouse: Path, out: Path) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["docs", "--warehouse", str(warehouse), "--out", str(out)])
        return done.exit_code, done.output

    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert docs(tmp_path / "none", tmp_path) == (
        2,
        f"makegood: --warehouse {tmp_path / 'none'} is not a folder\n",
    )
    assert docs(sample.warehouse, tmp_path / "file") == (
        2,
        f"makegood: --out {tmp_path / 'file'} is not a folder\n",
    )
    assert docs(tmp_path / "empty", tmp_path / "out") == (
        1,
        f"makegood: nothing is published in {tmp_path / 'empty'} yet\n",
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_a_run_after_the_docs_in_the_same_process_can_write(page: Path, publish: Any) -> None:
    """The docs open what is published read-only, by a setting that the models have too."""
    assert publish({}, "2026-08-01T00:00:00Z").query("select count(*) as n from quality.runs") == [
        {"n": 1}
    ]


def test_exposures_are_current() -> None:
    assert exposures.FILE.read_text() == exposures.exposures(), (
        "run `python -m makegood.dashboards.exposures`"
    )


def test_exposures_name_what_the_code_reads() -> None:
    """By a search of its own: every mart that a page, the report or the proof names stands in an
    exposure, and no other."""
    found = {
        e["name"]: set(re.findall(r"'([a-z_]+)'\)", " ".join(e["depends_on"])))
        for e in yaml.safe_load(exposures.FILE.read_text())["exposures"]
    }
    room = ROOT / "dashboards"
    models = ROOT / "dbt_project" / "models"
    marts = {p.stem for part in ("marts", "evidence") for p in (models / part).glob("*.sql")}
    for name, files in {
        **{f"{p.stem}_page": [p] for p in (room / "app" / "app_pages").glob("[a-z]*.py")},
        "sla_report": list((room / "reports").glob("*.py")),
        "credit_proof": list((room / "proof").glob("*.py")),
    }.items():
        text = "\n".join(p.read_text() for p in files)
        named = {
            mart for mart in marts if re.search(rf'\bmarts\.{mart}\b|of_month\(\s*"{mart}"', text)
        }
        assert named <= found.get(name, set()), name
    every = "\n".join(p.read_text() for p in room.rglob("*.py") if p.stem != "policies")
    assert {
        mart
        for named in found.values()
        for mart in named & marts
        if not re.search(rf"\b{mart}\b", every)
    } == set()
    assert {name for name, named in found.items() if not named} == set()
    assert found.keys() - {"sla_report", "credit_proof"} <= {
        f"{p.stem}_page" for p in (room / "app" / "app_pages").glob("[a-z]*.py")
    }


def test_comments_are_read_by_a_client_that_knows_only_sql(sample: Published) -> None:
    """As DBeaver or the duckdb command asks for them, also with quotes in them."""
    with duckdb.connect(str(sample.database), read_only=True) as con:
        ((said,),) = con.execute(
            "select comment from duckdb_columns() where table_name = 'credits' and column_name = "
            "'monthly_fee'"
        ).fetchall()
    assert said == "The month's parts of its fee lines, in the currency (E3); 0 without one."
