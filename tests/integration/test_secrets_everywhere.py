"""One secret of its own in every setting that takes one, in addresses, and in the sessions that channels keep;
and a search for each, in every form and in parts, through everything that crier says and keeps: at log level
debug, over the API, on the command line, in the ledger, at the end after a bug."""

import base64
import contextlib
import functools
import json
import sqlite3
import subprocess
from urllib.parse import quote

import harness
import mail_peer
import pytest
from harness import exchange, sign_hub, small_article, wait_for
from marks import ONE_THREAD

pytestmark = ONE_THREAD

PLANTED = {
    "server.token": "sk7Jq-planted-of-the-api-Xw9",
    "site.facebook_token": "Bx4Ny-planted-facebook-Ez7",
    "sources.cms.secret": "Vb3Nz-planted-of-the-cms-Lp5",
    "sources.cms.old_secret": "Hd8Ry-planted-of-the-cms-before-Tk1",
    "sources.agency.secret": "whsec_" + base64.b64encode(b"Mf4Wc-planted-agency-Qz6").decode(),
    "vault.key": base64.b64encode(b"vault-key-planted-Qx7Rm-32-bytes").decode(),
    "vault.old_key": base64.b64encode(b"vault-old-planted-Zt4Wn-32-bytes").decode(),
    "channels.telegram.token": "987654:Zx2Pl-planted-telegram-Bn7",
    "channels.mastodon.token": "Gu9Ek-planted-mastodon-Yv3",
    "channels.bluesky.password": "plt7-qx4m-bz9w-kd2r",
    "channels.partner.secret": "whsec_" + base64.b64encode(b"Rt6Ja-planted-partner-Sf8").decode(),
    "channels.partner.old_secret": "whsec_" + base64.b64encode(b"Cy1Ho-planted-partner-before-Dm4").decode(),
    "channels.partner.headers": "Oi5Ub-planted-header-Ag2",
    "channels.partner.url, password": "Ne3Xs-planted p@ss/word-Kw8",
    "channels.partner.url, parameter": "Fj7Vl-planted-parameter-Zc1",
    "channels.discord.webhook_url": "Wq5Td-planted-discord-hook-Rn3",
    "channels.discord-bot.token": "Jm2Vx.planted-discord.bot-Ck8",
    "channels.slack.token": "xoxb-Sy6Gp-planted-slack-Hb4",
    "channels.slack-hook.webhook_url": "Pz9LfPlantedSlackHookEw7",
    "channels.whatsapp.token": "EAAYt4Wm-planted-whatsapp-Gc9",
    "channels.whatsapp.app_secret": "Lh6Qv-planted-whatsapp-app-Xd2",
    "channels.whatsapp.verify_token": "Ub3Ns-planted-whatsapp-verify-Jk7",
    "channels.browsers.key": "Pq7Hd-plantedOfBrowsers-Key-Lw3Xv9Ty5Bn0sM4",
    "channels.browsers.old_keys": "Rk2Gc-plantedOfBrowsers-Old-Jx8Vz6Mu1Fd7eQ8",
    "channels.browsers.audience.app_key": "Vf6Ld-planted-of-the-app-Ys3",
    "channels.mail.password": "Da4Kr-planted-mail-Uv6",
    "channels.mail.unsubscribe_secret": "Nx8Bc-planted-unsubscribe-Ot1",
}
# The social networks post only what is of their category. Secrets by channel, and the path that publishes there.
NETWORKS = {
    "facebook": (("client_secret", "access_token", "refresh_token"), "/facebook/v26.0/102030405060708/feed"),
    "instagram": (("client_secret", "access_token", "refresh_token"), "/instagram/v26.0-by-facebook/17841400000000000/media"),
    "threads": (("client_secret", "access_token", "refresh_token"), "/threads/v1.0/me/threads"),
    "x": (("client_secret", "access_token", "refresh_token"), "/2/tweets"),
    "linkedin": (("client_secret", "access_token", "refresh_token"), "/rest/posts"),
    "tumblr": (("client_secret", "access_token", "refresh_token"), "/v2/blog/examplenews/posts"),
    "youtube": (("client_secret", "access_token", "refresh_token"), "/upload/youtube/v3/videos"),
    "tiktok": (("client_secret", "access_token", "refresh_token"), "/v2/post/publish/creator_info/query/"),
    "pinterest": (("client_secret", "access_token", "refresh_token"), "/v5/pins"),
    "google_news": (("client_secret", "access_token", "refresh_token"), "/google/hub"),
    "lemmy": (("password",), "/api/v3/post"),
    "misskey": (("token",), "/api/notes/create"),
    "devto": (("api_key",), "/api/articles"),
    "wordpress": (("password",), "/wp-json/wp/v2/posts"),
    "reddit": (("access_token", "client_secret", "refresh_token", "password"), "/api/submit"),
    "vk": (("access_token", "client_secret", "refresh_token"), "/method/wall.post"),
}
PLANTED |= {f"channels.{name}.{key}": f"Kx2Vd-planted-{name}-{key.replace('_', '-')}-Jq9"
            for name, (keys, _) in NETWORKS.items() for key in keys}
