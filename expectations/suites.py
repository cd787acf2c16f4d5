"""Evaluates suites (`protocol.Suite`) with Great Expectations' own expectations."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

from makegood.expectations.protocol import FIGURES, ExpectationResult, Expected, Severity, Suite

Row = dict[str, Any]
# how a column counts what it is named for: 12340 of fee_milli is a fee of 12.340
_SCALES = {"_milli": -3, "_micro": -6}


def validate(suites: Sequence[Suite]) -> list[ExpectationResult]:
    """The results, in the order of the suites."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    # one for all frames: each that is added writes out the configuration of all of them
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("frames")
    batches = asset.add_batch_definition_whole_dataframe("whole")
    results: list[ExpectationResult] = []
    for suite in suites:
        frame = pd.read_parquet(suite.frame)
        # by class: a suite made of names drops a name that is unknown
        expectations = [
            getattr(gxe, expected.expect)(**expected.arguments, meta={"number": n})
            for n, expected in enumerate(suite.expected)
        ]
        found = batches.get_batch({"dataframe": frame}).validate(
            gx.ExpectationSuite(name=suite.about, expectations=expectations),
            result_format="COMPLETE",
        )
        by_number = {r.expectation_config.meta["number"]: r for r in found.results}
        rows: list[Row] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
        for n, expected in enumerate(suite.expected):
            results += _results(suite, expected, by_number[n], rows)
    return results


def _results(
    suite: Suite, expected: Expected, found: Any, rows: list[Row]
) -> Iterator[ExpectationResult]:
    """The result of an expectation, or one for each row of a frame with subjects."""
    broken = [e for e in _exceptions(found) if e.get("raised_exception")]
    if broken:
        # an expectation that could not be evaluated is treated as critical
        message = str(broken[0].get("exception_message")) or "could not be evaluated"
        yield _result(suite, expected, found, "block", message)
    elif suite.has_subjects:
        outside = set(found.result["unexpected_index_list"])
        for index, row in enumerate(rows):
            detail = _in_words(expected.says, row) if index in outside else ""
            yield _result(suite, expected, found, expected.severity, detail, row["subject"])
    elif found.success:
        yield _result(suite, expected, found, expected.severity, "")
    else:
        failing: list[int] = found.result.get("unexpected_index_list") or []
        detail = _in_words(expected.says, rows[failing[0]] if failing else {})
        if len(failing) > 1:
            detail += f" (and {len(failing) - 1:,} more)"
        yield _result(suite, expected, found, expected.severity, detail)


def _result(
    suite: Suite,
    expected: Expected,
    found: Any,
    severity: Severity,
    detail: str,
    subject: str = "",
) -> ExpectationResult:
    is_mart = suite.suite == FIGURES
    return ExpectationResult(
        feed="" if is_mart else suite.about,
        suite=suite.suite,
        expectation=found.expectation_config.type,
        column_name=", ".join(_columns(expected.arguments)) or None,
        severity=severity,
        success=not detail,
        detail=detail,
        name=expected.name,
        subject=subject,
        means=expected.means,
        action=expected.action,
        mart=suite.about if is_mart else "",
    )


def _columns(arguments: dict[str, Any]) -> list[str]:
    single = [v for k, v in arguments.items() if k in ("column", "column_A", "column_B")]
    return [*single, *arguments.get("column_list", [])]


def _in_words(says: str, row: Row) -> str:
    """`says` with the values of a row, those counted in thousandths or millionths as decimals."""
    scaled = {
        name.removesuffix(suffix): Decimal(value).scaleb(exponent)
        for name, value in row.items()
        for suffix, exponent in _SCALES.items()
        if name.endswith(suffix)
    }
    return says.format(**row, **scaled)


def _exceptions(result: Any) -> list[dict[str, Any]]:
    info = result.exception_info or {}
    return (
        [info] if "raised_exception" in info else [e for e in info.values() if isinstance(e, dict)]
    )
