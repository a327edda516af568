"""The outbound side of Google News: sitemap, feeds, and the pings that tell of them."""

import concurrent.futures
import email.utils
import http.server
import json
import threading
import urllib.parse
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone

import pytest
from harness import exchange, small_article, wait_for

SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9",
           "news": "http://www.google.com/schemas/sitemap-news/0.9",
           "image": "http://www.google.com/schemas/sitemap-image/1.1"}
RSS = {"atom": "http://www.w3.org/2005/Atom", "dc": "http://purl.org/dc/elements/1.1/",
       "media": "http://search.yahoo.com/mrss/", "at": "http://purl.org/atompub/tombstones/1.0"}
KEY = "3f1c5a7e9b2d4068a1c3e5f708192a3b"


class Peer:
    """A hub, or a search engine: keeps what it is told; answers with the next of `answers`, else 200."""

    def __init__(self):
        peer = self
        self.heard, self.answers, self.on_post = [], [], None

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                seen = peer.on_post() if peer.on_post else None
                peer.heard.append({"path": self.path, "body": body, "seen": seen})
                status = peer.answers.pop(0) if peer.answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def peer():
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def outlets(make_crier):
    """outlets(channels, **settings): a crier that serves, with these channels only."""
    def make(channels=None, environment=None, **more):
        def change(settings):
            settings["outlets"] = {"enabled": True, **more}
            settings["channels"] = channels or {}
        return make_crier(change, environment)
    return make


def at(**ago):
    return (datetime.now(timezone.utc) - timedelta(**ago)).isoformat(timespec="seconds").replace("+00:00", "Z")


def story(number, **more):
    return small_article(number, **{"categories": ["Breaking"], "published_at": at(minutes=5), **more})


def get(crier, path, method="GET", **headers):
    return exchange(crier.url, method, path, None, {k.replace("_", "-"): v for k, v in headers.items()})


def sitemap(crier):
    status, headers, body = get(crier, "/news/sitemap.xml")
    assert status == 200 and headers["Content-Type"] == "application/xml; charset=utf-8"
    root = ET.fromstring(body)
    assert root.tag == f"{{{SITEMAP['s']}}}urlset"
    for url in root:
        for name in ("s:loc", "news:news/news:publication/news:name", "news:news/news:publication/news:language",
                     "news:news/news:publication_date", "news:news/news:title"):
            found = url.findall(name, SITEMAP)
            assert len(found) == 1 and found[0].text, ET.tostring(url)
        assert url.find("s:loc", SITEMAP).text.isascii()
        published = datetime.fromisoformat(url.find("news:news/news:publication_date", SITEMAP).text.replace("Z", "+00:00"))
        assert datetime.now(timezone.utc) - published < timedelta(hours=49)
    return list(root)


def locations(crier):
    return [u.find("s:loc", SITEMAP).text for u in sitemap(crier)]


def rss(crier):
    status, headers, body = get(crier, "/news/feed.xml")
    assert status == 200 and headers["Content-Type"] == "application/rss+xml; charset=utf-8"
    root = ET.fromstring(body)
    assert root.tag == "rss" and root.get("version") == "2.0" and len(root) == 1
    channel = root[0]
    assert all(channel.findtext(name) for name in ("title", "link", "description"))
    guids = [g.text for g in channel.findall("item/guid")]
    assert len(set(guids)) == len(guids) and all(g.startswith("tag:news.example,") for g in guids)
    for item in channel.findall("item"):
        assert item.find("guid").get("isPermaLink") == "false"
        assert item.findtext("link").startswith("https://") and item.findtext("title")
        assert email.utils.parsedate_to_datetime(item.findtext("pubDate")).tzinfo is not None
    return channel


def json_feed(crier):
    status, headers, body = get(crier, "/news/feed.json")
    assert status == 200 and headers["Content-Type"] == "application/feed+json; charset=utf-8"
    feed = json.loads(body)
    assert feed["version"] == "https://jsonfeed.org/version/1.1" and feed["title"]
    for item in feed["items"]:
        assert isinstance(item["id"], str) and item["id"] and (item.get("content_text") or item.get("content_html"))
        datetime.fromisoformat(item["date_published"].replace("Z", "+00:00"))
    return feed


def titles(crier):
    both = [i.findtext("title") for i in rss(crier).findall("item")]
    assert both == [i["title"] for i in json_feed(crier)["items"]]
    return both


def test_nothing_is_served_unless_switched_on(crier):
    crier.send(story(1))
    for name in ("sitemap.xml", "feed.xml", "feed.json", "other"):
        assert get(crier, f"/news/{name}")[0] == 404


