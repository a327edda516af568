"""An authorisation server (RFC 6749, RFC 7636) for the fake platforms that want tokens which end.

    from . import oauth

    def authority(world):
        return oauth.of(world, "x", life_s=7200, rotates=True, pkce=True)

    def create_post(world, request, body):
        if not authority(world).accepts(oauth.bearer(request)):
            return refusal(401)

    ROUTES = [*oauth.routes(authority, page="/x/authorize", token="/x/token", revoke="/x/revoke"), …]

accepts() takes every token that was given out, has not ended and was not taken back, and those that never end,
`given` (what a test writes into the settings as access_token). A platform with ways of its own (another field's name, an
exchange for a longer one, errors in a 200) calls code(), begin(), refresh() and renew() itself; each gives the members of section 5.1
or raises Refused.

The page says yes at once, as account `who`; with ?deny=1 it says no. Slow, lost and broken answers are the world's faults,
on the path of the token endpoint: "cut_published" is a renewal whose answer is lost.

  POST /_control/authority  (a platform's `def authorities(world)` makes its own known before they are asked
                            anything)  {"name": "x", …}, each member if it is there, in this order:
       "life_s", "rotates"            from now on
       "expire": true                 every access token has ended; refresh tokens have not
       "revoke": true                 the grant is gone: no token of before is any good
       "sloppy": true                 a refresh token may be used again (a platform that keeps the last one)
       "refuse": "invalid_client"     what the token endpoint says to everything; null: as usual
     answers {"given_out": n, "renewals": n, "reused": n, "access_token": …, "refresh_token": …}: the newest ones
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import urllib.parse

from aiohttp import web

from . import clock
from .world import read_form

CODE_LIFE_S = 60


class Refused(Exception):
    def __init__(self, error, about="", status=400):
        super().__init__(error)
        self.error, self.about, self.status = error, about, status


class Authority:
    def __init__(self, name, *, life_s=7200, refresh_life_s=None, rotates=True, refreshes=True, pkce=False,
                 client_id="app", client_secret="s3cret-of-the-app", given=("given-token",), given_refresh=(),
                 scope="write", who="@example"):
        self.name, self.life_s, self.refresh_life_s = name, life_s, refresh_life_s
        self.rotates, self.refreshes, self.pkce = rotates, refreshes, pkce
        self.client_id, self.client_secret, self.scope, self.who = client_id, client_secret, scope, who
        self.given = set(given)
        self.access = {}  # token -> when it ends
        self.refreshing = dict.fromkeys(given_refresh)  # token -> when it ends; None: never
        self.used = set()  # refresh tokens that were
        self.codes = {}
        self.sloppy = False
        self.refuse = None
        self.renewals = self.reused = 0
        self.newest = {}

    # ---- what the API asks ----

    def accepts(self, token):
        return token in self.given or clock.now() < self.access.get(token, 0)

    # ---- tokens ----

    def give(self, life_s=None, refresh=True):
        """Members of RFC 6749 section 5.1."""
        life_s = self.life_s if life_s is None else life_s
        token = {"access_token": f"{self.name}-access-{secrets.token_hex(8)}", "token_type": "bearer",
                 "expires_in": life_s, "scope": self.scope}
        self.access[token["access_token"]] = clock.now() + life_s
        if self.refreshes and refresh:
            token["refresh_token"] = f"{self.name}-refresh-{secrets.token_hex(8)}"
            ends = None if self.refresh_life_s is None else clock.now() + self.refresh_life_s
            self.refreshing[token["refresh_token"]] = ends
            if self.refresh_life_s is not None:
                token["refresh_token_expires_in"] = self.refresh_life_s
        self.newest = {**self.newest, **token}
        return token

    def begin(self, code, redirect_uri=None, verifier=None):
        """The grant of a code, which is good once."""
        asked = self.codes.pop(code, None)
        if asked is None or clock.now() > asked["until"]:
            raise Refused("invalid_grant", "the code is unknown, was used, or is too old")
        if redirect_uri != asked.get("redirect_uri"):
            raise Refused("invalid_grant", "redirect_uri is not the one the code was made for")
        if asked.get("code_challenge"):
            digest = hashlib.sha256((verifier or "").encode()).digest()
            made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if made != asked["code_challenge"]:
                raise Refused("invalid_grant", "code_verifier does not fit")
        return self.give()

    def renew(self, refresh_token):
        """The next grant. A refresh token that was used ends the whole grant, as RFC 6819 section 5.2.2.3 advises."""
        if refresh_token in self.used and not self.sloppy:
            self.reused += 1
            self.revoke()
            raise Refused("invalid_grant", "the refresh token was used before: the grant is revoked")
        if refresh_token not in self.refreshing:
            raise Refused("invalid_grant", "the refresh token is unknown or was revoked")
        ends = self.refreshing[refresh_token]
        if ends is not None and clock.now() >= ends:
            raise Refused("invalid_grant", "the refresh token has expired")
        self.renewals += 1
        if not self.rotates:
            return self.give(refresh=False)
        self.used.add(refresh_token)
        if not self.sloppy:
            del self.refreshing[refresh_token]
        return self.give()

    def expire(self):
        self.access = dict.fromkeys(self.access, 0)

    def revoke(self):
        self.access.clear()
        self.refreshing.clear()
        self.given.clear()

    # ---- the page and the token endpoint ----

    def code(self, query):
        """The address the page leads back to."""
        code = secrets.token_hex(16)
        self.codes[code] = {**query, "until": clock.now() + CODE_LIFE_S}
        return back_to(query["redirect_uri"], code=code, state=query.get("state", ""))

    def authorize(self, request):
        query = dict(request.query)
        if query.get("client_id", query.get("client_key")) != self.client_id:
            return web.Response(status=400, text="This app is not known here.")
        if not query.get("redirect_uri"):
            return web.Response(status=400, text="No redirect_uri.")
        if query.get("deny"):
            raise web.HTTPFound(back_to(query["redirect_uri"], error="access_denied",
                                        error_description="The user said no.", state=query.get("state", "")))
        if self.pkce and query.get("code_challenge_method") != "S256":
            raise web.HTTPFound(back_to(query["redirect_uri"], error="invalid_request",
                                        error_description="PKCE with S256 is required", state=query.get("state", "")))
        raise web.HTTPFound(self.code(query))

    def check_client(self, request, form):
        client_id, secret = form.get("client_id", form.get("client_key")), form.get("client_secret")
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(pair).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise Refused("invalid_client", "no Basic credentials", 401) from None
            client_id, secret = urllib.parse.unquote(client_id), urllib.parse.unquote(secret)
        public = self.pkce and secret is None
        if client_id != self.client_id or not (public or hmac.compare_digest(secret or "", self.client_secret)):
            raise Refused("invalid_client", "client id or secret are wrong", 401)

    def token(self, request, form):
        """Members of section 5.1 for a request of sections 4.1.3 and 6."""
        if self.refuse:
            raise Refused(self.refuse, "as the test wants it")
        self.check_client(request, form)
        if form.get("grant_type") == "authorization_code":
            return self.begin(form.get("code"), form.get("redirect_uri"), form.get("code_verifier"))
        if form.get("grant_type") == "refresh_token":
            return self.renew(form.get("refresh_token"))
        raise Refused("unsupported_grant_type")

    # ---- tests ----

    def told(self, body):
        for name in ("life_s", "rotates", "sloppy", "refuse"):
            if name in body:
                setattr(self, name, body[name])
        if body.get("expire"):
            self.expire()
        if body.get("revoke"):
            self.revoke()
        return {"given_out": len(self.access), "renewals": self.renewals, "reused": self.reused,
                "access_token": self.newest.get("access_token"), "refresh_token": self.newest.get("refresh_token")}


def of(world, name, **how):
    """The world's authority of that name, made on first sight."""
    return world.of("oauth", dict).setdefault(name, Authority(name, **how))


def bearer(request):
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() in ("bearer", "oauth") else request.query.get("access_token", "")


def back_to(uri, **parameters):
    return uri + ("&" if "?" in uri else "?") + urllib.parse.urlencode(parameters)


def refusal_of(refused):
    return web.json_response({"error": refused.error, "error_description": refused.about}, status=refused.status)


def routes(authority, page, token, revoke=None):
    """Rows for ROUTES; authority(world) gives the Authority."""
    def show(world, request, body):
        return authority(world).authorize(request)

    def give(world, request, body):
        form = json.loads(body) if request.content_type == "application/json" else read_form(request, body)
        try:
            return web.json_response(authority(world).token(request, form), headers={"Cache-Control": "no-store"})
        except Refused as refused:
            return refusal_of(refused)

    def take_back(world, request, body):  # RFC 7009
        authority(world).revoke()
        return web.json_response({})

    rows = [("GET", page, show), ("POST", token, give)]
    return [*rows, ("POST", revoke, take_back)] if revoke else rows
