"""What leaves the warehouse as files that people open in a spreadsheet."""

import polars as pl

# what makes a spreadsheet take a text for a formula
_FORMULA = r"^[=+\-@\t\r\n]"


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would evaluate; numbers and dates are no texts."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(pl.when(pl.col(t).str.contains(_FORMULA)).then(pl.concat_str(pl.lit("'"), t)).otherwise(pl.col(t)).alias(t) for t in texts)
