"""Words of others on our pages."""

import re

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def plain(text: str) -> str:
    """A name or id from a feed where Streamlit reads Markdown: shown as it is written, with no link, picture or HTML made of it."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