# X's other way in; it signs requests, and posts nothing here.
X_KEYS = ("consumer_key", "consumer_secret", "token", "token_secret")
PLANTED |= {f"channels.x-keys.{key}": f"Kx2Vd-planted-x-keys-{key.replace('_', '-')}-Jq9" for key in X_KEYS}
# Files with keys, which go out to nobody: a line of each from within the key is looked for.
KEYS = harness.TOP / "tests" / "fixtures" / "keys"
SERVICE_ACCOUNT, APNS_KEY = json.loads((KEYS / "service_account.json").read_text()), (KEYS / "apns.p8").read_text()
PLANTED |= {"channels.app.service_account": SERVICE_ACCOUNT["private_key"].split("\n")[7], "channels.iphone.key": APNS_KEY.split("\n")[2],
            "channels.huawei.client_secret": "Kx2Vd-planted-huawei-client-secret-Jq9"}
SECRET_SETTINGS = {"webhook": {"secret", "old_secret"}, "telegram": {"token"}, "mastodon": {"token"}, "bluesky": {"password"},
                   "discord": {"webhook_url", "token"}, "slack": {"webhook_url", "token"},
                   "email": {"password", "unsubscribe_secret"}, "indexnow": set(), "websub": set(),
                   "whatsapp": {"token", "app_secret", "verify_token"}, "webpush": {"key", "old_keys"},
                   "fcm": {"service_account"}, "fcm_topic": {"service_account"}, "apns": {"key"}, "huawei": {"client_secret"},
                   **{name: set(keys) for name, (keys, _) in NETWORKS.items()}}
SECRET_SETTINGS["x"] |= set(X_KEYS)