def test_an_article_is_in_all_three_at_once_and_leaves_them_when_taken_back(outlets):
    crier = outlets()
    assert (locations(crier), titles(crier)) == ([], [])
    article = story(1, title="Straße & Brücke: 5 < 6, \"zu\" 'jetzt'", summary="A < B & C", authors=["Jane Doe"], tags=["a&b"],
                    url="https://news.example/zürich?a=1&b=2", language="de-AT", published_at=at(hours=3),
                    images=[{"url": "https://news.example/i.jpg?a&b", "alt": "A \"bridge\"", "width": 1200, "height": 630}])
    sent = crier.send(article)
    entry, = sitemap(crier)
    assert entry.find("s:loc", SITEMAP).text == "https://news.example/z%C3%BCrich?a=1&b=2"
    news = entry.find("news:news", SITEMAP)
    assert news.findtext("news:title", namespaces=SITEMAP) == article["title"]
    assert news.findtext("news:publication_date", namespaces=SITEMAP) == article["published_at"]
    assert news.findtext("news:publication/news:name", namespaces=SITEMAP) == "Example News"
    assert news.findtext("news:publication/news:language", namespaces=SITEMAP) == "de"
    assert entry.findtext("image:image/image:loc", namespaces=SITEMAP) == "https://news.example/i.jpg?a&b"
    item, = rss(crier).findall("item")
    assert item.findtext("title") == article["title"]
    assert item.findtext("description") == "A &lt; B &amp; C"  # HTML, as RSS has it
    assert item.findtext("dc:creator", namespaces=RSS) == "Jane Doe"
    assert [c.text for c in item.findall("category")] == ["Breaking", "a&b"]
    media = item.find("media:content", RSS)
    assert (media.get("width"), media.findtext("media:description", namespaces=RSS)) == ("1200", "A \"bridge\"")
    one, = json_feed(crier)["items"]
    assert (one["title"], one["content_text"], one["tags"]) == (article["title"], "A < B & C", ["Breaking", "a&b"])
    assert one["id"] == item.findtext("guid") and one["_news"]["breaking"] and one["authors"] == [{"name": "Jane Doe"}]

    crier.send({**article, "title": "Corrected", "published_at": at(minutes=1)})
    corrected, = rss(crier).findall("item")
    assert corrected.findtext("title") == "Corrected" and corrected.findtext("guid") == item.findtext("guid")
    assert corrected.findtext("pubDate") == item.findtext("pubDate")
    assert corrected.findtext("atom:updated", namespaces=RSS) > item.findtext("atom:updated", namespaces=RSS)
    assert json_feed(crier)["items"][0]["date_modified"] > one["date_published"]
    again, = sitemap(crier)
    assert again.findtext("news:news/news:publication_date", namespaces=SITEMAP) == article["published_at"]
    assert again.findtext("s:lastmod", namespaces=SITEMAP) > article["published_at"]

    crier.retract(sent["id"], "wrong")
    channel = rss(crier)
    assert channel.findall("item") == [] and locations(crier) == [] and json_feed(crier)["items"] == []
    tombstone, = channel.findall("at:deleted-entry", RSS)
    assert tombstone.get("ref") == item.findtext("guid")
    datetime.fromisoformat(tombstone.get("when").replace("Z", "+00:00"))


def test_feeds_have_what_is_breaking_and_the_sitemap_all(outlets):
    crier = outlets(count=2)
    crier.send(story(1, published_at=at(minutes=50)))
    crier.send(story(2, categories=["Sport"], published_at=at(minutes=40)))
    crier.send(story(3, published_at=at(minutes=30)))
    crier.send(story(4, published_at=at(minutes=20)))
    assert titles(crier) == ["Small story number 4", "Small story number 3"]
    assert [u[-1] for u in locations(crier)] == ["4", "3", "2", "1"]
    # What was breaking once stays, as its posts stay.
    crier.send(story(4, categories=["Sport"], published_at=at(minutes=20)))
    assert titles(crier)[0] == "Small story number 4"
    # A test message is no news.
    assert get(crier, "/news/feed.json")[2].count(b"test") == 0


def test_all_in_the_feeds_and_breaking_in_the_sitemap(outlets):
    crier = outlets(feeds="all", sitemap="breaking", name="The Example", language="zh-TW")
    crier.send(story(1, categories=["Sport"], published_at=at(minutes=9)))
    crier.send({name: value for name, value in story(2).items() if name != "language"})
    assert titles(crier) == ["Small story number 2", "Small story number 1"]
    entry, = sitemap(crier)
    publication = entry.find("news:news/news:publication", SITEMAP)
    assert publication.findtext("news:name", namespaces=SITEMAP) == "The Example"
    assert publication.findtext("news:language", namespaces=SITEMAP) == "zh-tw"


