"""Where crier lets itself be led: redirects of picture hosts, names that resolve to addresses inside, names that
change between two look-ups, addresses in odd spellings, and servers with a wrong certificate. In an internet of
its own (attack_net.py) where everything inside answers gladly, so that what must not be reached would show."""

import tempfile
from pathlib import Path
from urllib.parse import quote

import attack
import harness
import pytest
from harness import small_article, wait_for

PUBLIC4, PUBLIC6 = "93.184.216.34", "2606:2800:220:1::1"
PNG_SENT = "PNG\r\n\x1a\n"
NAMES = {
    "mastodon.example": [[PUBLIC4]],
    "pictures.example": [[PUBLIC4, PUBLIC6]],
    "six.example": [[PUBLIC6]],
    "loopback.example": [["127.0.0.1"]],
    "metadata.example": [["169.254.169.254"]],
    "this.example": [["0.0.0.0"]],
    "shared.example": [["100.64.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "loopback6.example": [["::1"]],
    "nat64.example": [["64:ff9b::a00:1"]],
    "six-to-four.example": [["2002:a00:1::1"]],
    "unique-local.example": [["fd00:ec2::254"]],
    "all-inside.example": [["10.0.0.1", "192.168.0.1", "fc00::1"]],
    # public when asked first, ours afterwards; and the other way round
    **{name: [[PUBLIC4], ["127.0.0.1"]] for name in ("rebinding.example", "rebinding-hook.example")},
    **{name: [["127.0.0.1"], [PUBLIC4]] for name in ("rebound.example", "rebound-hook.example")},
    # some of both: only what is outside is ever called
    "half-inside.example": [["10.0.0.1", PUBLIC4]],
    **{f"{name}.example": [[PUBLIC4]] for name in (
        "good", "expired", "wrong-name", "self-signed", "stranger", "client-only", "cut", "deep.wildcard")},
}


class Inside(harness.Crier):
    """An instance within the net, listening on a unix socket, which can be reached from outside."""

    def __init__(self, folder, settings, net):
        super().__init__(folder, settings, {"no_proxy": ""})
        self.net = net
        self.url = f"unix:{folder}/s"
        settings["server"]["listen"] = self.url
        self.write_settings()

    def start(self, prefix=()):
        return super().start([*self.net.inside, *prefix])


@pytest.fixture(scope="module")
def net():
    with tempfile.TemporaryDirectory(prefix="crier-net-") as name:
        folder = Path(name)
        certificates = attack.Certificates(folder / "certs")
        for good in ("good.example", "cut.example"):
            certificates.issue(good)
        certificates.issue("expired.example", days="-1")
        certificates.issue("wrong-name.example", covers="DNS:other.example")
        certificates.issue("stranger.example", ca="stranger")
        certificates.issue("client-only.example", purpose="clientAuth")
        certificates.issue("deep.wildcard.example", covers="DNS:*.example")
        certificates.sign_itself("self-signed.example")
        if not attack.Net.is_allowed():
            pytest.skip("namespaces of its own are not allowed here")
        net = attack.Net(folder, NAMES)
        yield net
        net.close()


@pytest.fixture
def inside(net):
    """inside(channels): an instance with just these."""
    made = []
    def make(channels):
        folder = Path(tempfile.mkdtemp(prefix="crier-in-"))
        settings = {"site": {"name": "Example News", "url": "https://news.example", "link_gate": "0s"},
                    "server": {"token": harness.TOKEN, "drain": "1s", "log_level": "debug"},
                    "queue": {"backoff_min": "50ms", "backoff_max": "200ms", "verify_after": "100ms", "max_attempts": 1000},
                    "channels": channels}
        made.append(Inside(folder, settings, net))
        return made[-1].start()
    yield make
    for crier in made:
        if crier.process is not None:
            crier.stop()


def to(target):
    return f"http://pictures.example/to?{quote(target, safe='')}"


# Pictures that must not be fetched. Everything named here is there, and would send one.
LED_INSIDE = [
    *(to(f"http://{host}/a.png") for host in (
        "127.0.0.1", "127.9.9.9", "169.254.169.254/latest/meta-data", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1",
        "198.18.0.1", "192.0.0.8", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[fc00::1]",
        "[fd00:ec2::254]", "[fe80::1%25lo]", "[64:ff9b::a00:1]", "[2002:a00:1::1]", "[::127.0.0.1]",
        "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "127.1", "0", "0x0", "167772161", "012.0.0.1",
        "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "user:pass@127.0.0.1", "pictures.example@127.0.0.1",
        "127.0.0.1#@pictures.example", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021",
        "loopback.example", "metadata.example", "this.example", "shared.example", "mapped.example", "loopback6.example",
        "nat64.example", "six-to-four.example", "unique-local.example", "all-inside.example", "rebound.example")),
    to("//127.0.0.1/a.png"), to("https://127.0.0.1/a.png"), to("http:\\\\127.0.0.1\\a.png"),
    to("file:///etc/passwd"), to("file://localhost/etc/passwd"), to("ftp://10.0.0.1/a.png"), to("gopher://10.0.0.1:80/_GET"),
    to("dict://10.0.0.1:80/a"), to("ldap://10.0.0.1/"), to("tftp://10.0.0.1/a"), to("smb://10.0.0.1/a"),
    to("scp://10.0.0.1/a"), to("data:image/png;base64,iVBORw0KGgo="), to("jar:http://10.0.0.1/"), to("unix:/run/a"),
    to(to("http://127.0.0.1/a.png")), to("https://good.example/to?http%3A%2F%2F10.0.0.1%2Fa.png"),
    "http://loopback.example/a.png", "http://127.0.0.1/a.png", "https://[::1]/a.png", "http://metadata.example/a.png",
    "http://mapped.example/a.png",
]
# And those that may.
LED_OUTSIDE = ["http://pictures.example/a.png", to("http://six.example/a.png"), to("/a.png"), to("https://good.example/a.png"),
               f"http://{PUBLIC4}/a.png", f"http://[{PUBLIC6}]/a.png", "http://half-inside.example/a.png"]


def pictures_sent(net):
    return [r for r in net.seen() if r["head"].startswith("POST /api/v2/media")]


def is_outside(request):
    return request["at"].removeprefix("::ffff:") in (PUBLIC4, PUBLIC6)


def post_each(crier, urls):
    """An article for each picture; all are posted, with or without it."""
    ids = [crier.send(small_article(n, images=[{"url": url, "alt": "a"}]))["id"] for n, url in enumerate(urls)]
    for article_id in ids:
        crier.await_done(article_id)


def test_a_picture_host_leads_nobody_inside(net, inside):
    crier = inside({"mastodon": {"type": "mastodon", "instance": "http://mastodon.example", "token": "t" * 20, "rate": "1000/s",
                                 "concurrency": 20}})
    before = len(net.seen())
    post_each(crier, LED_INSIDE)
    seen = net.seen()[before:]
    assert [r for r in seen if not is_outside(r)] == []
    assert pictures_sent(net) == []
    assert "root:" not in crier.log()
    assert crier.log().count("media_failed") == len(LED_INSIDE)
    post_each(crier, [*LED_OUTSIDE, "http://rebinding.example/a.png"])
    assert [r for r in net.seen() if not is_outside(r)] == []
    assert len(pictures_sent(net)) >= len(LED_OUTSIDE)


def test_a_channel_follows_no_redirect_and_no_name_inside(net, inside):
    hook = {"type": "webhook", "rate": "1000/s"}
    names = ("loopback", "metadata", "mapped", "nat64", "this", "all-inside", "rebound-hook")
    crier = inside({**{name: {**hook, "url": f"http://{name}.example/hook"} for name in names},
                    "redirect": {**hook, "url": to("http://127.0.0.1/hook")},
                    "rebinding": {**hook, "url": "http://rebinding-hook.example/hook", "timeout": "2s"},
                    "good": {**hook, "url": "http://pictures.example/hook"}})
    before = len(net.seen())
    sent = crier.send(small_article(1))
    crier.await_done(sent["id"], channel="good")
    wait_for(lambda: all(attempts_of(crier, sent["id"], name) > 2 for name in names))
    seen = net.seen()[before:]
    assert [r for r in seen if not is_outside(r)] == []
    assert all("private address" in detail_of(crier, sent["id"], name) for name in names)
    assert sum(r["head"].startswith("POST /hook") for r in seen) <= 2  # good, and rebinding's first question
    assert sum(r["head"].startswith("POST /to") for r in seen) >= 1 and "redirect" in crier.states(sent["id"])
    assert crier.states(sent["id"])["redirect"] != "done"


def detail_of(crier, article_id, channel):
    return crier.deliveries(article_id, channel)[0]["detail"]


def attempts_of(crier, article_id, channel):
    return crier.deliveries(article_id, channel)[0]["attempts"]


BAD = {"expired": "expired", "wrong-name": "name", "self-signed": "self", "stranger": "issuer", "client-only": "purpose",
       "deep.wildcard": "name"}


def test_each_bad_certificate_is_refused_before_a_byte_of_the_request(net, inside):
    hook = {"type": "webhook", "rate": "1000/s", "secret": "whsec_" + "A" * 32}
    crier = inside({**{name.replace(".", "-"): {**hook, "url": f"https://{name}.example/hook"} for name in BAD},
                    "old-tls": {**hook, "url": "https://good.example:444/hook"},
                    "address": {**hook, "url": f"https://{PUBLIC4}/hook"},
                    "no-tls": {**hook, "url": "https://good.example:80/hook", "timeout": "1s"},
                    "good": {**hook, "url": "https://good.example/hook"}})
    before = len(net.seen())
    sent = crier.send(small_article(1))
    crier.await_done(sent["id"], channel="good")
    bad = [name.replace(".", "-") for name in BAD] + ["old-tls", "address", "no-tls"]
    wait_for(lambda: all(attempts_of(crier, sent["id"], name) > 1 for name in bad))
    seen = [r for r in net.seen()[before:] if r["head"]]
    assert [(r["name"], r["head"].split("\r\n")[0]) for r in seen if r["port"] != 80] == [
        ("good.example", "POST /hook HTTP/1.1")]
    assert all(not r["head"].startswith("POST") for r in seen if r["port"] == 80)
    for name, word in BAD.items():
        assert word in detail_of(crier, sent["id"], name.replace(".", "-")), detail_of(crier, sent["id"], name)
    assert {crier.states(sent["id"])[name] for name in bad} <= {"again", "in_flight"}


def test_tls_that_is_cut_in_the_middle_is_no_answer(net, inside):
    """Half a picture is none; half an answer to a post says nothing of its fate, and a receiver that tells repeats
    apart gets it again under the same id."""
    crier = inside({"mastodon": {"type": "mastodon", "instance": "https://good.example", "token": "t" * 20, "rate": "1000/s"},
                    "hook": {"type": "webhook", "url": "https://cut.example/cut", "rate": "1000/s"}})
    before = len(net.seen())
    sent = crier.send(small_article(1, images=[{"url": "https://cut.example/cut", "alt": "a"}]))
    crier.await_done(sent["id"], channel="mastodon")
    def heads(beginning):
        return [r["head"] for r in net.seen()[before:] if r["head"].startswith(beginning)]
    wait_for(lambda: len(heads("POST /cut")) > 1, 30, what="a second attempt")
    assert heads("POST /api/v2/media") == []
    posts = heads("POST /cut")
    ids = {line.split(" ")[1] for head in posts for line in head.split("\r\n") if line.lower().startswith("webhook-id:")}
    assert len(ids) == 1
    assert crier.states(sent["id"])["hook"] != "done"