def plant(settings, platform):
    channels, sources = settings["channels"], settings["sources"]
    channels.update(harness.chat_channels(platform))
    for hook in ("discord", "slack-hook"):  # the last part of its address is what opens it
        head, _, _ = channels[hook]["webhook_url"].rpartition("/")
        channels[hook]["webhook_url"] = f"{head}/{PLANTED[f'channels.{hook}.webhook_url']}"
    for bot in ("discord-bot", "slack"):
        channels[bot]["token"] = PLANTED[f"channels.{bot}.token"]
    channels["whatsapp"] = {**harness.network_channels(platform)["whatsapp"], **{
        key: PLANTED[f"channels.whatsapp.{key}"] for key in ("token", "app_secret", "verify_token")}}
    channels["browsers"] = {"type": "webpush", "subject": "mailto:push@news.example", **{
        key: PLANTED[f"channels.browsers.{key}"] for key in ("key", "old_keys")},
        "audience": {"app_key": PLANTED["channels.browsers.audience.app_key"]}}
    settings["server"]["token"] = PLANTED["server.token"]
    settings["vault"] = {"key": PLANTED["vault.key"], "old_key": PLANTED["vault.old_key"]}
    settings["site"].update(facebook_token=PLANTED["site.facebook_token"], facebook_api=platform.faces["site"] + "/graph",
                            allow_private=True)
    sources["cms"].update(secret=PLANTED["sources.cms.secret"], old_secret=PLANTED["sources.cms.old_secret"])
    sources["agency"]["secret"] = PLANTED["sources.agency.secret"]
    channels["telegram"]["token"] = PLANTED["channels.telegram.token"]
    channels["mastodon"]["token"] = PLANTED["channels.mastodon.token"]
    channels["bluesky"]["password"] = PLANTED["channels.bluesky.password"]
    password = quote(PLANTED["channels.partner.url, password"], safe="")
    where = platform.faces["hook"].removeprefix("http://")
    channels["partner"].update(
        secret=PLANTED["channels.partner.secret"], old_secret=PLANTED["channels.partner.old_secret"],
        headers={"X-Api-Key": PLANTED["channels.partner.headers"]},
        url=f"http://ada:{password}@{where}/hook/partner?lang=de&api_key={PLANTED['channels.partner.url, parameter']}")
    networks = harness.network_channels(platform)
    for name, (keys, _) in NETWORKS.items():
        channels[name] = {**networks[name], "when": {"category": "Networks"},
                          **{key: PLANTED[f"channels.{name}.{key}"] for key in keys}}
    account = json.dumps({**SERVICE_ACCOUNT, "token_uri": platform.faces["hook"] + "/oauth2/token"})
    apps = {"app": {"type": "fcm", "service_account": account},
            "app-topics": {"type": "fcm_topic", "service_account": account, "topic": "news"},
            "iphone": {"type": "apns", "key": APNS_KEY, "key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "bundle_id": "example.news"},
            "huawei": {"type": "huawei", "client_id": "100000001", "client_secret": PLANTED["channels.huawei.client_secret"],
                       "login_url": platform.faces["hook"]}}
    for name, own in apps.items():
        channels[name] = {**own, "api": platform.faces["hook"], "allow_private": True, "when": {"category": "Nothing"}}
    channels["x-keys"] = {"type": "x", "api": networks["x"]["api"], "allow_private": True, "when": {"category": "Nothing"},
                          **{key: PLANTED[f"channels.x-keys.{key}"] for key in X_KEYS}}


def plant_mail(settings, server):
    settings["channels"]["mail"] = {
        "type": "email", "server": f"127.0.0.1:{server.port}", "tls": "starttls", "allow_private": True,
        "user": "news", "password": PLANTED["channels.mail.password"], "from": "news@news.example",
        "to": "reader@partner.example", "unsubscribe_url": "https://news.example/leave?who={{recipient}}&key={{token}}",
        "unsubscribe_secret": PLANTED["channels.mail.unsubscribe_secret"]}


@functools.cache
def forms(secret):
    return tuple(dict.fromkeys(forms_of(secret)))


def forms_of(secret):
    """How it may stand in a text: as it is, encoded in the usual ways, and more than half of it."""
    bare = secret.removeprefix("whsec_")
    raw = bare.encode()
    yield from (secret, bare, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], secret[::-1])
    yield from (raw.hex(), raw.hex().upper(), ":".join(f"{b:02x}" for b in raw))
    for before in (b"", b"x", b"xx"):  # within something longer, at any of its three places
        whole = base64.b64encode(before + raw).decode()
        yield from (whole[4 if before else 0:-4], whole[4 if before else 0:-4].replace("+", "-").replace("/", "_"))
    if bare != secret:
        yield base64.b64decode(bare).decode()
    if len(secret) > 20:
        yield from (secret[:len(secret) * 2 // 3], secret[len(secret) // 3:])


def search(text, where, more=()):
    for name, secret in (*PLANTED.items(), *more):
        for form in forms(secret):
            at = text.find(form)
            assert at < 0, f"{name} stands in {where} as {form!r}: …{text[max(0, at - 200):at + 100]}"


def basic(name, secret):
    return base64.b64encode(f"{name}:{secret}".encode()).decode()


def basic_of_partner():
    return basic("ada", PLANTED["channels.partner.url, password"])


def used_first(network):
    keys, _ = NETWORKS[network]
    return f"channels.{network}.{'access_token' if 'access_token' in keys else keys[0]}"


@pytest.fixture
def mail(certificates):
    server = mail_peer.MailServer(tls=certificates.context("good"), wants_login=True,
                                  password=PLANTED["channels.mail.password"])
    yield server
    server.close()


def network_article(platform, number):
    return small_article(number, categories=["Latest", "Networks"], video={"url": f"{platform.url}/img/2000.mp4"},
                         images=[{"url": f"{platform.url}/img/1200x630.jpg", "alt": "A harbour"}])


def live(crier, platform, mail):
    """A post, a correction, a retraction, hooks; then refusals that repeat what they were sent."""
    member = {"address": "+4915112345678", "opted_in_at": "2026-01-01T10:00:00Z", "source": "form"}
    assert crier.call("POST", "/v1/channels/whatsapp/members", member)[0] == 200
    crier.await_done(crier.send(small_article(1))["id"])
    crier.await_done(crier.send(network_article(platform, 4))["id"])
    corrected = crier.send(small_article(1, title="Corrected"))["id"]
    crier.await_state(corrected, ("done", "rejected"), revision=2)  # what went through a webhook of Slack stays as it is
    raw = json.dumps(small_article(2)).encode()
    assert crier.call("POST", "/hooks/cms", raw, headers=sign_hub(PLANTED["sources.cms.old_secret"], raw), token=None)[0] == 202
    crier.await_done("small-2")
    crier.retract("small-2", "a test")
    crier.await_state("small-2", ("done", "rejected"))
    def said(*names):
        words = [form for name in names for form in (PLANTED[name], quote(PLANTED[name], safe=""))]
        words += [f"Basic {basic_of_partner()}"] if "channels.partner.headers" in names else []
        words += [f"Basic {basic('newsroom', PLANTED[name])}" for name in names if name == "channels.wordpress.password"]
        return json.dumps({"ok": False, "error": " ".join(words)})
    platform.fault("/graph/", "status", status=400, body=said("site.facebook_token"))
    crier.send(small_article(1, title="Corrected once more"))
    crier.await_state(corrected, ("done", "rejected"), revision=3)
    for prefix, names in (("/bot", ("channels.telegram.token",)), ("/api/v1/statuses", ("channels.mastodon.token",)),
                          ("/xrpc/com.atproto.repo.putRecord", ("channels.bluesky.password",)),
                          ("/api/v10/webhooks/", ("channels.discord.webhook_url",)),
                          ("/api/v10/channels/", ("channels.discord-bot.token",)),
                          ("/api/chat.postMessage", ("channels.slack.token",)),
                          ("/services/", ("channels.slack-hook.webhook_url",)),
                          ("/whatsapp/", ("channels.whatsapp.token", "channels.whatsapp.app_secret")),
                          ("/hook/partner", [n for n in PLANTED if n.startswith("channels.partner")])):
        platform.fault(prefix, "status", status=503, body=said(*names), method="POST")
    mail.fault("rcpt", f"451 4.3.0 {said('channels.mail.password', 'channels.mail.unsubscribe_secret')}")
    crier.send(small_article(3))
    wait_for(lambda: all(f["hits"] for f in platform.faults()), what="each to have refused")
    wait_for(lambda: all("***" in str(d) for d in crier.deliveries("small-3") if d["channel"] not in ("whatsapp", "browsers")),
             what="their words to be kept")
    for name, (keys, path) in NETWORKS.items():
        platform.fault(path, "status", status=503, body=said(*(f"channels.{name}.{key}" for key in keys)), method="POST")
    crier.send(network_article(platform, 5))
    wait_for(lambda: all("***" in str(d) for d in crier.deliveries("small-5") if d["channel"] in NETWORKS), what="theirs too")


def over_the_api(crier):
    auth = {"Authorization": f"Bearer {PLANTED['server.token']}"}
    for path in ("/v1/articles", "/v1/articles/small-1", "/v1/articles/small-2", "/v1/articles/small-3", "/v1/deliveries",
                 "/v1/channels", "/metrics", "/v1/openapi.json", "/healthz", "/readyz", "/v1/share?url=https://news.example/a"):
        status, headers, raw = exchange(crier.url, "GET", path, headers=auth)
        assert status == 200, path
        yield path, str(headers) + raw.decode()
    for channel in ("telegram", "mastodon", "bluesky", "partner", "discord", "discord-bot", "slack", "slack-hook", "mail",
                    "whatsapp", "browsers", "app", "app-topics", "iphone", "huawei", *NETWORKS, "x-keys"):
        for body in ({"probe": True}, {}):
            yield f"test of {channel}", json.dumps(crier.call("POST", f"/v1/channels/{channel}/test", body)[1])
    yield "a reload", json.dumps(crier.call("POST", "/v1/reload")[1])
    events = crier.events(last_id=0)
    wait_for(lambda: len(events.of("delivery.state")) > 20)
    yield "the events", json.dumps(events.events)
    events.close()


def refusals(crier):
    """Nearly right in every way: what is told of it must not be the rest."""
    raw = json.dumps(small_article(9)).encode()
    token = PLANTED["server.token"]
    for path, headers in (("/v1/articles", {"Authorization": f"Bearer {token[:-1]}"}),
                          ("/v1/articles", {"Authorization": f"Bearer {token}x"}),
                          ("/v1/articles", {"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}"}),
                          (f"/v1/articles?token={token}", {}), ("/hooks/cms", {"X-Hub-Signature-256": token}),
                          ("/hooks/cms", sign_hub(PLANTED["sources.cms.secret"], raw + b" ")),
                          ("/callbacks/whatsapp", sign_hub(PLANTED["channels.whatsapp.app_secret"], raw + b" ")),
                          ("/hooks/agency", {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"})):
        status, answer_headers, answer = exchange(crier.url, "POST", path, raw, headers)
        assert status >= 400
        yield f"a refusal at {path}", str(answer_headers) + answer.decode()


def on_the_command_line(crier, folder):
    (folder / "article.json").write_text(json.dumps(small_article(1)))
    article = str(folder / "article.json")
    for args in (["check"], ["check", "--json"], ["preview", article], ["preview", article, "--json"], ["channels"],
                 ["channels", "--json"], *(["channels", kind, "--json"] for kind in SECRET_SETTINGS), ["status"],
                 ["status", "--json"], ["status", "small-3"], ["status", "small-3", "--json"], ["schema"], ["version"],
                 ["send", article], ["replay", "nothing-like-it"]):
        answer = crier.run(*args)
        assert answer.returncode == 0 or args[0] == "replay", (args, answer.stderr)
        yield " ".join(args), answer.stdout + answer.stderr


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_stands_in_anything_that_is_said_or_kept(make_crier, platform, mail, certificates, tmp_path, monkeypatch,
                                                           log_format):
    monkeypatch.setattr(harness, "TOKEN", PLANTED["server.token"])
    platform.control("secret", hook="partner", secret=PLANTED["channels.partner.secret"])
    def change(settings):
        plant(settings, platform)
        plant_mail(settings, mail)
        settings["server"].update(log_level="debug", log_format=log_format)
    crier = make_crier(change, {"SSL_CERT_FILE": str(certificates.authority)})
    real_call = crier.call
    monkeypatch.setattr(crier, "call", lambda *a, **k: real_call(*a, **{"token": PLANTED["server.token"], **k}))
    live(crier, platform, mail)
    for where, text in (*over_the_api(crier), *refusals(crier), *on_the_command_line(crier, tmp_path)):
        search(text, where)
    sessions = sessions_of(crier)
    assert len(sessions) == 2
    crier.stop()
    search(crier.log(), "the log", sessions)
    search_ledger(crier, sessions)
    sent = json.dumps(platform.truth()["requests"])
    for name in ("channels.telegram.token", "channels.mastodon.token", "channels.partner.headers", "channels.bluesky.password",
                 "channels.discord.webhook_url", "channels.discord-bot.token", "channels.slack.token",
                 "channels.slack-hook.webhook_url", *map(used_first, NETWORKS)):
        assert PLANTED[name] in sent or basic("newsroom", PLANTED[name]) in sent  # they were in use
    assert basic_of_partner() in sent
    assert mail.mails[0].user == "news"


def sessions_of(crier):
    with contextlib.closing(sqlite3.connect(f"file:{crier.folder}/crier.db?mode=ro", uri=True)) as db:
        account = json.loads(db.execute("SELECT account FROM channel WHERE name = 'bluesky'").fetchone()[0])
    return [(name, value) for name, value in account.items() if isinstance(value, str) and value.startswith("eyJ")]


def search_ledger(crier, sessions):
    """Sessions stand in one column of one table, which nothing shows; settings' secrets nowhere, not even
    where something was deleted."""
    with contextlib.closing(sqlite3.connect(f"file:{crier.folder}/crier.db?mode=ro", uri=True)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            for column, values in zip(columns, zip(*db.execute(f"SELECT * FROM {table}"))):
                text = "\n".join(v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values)
                search(text, f"{table}.{column}", () if (table, column) == ("channel", "account") else sessions)
    for path in crier.folder.glob("crier.db*"):
        search(path.read_bytes().decode("latin-1"), path.name)
        assert path.stat().st_mode & 0o077 == 0  # sessions are in it


def test_every_secret_setting_there_is_was_planted(make_crier):
    crier = make_crier(start=False)
    kinds = [c["type"] for c in json.loads(crier.run("channels", "--json").stdout)]
    for kind in kinds:
        settings = json.loads(crier.run("channels", kind, "--json").stdout)["settings"]
        assert {s["key"] for s in settings if s["kind"] == "secret"} == SECRET_SETTINGS[kind], kind


def test_the_end_after_a_bug_and_a_start_that_fails_tell_none(make_crier, platform):
    crier = make_crier(lambda settings: plant(settings, platform), start=False)
    for environment, code in (({"CRIER_FAULT": "no plan at all"}, -6), ({"CRIER_FAULT": "ledger.commit:x"}, -6)):
        answer = subprocess.run([str(harness.CRIER), "-c", str(crier.path), "serve"], capture_output=True, text=True,
                                env={**crier.environment, **environment, "ASAN_OPTIONS": "handle_abort=0"}, timeout=60,
                                check=False)
        assert answer.returncode == code and "bug at" in answer.stderr, answer
        search(answer.stdout + answer.stderr, "the end after a bug")
    crier.settings["ledger"] = "sqlite:/proc/nowhere/crier.db"
    crier.write_settings()
    answer = crier.run("serve")
    assert answer.returncode == 1
    search(answer.stdout + answer.stderr, "a start that fails")


def test_the_service_leaves_no_core(make_crier):
    crier = make_crier(start=False).start(prefix=["prlimit", "--core=unlimited"])
    limits = open(f"/proc/{crier.process.pid}/limits").read()
    assert next(line for line in limits.splitlines() if line.startswith("Max core")).split()[4:6] == ["0", "0"]
