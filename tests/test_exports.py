"""What people open in a spreadsheet is no program."""

import polars as pl
import pytest

from dashboards.exports import without_formulas


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("x")'])
def test_a_text_that_a_spreadsheet_would_evaluate_is_text(text: str) -> None:
    assert without_formulas(pl.DataFrame({"a": [text, None, "x=1", ""]}))["a"].to_list() == ["'" + text, None, "x=1", ""]


def test_numbers_stay_numbers() -> None:
    frame = pl.DataFrame({"amount": [-1, None], "name": ["-", "x"]})
    assert without_formulas(frame).to_dict(as_series=False) == {"amount": [-1, None], "name": ["'-", "x"]}
