"""What the models on Spark are made of: names, patterns, types and settings; no Spark is needed."""

import re
from pathlib import Path

import duckdb
import pytest

from makegood.orchestration.pipeline.project import PUBLISHED, Model, TransformFailed
from makegood.orchestration.settings import Limits, Spark, chosen_spark
from makegood.orchestration.spark import build


def test_relations_become_views_of_the_session() -> None:
    sql = "select a.b from `marts`.`credits` as a join `inputs`.`run` on a.`marts` = 'x`.`y'"
    assert build.flat(sql) == (
        "select a.b from `marts__credits` as a join `inputs__run` on a.`marts` = 'x`.`y'"
    )


@pytest.mark.parametrize(
    ("paths", "pattern"),
    [
        (["/w/landed/a/1.parquet"], "/w/landed/a/1.parquet"),
        (["/w/a/1.parquet", "/w/b/2.parquet"], "/w/{a/1.parquet,b/2.parquet}"),
        # signs that a pattern takes for its own, and those that a literal does
        (["/w [x]/it's/1.parquet"], "/w \\\\[x\\\\]/it\\'s/1.parquet"),
        (["/w/a,b/1", "/w/c{d}/2"], "/w/{a\\\\,b/1,c\\\\{d\\\\}/2}"),
    ],
)
def test_files_are_one_pattern(paths: list[str], pattern: str) -> None:
    assert build._glob([Path(path) for path in paths]) == pattern


def brought_back(folder: Path, described: dict[str, str], select: str) -> list[tuple[object, ...]]:
    """A mart that Spark has written with these columns, as it is published."""
    sql = ""
    model = Model("figures", "table", "`marts`.`figures`", '"marts"', sql, described, True)
    written = folder / "spark" / "marts" / "figures"
    written.mkdir(parents=True)
    places = build.Places(folder / "work", folder / "target", folder / "spark", "elsewhere")
    with duckdb.connect() as con:
        con.execute(f"copy ({select}) to '{written}/part-0.parquet'")
    build._bring_back([model], places, Limits())
    with duckdb.connect(str(folder / "target"), read_only=True) as con:
        types = con.execute("select column_type from (describe marts.figures)").fetchall()
        assert PUBLISHED == "makegood"
        return [*types, *con.execute("from marts.figures").fetchall()]


def test_what_is_published_has_the_types_that_are_described(tmp_path: Path) -> None:
    described = {"n": "bigint", "pct": "decimal(18,6)"}
    select = "select 99.5::decimal(38,6) as pct, 7::integer as n"
    # in the order of the model, not of its description
    found = brought_back(tmp_path, described, select)
    assert [str(value) for row in found for value in row] == [
        "DECIMAL(18,6)",
        "BIGINT",
        "99.500000",
        "7",
    ]


@pytest.mark.parametrize(
    ("described", "select", "what"),
    [
        ({"n": "bigint"}, "select 7.5::double as n", "figures.n is DOUBLE"),
        ({"n": "bigint"}, "select 7::decimal(38,0) as n", r"figures.n is DECIMAL\(38,0\)"),
        ({"n": "decimal(18,3)"}, "select 7::decimal(18,6) as n", r"is DECIMAL\(18,6\)"),
        ({"n": "bigint"}, "select 7::bigint as n, 8 as m", "not both described and there: m"),
        ({"n": "bigint", "m": "date"}, "select 7::bigint as n", "not both described and there: m"),
    ],
)
def test_other_types_and_columns_are_refused(
    described: dict[str, str], select: str, what: str, tmp_path: Path
) -> None:
    with pytest.raises(TransformFailed, match=what):
        brought_back(tmp_path, described, select)


@pytest.mark.parametrize(
    ("url", "kind", "address"),
    [
        ("local[2]", "master", None),
        ("local[*]", "master", None),
        ("yarn", "master", None),
        ("spark://a.b:7078", "master", ("a.b", 7078)),
        ("spark://a:7077,b:7077", "master", ("a", 7077)),
        ("sc://host", "sc", ("host", 15002)),
        ("sc://host:1/;token=x", "sc", ("host", 1)),
        ("thrift://host:2", "thrift", ("host", 2)),
    ],
)
def test_where_spark_is(url: str, kind: str, address: tuple[str, int] | None) -> None:
    assert (Spark(url).kind, Spark(url).address) == (kind, address)


@pytest.mark.parametrize("url", ["", "local[x]", "http://host", "spark:host", "sc://"])
def test_where_spark_can_not_be(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"--spark {url!r} is not where Spark can be")):
        Spark(url)


def test_options_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_SPARK", "sc://host")
    monkeypatch.setenv("MAKEGOOD_SPARK_STORAGE", "s3a://bucket/x")
    monkeypatch.setenv("MAKEGOOD_SPARK_CONF", "spark.a=1 spark.b=x=y")
    conf = {"spark.a": "1", "spark.b": "x=y"}
    assert chosen_spark(None, None, []) == Spark("sc://host", "s3a://bucket/x", conf)
    given = chosen_spark("local[1]", "/shared", ["spark.c=2"])
    assert given == Spark("local[1]", "/shared", {"spark.c": "2"})
