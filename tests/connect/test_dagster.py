"""Sources in Dagster: assets before the feeds, a job and a schedule."""

from pathlib import Path

import dagster as dg
import pytest

from makegood.ingestion.contracts.loader import FOLDER
from makegood.orchestration import definitions
from makegood.orchestration.definitions.resources import Deployment
from tests.support.acme import acme, connect_yaml
from tests.support.delivered import rows
from tests.support.vendor import Answer

pytestmark = pytest.mark.usefixtures("made_up")


def deployed(tmp_path: Path, config: Path) -> dg.Definitions:
    return definitions.alone(
        Deployment(tmp_path / "landing", tmp_path / "warehouse", FOLDER, connect=config)
    )


def test_a_source_comes_before_the_feeds_that_it_delivers_to(tmp_path: Path) -> None:
    config = connect_yaml(tmp_path, "http://127.0.0.1:9")
    config.write_text('cron: "5 4 * * *"\n' + config.read_text())
    defs = deployed(tmp_path, config)
    graph = defs.resolve_asset_graph()
    source = dg.AssetKey(["sources", "desk"])
    assert {key.path[-1] for key in graph.get(source).child_keys} == {
        "tickets",
        "ticket_events",
        "checks",
        "components",
    }
    assert graph.get(source).group_name == "sources"
    assert defs.resolve_schedule_def("pull_regularly").cron_schedule == "5 4 * * *"
    # a run of the warehouse pulls nothing
    assert source not in defs.resolve_job_def("publish").asset_layer.selected_asset_keys


def test_the_job_pulls_and_says_what_it_did(tmp_path: Path) -> None:
    with acme(issues=4, pings=3) as server:
        config = connect_yaml(tmp_path, server.served.url)
        result = deployed(tmp_path, config).resolve_job_def("pull").execute_in_process()
        assert result.success
        found = result.asset_materializations_for_node("sources__desk")[0].metadata
        assert found["records read"].value == 7
        assert found["rows delivered"].value == 4 + 20 + 3 + 1
    assert len(rows(tmp_path / "landing", "tickets")) == 4
    assert len(rows(tmp_path / "landing", "services")) == 1


def test_a_source_that_can_not_be_read_fails_in_words(tmp_path: Path) -> None:
    with acme() as server:
        server.served.handlers["/issues"] = lambda request: Answer({}, 401)
        config = connect_yaml(tmp_path, server.served.url)
        job = deployed(tmp_path, config).resolve_job_def("pull")
        result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure)
    assert "ACME_TOKEN is wrong, expired or revoked" in str(failure.event_specific_data)


def test_without_sources_there_is_nothing_to_pull(tmp_path: Path) -> None:
    defs = definitions.alone(Deployment(tmp_path / "landing", tmp_path / "warehouse", FOLDER))
    assert [job.name for job in defs.jobs or ()] == ["publish"]


def test_a_file_that_is_refused_does_not_take_the_warehouse_with_it(tmp_path: Path) -> None:
    """It is edited while the server runs: runs of the warehouse load it, too."""
    config = connect_yaml(tmp_path, "http://127.0.0.1:9")
    config.write_text(config.read_text().replace("severities", "severties"))
    defs = deployed(tmp_path, config)
    assert {job.name for job in defs.jobs or ()} == {"publish", "pull"}
    assert defs.resolve_schedule_def("pull_regularly").cron_schedule == "17 * * * *"
    result = defs.resolve_job_def("pull").execute_in_process(raise_on_error=False)
    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure)
    assert "connect.yaml:8: sources.desk.severties: unknown key" in str(failure.event_specific_data)