def test_the_sitemap_ends_after_48_hours_and_at_a_thousand(outlets, clock):
    crier = outlets()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: crier.send(story(n, published_at=at(minutes=n))), range(1, 1006)))
    found = locations(crier)
    assert len(found) == 1000
    dates = [u.findtext("news:news/news:publication_date", namespaces=SITEMAP) for u in sitemap(crier)]
    assert dates == sorted(dates, reverse=True)
    clock.advance(crier, "47h")
    left = len(ET.fromstring(get(crier, "/news/sitemap.xml")[2]))
    assert 50 <= left <= 60  # those of the last hour
    clock.advance(crier, "2h")
    assert len(ET.fromstring(get(crier, "/news/sitemap.xml")[2])) == 0
    assert len(titles(crier)) == 30  # feeds have the newest, however old


def test_who_has_it_is_told_so_in_a_few_bytes(outlets):
    crier = outlets()
    crier.send(story(1))
    for path in ("/news/sitemap.xml", "/news/feed.xml", "/news/feed.json"):
        status, headers, body = get(crier, path)
        assert status == 200 and headers["Cache-Control"] == "public, max-age=30"
        etag = headers["ETag"]
        head = get(crier, path, "HEAD")
        assert head[0] == 200 and head[2] == b"" and head[1]["Content-Length"] == str(len(body))
        for value in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            status, headers, nothing = get(crier, path, If_None_Match=value)
            assert (status, nothing, headers["ETag"]) == (304, b"", etag), value
        assert get(crier, path, If_None_Match='"x"')[0] == 200
        modified = wait_for(lambda path=path: get(crier, path)[1].get("Last-Modified"))  # the second must be over
        assert get(crier, path, If_Modified_Since=modified)[0] == 304
        assert get(crier, path, If_None_Match='"x"', If_Modified_Since=modified)[0] == 200
        crier.send(story(2 if path.endswith("sitemap.xml") else 3 if path.endswith(".json") else 4))
        assert get(crier, path, If_None_Match=etag)[0] == 200
    assert get(crier, "/news/feed.xml", "POST")[0] == 405


def test_a_crowd_of_crawlers_gets_the_same_and_never_something_old(outlets):
    crier = outlets()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        for n in range(1, 6):
            crier.send(story(n))
            bodies = set(pool.map(lambda _: get(crier, "/news/feed.json")[2], range(48)))
            assert len(bodies) == 1 and len(json.loads(bodies.pop())["items"]) == n


def test_the_hub_finds_the_article_in_the_feed_when_it_is_pinged(outlets, peer):
    crier = outlets({"hub": {"type": "websub", "hub": f"{peer.url}/hub", "allow_private": True},
                     "again": {"type": "websub", "hub": f"{peer.url}/hub", "allow_private": True}})
    peer.on_post = lambda: [i["title"] for i in json.loads(get(crier, "/news/feed.json")[2])["items"]]
    for n in range(1, 6):
        sent = crier.send(story(n))
        crier.await_done(sent["id"])
    assert len(peer.heard) == 10
    for n, heard in enumerate(peer.heard):
        assert f"Small story number {n // 2 + 1}" in heard["seen"], heard
        asked = urllib.parse.parse_qs(heard["body"])
        assert asked["hub.mode"] == ["publish"]
        assert asked["hub.url"] == ["https://push.news.example/news/feed.xml", "https://push.news.example/news/feed.json"]
    channel = rss(crier)
    links = {(link.get("rel"), link.get("href")) for link in channel.findall("atom:link", RSS)}
    assert links == {("self", asked["hub.url"][0]), ("hub", f"{peer.url}/hub")}
    feed = json_feed(crier)
    assert (feed["feed_url"], feed["hubs"]) == (asked["hub.url"][1], [{"type": "WebSub", "url": f"{peer.url}/hub"}])
    assert get(crier, "/news/feed.xml")[1]["Link"] == f'<{asked["hub.url"][0]}>; rel="self", <{peer.url}/hub>; rel="hub"'
    # A retraction is told of as well, once it is out of the feed.
    crier.retract(sent["id"])
    crier.await_done(sent["id"], revision=2)
    assert all("Small story number 5" not in heard["seen"] for heard in peer.heard[10:]) and len(peer.heard) == 12


