"""The dashboards' entry: `makegood dashboards --warehouse DIR`."""

from pathlib import Path

import streamlit as st

from dashboards import published

PAGES = Path(__file__).parent / "app_pages"

st.set_page_config(page_title="Makegood", layout="wide")
try:
    as_of, finished = published.published_as_of()
except published.NothingPublished as error:
    st.title("Makegood")
    st.info(str(error))
    st.stop()
page = st.navigation([st.Page(PAGES / "availability.py", title="Availability", default=True)])
with st.sidebar:
    st.caption(f"Figures as of **{as_of:%Y-%m-%d %H:%M:%S} UTC**  \npublished {finished:%Y-%m-%d %H:%M} UTC")
page.run()
