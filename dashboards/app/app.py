"""The dashboards' entry: who looks, what they may open, and how old it is. `makegood dashboards --warehouse DIR` serves it."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from makegood.dashboards.access import grants as access
from makegood.dashboards.app import components, published
from makegood.dashboards.app.navigation import INTERNAL, Listed, pages_of
from makegood.dashboards.figures.words import plain


def admitted() -> access.Granted:
    """What is granted to who looks; who may see nothing gets no further."""
    try:
        granted = published.granted()
    except published.Unguarded:
        st.title("Makegood")
        st.error(
            "This server can be reached from other machines or by any name, and nobody has to sign in: it shows nothing. Start it by `makegood dashboards`."
        )
        st.stop()
    except published.NotSignedIn:
        st.title("Makegood")
        st.write("Sign in to see what has been granted to you.")
        st.button("Sign in", type="primary", on_click=st.login)
        st.stop()
    if not granted.roles:
        st.title("Makegood")
        st.info(
            "You are signed in, but nothing has been granted to you. Ask who runs these dashboards."
        )
        sign_out()
        st.stop()
    return granted


def sign_out() -> None:
    """Who is signed in, and the way out; nothing where nobody signs in."""
    if not st.user.get("is_logged_in"):
        return
    name = st.user.get("email") or st.user.get("name") or st.user.get("sub")
    st.caption(f"Signed in as {plain(str(name))}")
    st.button("Sign out", on_click=st.logout)


def by_section(pages: list[Listed]) -> dict[str, list[StreamlitPage]]:
    """What may be opened; a page that is not among it has no address for who looks."""
    sections: dict[str, list[StreamlitPage]] = {}
    for page in pages:
        sections.setdefault(page.section, []).append(
            st.Page(page.file, title=page.title, url_path=page.name, default=page is pages[0])
        )
    return sections


st.set_page_config(page_title="Makegood", layout="wide")
granted = admitted()
try:
    published.version()
except published.NothingPublished as error:
    st.title("Makegood")
    # where the warehouse lies concerns those who run it
    st.info(str(error) if granted.roles & INTERNAL else "Nothing is published yet.")
    sign_out()
    st.stop()
page = st.navigation(by_section(pages_of(granted.roles)), expanded=True)
with st.sidebar:
    components.stamp()
    sign_out()
page.run()
