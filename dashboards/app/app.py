"""The entry of the dashboards: sign-in, navigation, and the age of the figures.

`makegood dashboards --warehouse DIR` serves it.
"""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from makegood.dashboards.access.grants import Granted
from makegood.dashboards.app import components, published
from makegood.dashboards.app.navigation import INTERNAL, Listed, pages_of
from makegood.dashboards.figures.words import plain


def admitted() -> Granted:
    """What the viewer has been granted; without any grant the page stops here."""
    try:
        granted = published.granted()
    except published.Unguarded:
        st.title("Makegood")
        st.error(
            "Nothing is shown, because this server can be reached from other machines without "
            "signing in. Start it with `makegood dashboards`."
        )
        st.stop()
    except published.NotSignedIn:
        st.title("Makegood")
        st.write("Sign in to see the pages that you have access to.")
        st.button("Sign in", type="primary", on_click=st.login)
        st.stop()
    if not granted.roles:
        st.title("Makegood")
        st.info(
            "You are signed in, but you don't have access to any page. "
            "Ask the people who run these dashboards."
        )
        sign_out()
        st.stop()
    return granted


def sign_out() -> None:
    """Who is signed in, and a way to sign out; nothing without sign-in."""
    if not st.user.get("is_logged_in"):
        return
    name = st.user.get("email") or st.user.get("name") or st.user.get("sub")
    st.caption(f"Signed in as {plain(str(name))}")
    st.button("Sign out", on_click=st.logout)


def by_section(pages: list[Listed]) -> dict[str, list[StreamlitPage]]:
    """The pages by section; any other page has no address for this viewer."""
    sections: dict[str, list[StreamlitPage]] = {}
    for page in pages:
        sections.setdefault(page.section, []).append(
            st.Page(page.file, title=page.title, url_path=page.name, default=page is pages[0])
        )
    return sections


st.set_page_config(page_title="Makegood", layout="wide")
# links look like links; Streamlit's own look like text
st.html("<style>[data-testid=stPageLink] p { text-decoration: underline; }</style>")
granted = admitted()
try:
    published.version()
except published.NothingPublished as error:
    st.title("Makegood")
    # only internal roles are shown the path of the warehouse
    st.info(str(error) if granted.roles & INTERNAL else "Nothing is published yet.")
    sign_out()
    st.stop()
page = st.navigation(by_section(pages_of(granted.roles)), expanded=True)
st.set_page_config(page_title=f"{page.title} · Makegood")
with st.sidebar:
    components.publication()
    sign_out()
page.run()
