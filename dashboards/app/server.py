"""The dashboards as a server, which `makegood dashboards` starts.

`python -m makegood.dashboards.app.server --warehouse DIR --address ADDRESS --port PORT
[--access HANDLE] [--branding HANDLE]`. Every option that decides who gets in is set here and
overrides the files and environment variables of Streamlit.
"""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import net_util

from makegood.dashboards.access.grants import LOCAL_NAMES, Access, handed_over, is_loopback

APP = Path(__file__).parent / "app.py"

OPTIONS = {
    "server.headless": True,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "server.fileWatcherType": "none",
    # only the token says who somebody is; only pages of this server may talk to it
    "server.trustedUserHeaders": "{}",
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.corsAllowedOrigins": [],
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
}


def names(address: str, access: Access | None) -> list[str]:
    """The host names that the server answers to.

    Any other name could be pointed at this server by another website, which would then count as the
    same origin."""
    found = {
        *LOCAL_NAMES,
        *([address] if is_loopback(address) else []),
        *([access.sign_in.host] if access else []),
    }
    return sorted(found)


def secrets_of(access: Access) -> dict[str, Any]:
    """The sign-in as Streamlit's `st.login` expects it."""
    sign_in = access.sign_in
    return {
        "auth": {
            "redirect_uri": sign_in.redirect_uri,
            "cookie_secret": sign_in.cookie_secret,
            "client_id": sign_in.client_id,
            "client_secret": sign_in.client_secret,
            "server_metadata_url": sign_in.metadata_url,
        }
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--access", type=int)
    parser.add_argument("--branding", type=int)
    words = parser.parse_args()
    options = {
        **OPTIONS,
        "server.address": words.address,
        "server.port": words.port,
        "browser.serverAddress": words.address,
    }
    if words.branding is not None:
        os.set_inheritable(words.branding, False)
    secrets = access = None
    if words.access is not None:
        os.set_inheritable(words.access, False)
        access = handed_over(words.access)
        secrets = secrets_of(access)
        # pages use the public name also behind a proxy; details of errors go to the log only
        options |= {"browser.serverAddress": access.sign_in.host, "client.showErrorDetails": "none"}
    options["server.allowedHosts"] = names(words.address, access)
    # Streamlit would ask an external host for our public address
    net_util.get_external_ip = lambda: None
    # an interrupt ends the server
    with suppress(KeyboardInterrupt):
        st.App(APP, secrets=secrets).run(config=options)


if __name__ == "__main__":
    main()
