"""Great Expectations over feeds and over marts: the only room that imports it.

Suites arrive as plain data (`protocol`) with their frames as Parquet files, and are evaluated in a
process of their own, because importing Great Expectations takes longer than a small run.
`thresholds.yaml` is about feeds beside their past, `marts.yaml` and `marts/` about what was built.
"""
