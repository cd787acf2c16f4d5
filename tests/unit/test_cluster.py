"""What tests of a cluster need: where it is missing they are skipped, and in CI they fail."""

from pathlib import Path

import pytest

from tests.support import cluster

RUN = (Path(__file__).parents[2] / ".ci" / "run").read_text()


@pytest.mark.parametrize("is_ci", [False, True])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, is_ci: bool) -> None:
    monkeypatch.setitem(cluster.NEEDED, "java", (lambda: None, "apt-get install x"))
    monkeypatch.setitem(cluster.NEEDED, "pyspark", (lambda: "there", "make y"))
    monkeypatch.setenv("MAKEGOOD_REQUIRE_CLUSTER", "1" if is_ci else "")
    outcome = pytest.fail.Exception if is_ci else pytest.skip.Exception
    with pytest.raises(outcome, match=r"^java is not installed \(apt-get install x\)"):
        cluster.required("java", "pyspark")
    cluster.required("pyspark")


def test_ci_requires_and_installs_it() -> None:
    before = RUN[: RUN.index("exec make test")]
    assert "MAKEGOOD_REQUIRE_CLUSTER=1" in before
    assert "\nmake setup-cluster\n" in before
    packages = [how.split()[-1] for _, how in cluster.NEEDED.values() if "apt-get" in how]
    assert packages == ["postgresql", "openjdk-17-jre-headless"]
    assert [package for package in packages if package not in before] == []
