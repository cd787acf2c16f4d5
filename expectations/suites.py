"""The suites, from the description of each feed: one over its rows, one over its profile; and one over what feeds look like beside their past."""

from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

from makegood.expectations.protocol import CheckResult, FeedExpected, HistoryExpected, Job, Severity


def rows_suite(feed: FeedExpected) -> list[tuple[Severity, Any]]:
    """What every landed row must be."""
    suite: list[tuple[Severity, Any]] = []
    for column in feed.columns:
        if column.required:
            suite.append(("block", gxe.ExpectColumnValuesToNotBeNull(column=column.name)))
        if column.values is not None:
            suite.append(
                (
                    "block",
                    gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=column.values),
                )
            )
        if column.minimum is not None:
            suite.append(
                (
                    "block",
                    gxe.ExpectColumnValuesToBeBetween(column=column.name, min_value=column.minimum),
                )
            )
    return suite


def profile_suite(feed: FeedExpected) -> list[tuple[Severity, Any]]:
    """What all rows together must be; for large feeds it says of columns what `rows_suite` says of rows."""
    suite: list[tuple[Severity, Any]] = [
        (
            "block",
            gxe.ExpectColumnValuesToBeBetween(
                column="rejected_pct", min_value=0, max_value=feed.max_rejected_pct
            ),
        ),
        ("warn", gxe.ExpectColumnValuesToBeBetween(column="rows_landed", min_value=1)),
    ]
    if feed.rows is None:
        for column in feed.columns:
            if column.required:
                suite.append(
                    (
                        "block",
                        gxe.ExpectColumnValuesToBeInSet(
                            column=f"nulls_{column.name}", value_set=[0]
                        ),
                    )
                )
            if column.values is not None or column.minimum is not None:
                suite.append(
                    (
                        "block",
                        gxe.ExpectColumnValuesToBeInSet(
                            column=f"outside_{column.name}", value_set=[0]
                        ),
                    )
                )
    return suite


def validate(job: Job) -> list[CheckResult]:
    """All results, in the order of the feeds."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("landed")
    results: list[CheckResult] = []
    for feed in job.feeds:
        for kind, path, suite in (
            ("rows", feed.rows, rows_suite(feed)),
            ("profile", feed.profile, profile_suite(feed)),
        ):
            if path is None or not suite:
                continue
            frame = pd.read_parquet(path)
            if kind == "rows" and frame.empty:
                continue
            name = f"{feed.feed}_{kind}"
            batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
            expected = context.suites.add(
                gx.ExpectationSuite(
                    name=name, expectations=[expectation for _, expectation in suite]
                )
            )
            done = gx.ValidationDefinition(name=name, data=batch, suite=expected).run(
                batch_parameters={"dataframe": frame}
            )
            severities = {_identity(expectation): severity for severity, expectation in suite}
            results += [_result(feed.feed, kind, result, severities) for result in done.results]
    for number, expected in enumerate(job.history):
        batch = source.add_dataframe_asset(
            f"history_{number}"
        ).add_batch_definition_whole_dataframe("all")
        results += _history(
            expected, batch.get_batch({"dataframe": pd.read_parquet(expected.frame)})
        )
    return results


def _history(expected: HistoryExpected, batch: Any) -> list[CheckResult]:
    """A result per measure."""
    frame = batch.data.dataframe.reset_index(drop=True)
    expectation = gxe.ExpectColumnValuesToBeBetween(
        column="deviation", min_value=expected.at_least, max_value=expected.at_most
    )
    found = batch.validate(expectation, result_format="COMPLETE")
    broken = [e for e in _exceptions(found) if e.get("raised_exception")]
    outside = set(found.result.get("unexpected_index_list") or [])
    results = []
    for index, row in enumerate(frame.to_dict("records")):
        success = not broken and index not in outside
        detail = (
            str(broken[0].get("exception_message")) if broken else "" if success else row["said"]
        )
        severity: Severity = "block" if broken else expected.severity
        kind = type(expectation).expectation_type
        about = (row["subject"], expected.means, expected.action)
        results.append(
            CheckResult(
                row["feed"],
                "history",
                kind,
                "deviation",
                severity,
                success,
                detail,
                expected.name,
                *about,
            )
        )
    return results


def _identity(expectation: Any) -> tuple[str, str]:
    return type(expectation).expectation_type, str(expectation.column)


def _result(
    feed: str, kind: str, result: Any, severities: dict[tuple[str, str], Severity]
) -> CheckResult:
    config = result.expectation_config
    column = config.kwargs.get("column")
    if result.success:
        detail = ""
    elif any(e.get("raised_exception") for e in _exceptions(result)):
        detail = "; ".join(str(e.get("exception_message")) for e in _exceptions(result))
    else:
        found = result.result.get("partial_unexpected_list") or [
            result.result.get("observed_value")
        ]
        if kind == "profile":
            detail = f"{column} is {found[0]}"
        else:
            detail = f"{result.result.get('unexpected_count', 'some')} rows have another {column}, such as {found[0]}"
    # an expectation that could not be evaluated is treated as critical
    severity = severities.get((config.type, str(column)), "block")
    return CheckResult(feed, kind, config.type, column, severity, bool(result.success), detail)


def _exceptions(result: Any) -> list[dict[str, Any]]:
    info = result.exception_info or {}
    return (
        [info] if "raised_exception" in info else [e for e in info.values() if isinstance(e, dict)]
    )