def test_what_waits_at_the_gate_is_not_shown_and_its_ping_comes_after_it(make_crier, peer):
    def change(settings):
        settings["site"]["link_gate"] = "700ms"  # there is no such page: the gate waits as long as it may
        settings["outlets"] = {"enabled": True}
        settings["channels"] = {"hub": {"type": "websub", "hub": peer.url, "allow_private": True}}
    crier = make_crier(change)
    peer.on_post = lambda: [i["title"] for i in json.loads(get(crier, "/news/feed.json")[2])["items"]]
    sent = crier.send(story(1))
    assert titles(crier) == [] and peer.heard == []
    crier.await_done(sent["id"])
    assert [h["seen"] for h in peer.heard] == [["Small story number 1"]] and len(locations(crier)) == 1


def test_what_is_done_is_announced_never_published(outlets, peer):
    crier = outlets({"engine": {"type": "indexnow", "key": KEY, "endpoint": f"{peer.url}/indexnow", "allow_private": True}})
    sent = crier.send(story(1))
    done, = crier.await_done(sent["id"])
    assert done["announced"] is True and done["detail"] == "announced" and done["link"] is None
    assert json.loads(peer.heard[0]["body"]) == {"host": "news.example", "key": KEY,
                                                 "urlList": ["https://news.example/small/1"]}
    listed, = [d for d in crier.get("/v1/deliveries")["items"] if d["channel"] == "engine"]
    assert listed["announced"] is True
    row, *_ = [line.split() for line in crier.run("status", sent["id"]).stdout.splitlines() if line.startswith("engine")]
    assert row[:4] == ["engine", "1", "publish", "announced"]
    # An update with a new address tells of both, a retraction of the page that is gone.
    crier.send(story(1, url="https://news.example/small/one"))
    crier.await_done(sent["id"], revision=2)
    crier.retract(sent["id"])
    crier.await_done(sent["id"], revision=3)
    assert [json.loads(h["body"])["urlList"] for h in peer.heard[1:]] == [
        ["https://news.example/small/one", "https://news.example/small/1"], ["https://news.example/small/one"]]
    # Its test tells of the front page and makes no article.
    status, _, _ = crier.call("POST", "/v1/channels/engine/test")
    assert status in (200, 202)
    wait_for(lambda: json.loads(peer.heard[-1]["body"])["urlList"] == ["https://news.example"])
    # Whoever watches is told the same word.
    watched = crier.run("send", "--title", "Announced", "--url", "https://news.example/announced").stdout
    assert watched.count("announced") >= 2 and "done" not in watched
    status, headers, body = get(crier, f"/news/{KEY}.txt")
    assert (status, body, headers["Content-Type"]) == (200, KEY.encode(), "text/plain; charset=utf-8")
    for other in (KEY, f"{KEY[:-1]}.txt", ".txt", f"{KEY}.txtx"):
        assert get(crier, f"/news/{other}")[0] == 404


def test_a_ping_that_fails_is_tried_again(outlets, peer):
    peer.answers = [503, 500]
    crier = outlets({"hub": {"type": "websub", "hub": f"{peer.url}/", "allow_private": True}})
    done, = crier.await_done(crier.send(story(1))["id"])
    assert done["attempts"] >= 1 and len(peer.heard) == 3


def test_a_wrong_key_stops_the_channel(outlets, peer):
    peer.answers = [403]
    crier = outlets({"engine": {"type": "indexnow", "key": KEY, "endpoint": f"{peer.url}/", "allow_private": True}})
    sent = crier.send(story(1))
    crier.await_state(sent["id"], "blocked")
    assert "403" in crier.channel("engine")["blocked_why"]


def test_settings_changed_are_served_at_once(outlets):
    crier = outlets()
    crier.send(story(1, categories=["Sport"]))
    assert titles(crier) == []
    crier.settings["outlets"]["feeds"] = "all"
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    assert titles(crier) == ["Small story number 1"]


def test_what_is_missing_is_said(make_crier):
    def change(settings):
        settings["outlets"] = {"enabled": True}
        del settings["server"]["public_url"]
    answer = make_crier(change, start=False).run("check")
    assert answer.returncode == 1 and "server.public_url" in answer.stdout
    answer = make_crier(lambda s: s["channels"].update({"hub": {"type": "websub", "hub": "https://hub.example/"}}),
                        start=False).run("check")
    assert answer.returncode == 1 and "outlets: {enabled: true}, or `topics`" in answer.stdout


def test_it_outlives_a_restart_with_the_same_guids(outlets):
    crier = outlets()
    crier.send(story(1))
    before = [i["id"] for i in json_feed(crier)["items"]]
    crier.stop()
    crier.start()
    assert [i["id"] for i in json_feed(crier)["items"]] == before
