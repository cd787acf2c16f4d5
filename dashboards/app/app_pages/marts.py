"""Every mart with its columns and rows, and as a download."""

import streamlit as st

from makegood.dashboards.app import components
from makegood.dashboards.app.published import rows
from makegood.dashboards.figures.style import thousands
from makegood.dashboards.figures.words import plain

components.head("Marts and exports", "What does each table contain, and how do I download it?")

# at most so many rows are shown; downloads have all
SHOWN = 200

marts = rows(
    """select table_name, comment, estimated_size from duckdb_tables()
       where schema_name = 'marts' order by table_name"""
)
first, _ = components.filters(2)
with first:
    mart = components.pick("Mart", [m["table_name"] for m in marts], "mart", start="credits")
found = next(m for m in marts if m["table_name"] == mart)
st.markdown(plain(found["comment"] or ""))
# the name comes from the publication, and is quoted
name = '"' + mart.replace('"', '""') + '"'
count = rows(f"select count(*) as rows from marts.{name}")[0]["rows"]
components.downloads(f"from marts.{name} order by all", name=mart, mart=mart)
st.subheader("Columns", anchor=False)
components.table(
    rows(
        """select column_name, data_type, comment from duckdb_columns()
           where schema_name = 'marts' and table_name = ? order by column_index""",
        mart,
    ),
    {"Column": "column_name", "Type": "data_type", "Meaning": lambda c: c["comment"] or "–"},
    name=f"Columns of {mart}",
    height="content",
    # the meaning gets the room
    column_config={
        heading: st.column_config.Column(width=width)
        for heading, width in (("Column", 190), ("Type", 125), ("Meaning", 620))
    },
)
st.subheader(
    f"Rows: {thousands(count)}"
    if count <= SHOWN
    else f"Rows: the first {thousands(SHOWN)} of {thousands(count)}",
    anchor=False,
)
if count:
    shown = rows(f"select * from marts.{name} order by all limit {SHOWN}")
    components.table(shown, {column: column for column in shown[0]}, name=f"Rows of {mart}")
else:
    components.nothing("This mart is empty.")
st.caption(
    "The same tables are in `published/makegood.duckdb` and `published/parquet` of the warehouse, "
    "for SQL clients, Excel and BI tools (docs/reading.md, docs/queries.md). "
    "`makegood docs` shows how each is built."
)
