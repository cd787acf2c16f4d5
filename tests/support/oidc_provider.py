"""An OpenID Connect provider on this machine: `python -m tests.support.oidc_provider PORT`, users
as JSON on standard input.

Who signs in as somebody with a claim `spoiled` gets an ID token that is spoiled in this way.
"""

import json
import sys
import time
from typing import Any

import flask
import oidc_provider_mock
from authlib import jose
from oidc_provider_mock._storage import User, storage
from werkzeug.serving import make_server

FOREIGN = jose.RSAKey.generate_key(2048, is_private=True)
# what is wrong with a token -> (claims that are changed, the key that signs it)
SPOILED: dict[str, tuple[dict[str, Any], Any]] = {
    "by another key": ({}, FOREIGN),
    "expired": ({"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200}, None),
    "for another client": ({"aud": "another"}, None),
    "of another provider": ({"iss": "https://id.example.com"}, None),
    "of another request": ({"nonce": "another"}, None),
    "not signed": ({}, "none"),
}


def spoil(response: flask.Response) -> flask.Response:
    """Puts another ID token into the answer of the token endpoint."""
    if flask.request.path != "/oauth2/token" or not response.is_json:
        return response
    answer = response.get_json()
    key = storage.jwk
    claims = dict(jose.jwt.decode(answer["id_token"], key))
    if how := claims.pop("spoiled", None):
        change, foreign = SPOILED[how]
        header = {"alg": "none"} if foreign == "none" else {"alg": "RS256"}
        answer["id_token"] = (
            jose.JsonWebToken(["RS256", "none"])
            .encode(header, claims | change, "" if foreign == "none" else foreign or key)
            .decode()
        )
        response.set_data(json.dumps(answer))
    return response


def main() -> None:
    users = [User(sub=sub, claims=claims) for sub, claims in json.load(sys.stdin).items()]
    app = oidc_provider_mock.app(user_claims=users)
    app.after_request(spoil)
    make_server("localhost", int(sys.argv[1]), app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
