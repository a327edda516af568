"""The API as described: events, lists, share links, metrics, the description itself."""

import concurrent.futures
import re
import time

import openapi
import pytest
from harness import exchange, small_article, wait_for

TABLE = [  # the calls that were promised
    ("POST", "/v1/articles"), ("GET", "/v1/articles"), ("GET", "/v1/articles/{id}"), ("DELETE", "/v1/articles/{id}"),
    ("GET", "/v1/deliveries"), ("POST", "/v1/deliveries/{id}/replay"), ("POST", "/v1/deliveries/{id}/cancel"),
    ("POST", "/v1/deliveries/{id}/resolve"), ("GET", "/v1/channels"), ("POST", "/v1/channels/{name}/pause"),
    ("POST", "/v1/channels/{name}/resume"), ("POST", "/v1/channels/{name}/test"), ("POST", "/hooks/{source}"),
    ("POST", "/hooks/{source}/{event}"),
    ("GET", "/v1/sources"), ("GET", "/v1/sources/{name}"), ("POST", "/v1/sources/{name}/poll"),
    ("POST", "/v1/sources/{name}/release"), ("POST", "/v1/sources/{name}/drop"), ("GET", "/websub/{id}"),
    ("POST", "/websub/{id}"),
    ("GET", "/v1/share"), ("GET", "/share/{target}"), ("GET", "/v1/events"), ("POST", "/v1/reload"),
    ("GET", "/v1/openapi.json"), ("GET", "/metrics"), ("GET", "/healthz"), ("GET", "/readyz"),
]


def test_the_description_is_served_and_names_every_call(crier):
    served = crier.get("/v1/openapi.json")
    assert served["openapi"].startswith("3.1")
    assert served == openapi.description.document
    for method, path in TABLE:
        assert method.lower() in served["paths"].get(path, {}), (method, path)


def test_every_state_change_is_an_event_in_order(crier, article):
    events = crier.events()
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    wait_for(lambda: len(events.of("delivery.state", to="done")) == 4)
    begun = events.of("article.accepted", article=accepted["id"])[0]["data"]["deliveries"]
    numbers = [int(e["id"]) for e in events.events]
    assert numbers == sorted(set(numbers))
    for channel in ("telegram", "mastodon", "bluesky", "partner"):
        steps = [d["state"] for d in begun if d["channel"] == channel]
        steps += [e["data"]["to"] for e in events.of("delivery.state", channel=channel)]
        assert steps[0] in ("ready", "in_flight") and "in_flight" in steps and steps[-1] == "done", steps
    events.close()


def test_events_are_resumed_where_they_were_left(crier, article):
    first = crier.events()
    crier.await_done(crier.send(article())["id"])
    wait_for(lambda: len(first.of("delivery.state", to="done")) == 4)
    first.close()
    seen = [e["id"] for e in first.events]
    crier.await_done(crier.send(small_article(2))["id"])
    second = crier.events(last_id=seen[0])
    wait_for(lambda: len(second.of("delivery.state", to="done")) >= 8)
    assert [e["id"] for e in second.events][:len(seen) - 1] == seen[1:]
    second.close()


def test_events_are_resumed_over_a_restart(make_crier):
    crier = make_crier()
    events = crier.events()
    crier.await_done(crier.send(small_article(1))["id"])
    wait_for(lambda: len(events.of("delivery.state", to="done")) == 4)
    last = events.events[0]["id"]
    crier.stop()
    wait_for(lambda: not events.open)
    crier.start()
    again = crier.events(last_id=last)
    wait_for(lambda: len(again.of("delivery.state", to="done")) == 4)
    assert [e["id"] for e in again.events] == [e["id"] for e in events.events[1:]]
    again.close()


def test_pausing_a_channel_is_an_event(crier):
    events = crier.events()
    crier.call("POST", "/v1/channels/partner/pause")
    wait_for(lambda: events.of("channel.state", channel="partner"))
    events.close()


def test_many_listeners_get_the_same(crier):
    listeners = [crier.events() for _ in range(10)]
    crier.await_done(crier.send(small_article(1))["id"])
    for listener in listeners:
        wait_for(lambda: len(listener.of("delivery.state", to="done")) == 4)
        listener.close()


def test_articles_and_deliveries_come_in_pages(crier):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = {a["id"] for a in pool.map(lambda n: crier.send(small_article(n)), range(25))}
    for article_id in ids:
        crier.await_done(article_id)
    for path, count in (("/v1/articles", 25), ("/v1/deliveries", 100), ("/v1/deliveries?channel=partner&state=done", 25)):
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            more = f"{'&' if '?' in path else '?'}limit=10" + (f"&cursor={cursor}" if cursor else "")
            page = crier.get(path + more)
            assert len(page["items"]) <= 10
            found += [i["id"] for i in page["items"]]
            cursor, pages = page["next"], pages + 1
        assert len(found) == len(set(found)) == count, path


def test_an_article_shows_all_there_is_to_know(crier, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    whole = crier.article(accepted["id"])
    assert whole["article"]["title"] == article()["title"]
    assert whole["article"]["tags"] == article()["tags"]
    assert whole["breaking"] is True and whole["reason"]
    telegram = next(d for d in whole["deliveries"] if d["channel"] == "telegram")
    assert "criticise" in telegram["text"] and telegram["link"]
    assert telegram["attempts_log"][0]["verdict"] == "done"


def test_the_first_and_the_last_word_on_breaking(crier):
    says_no = crier.send(small_article(1, categories=["Breaking"], breaking=False))
    says_yes = crier.send(small_article(2, breaking=True))
    by_urgency = crier.send(small_article(3, urgency=2))
    by_title = crier.send(small_article(4, title="URGENT: a thing happened"))
    quiet = crier.send(small_article(5))
    assert [a["breaking"] for a in (says_no, says_yes, by_urgency, by_title, quiet)] == [
        False, True, True, True, False]
    assert "urgency" in by_urgency["reason"] and "title" in by_title["reason"]


def test_share_links_are_given_for_any_address(crier):
    answer = crier.get("/v1/share?url=https%3A%2F%2Fnews.example%2Fa%3Fb%3D1&title=A%20%26%20B")
    text = str(answer)
    assert len(answer["links"]) > 20
    assert "https%3A%2F%2Fnews.example%2Fa%3Fb%3D1" in text and "A%20%26%20B" in text
    assert crier.call("GET", "/v1/share?url=javascript:alert(1)&title=x")[0] == 400


def test_the_share_redirect_is_counted_tagged_and_closed(crier, article):
    accepted = crier.send(article())
    targets = crier.get("/v1/share?url=https%3A%2F%2Fnews.example%2Fa&title=x")
    target = targets["links"][0]["id"]
    def go(path, who="Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"):
        status, headers, _ = exchange(crier.url, "GET", path, headers={"User-Agent": who})
        return status, headers.get("Location", "")
    status, location = go(f"/share/{target}?article={accepted['id']}")
    assert status == 302 and "utm_source" in location
    assert go(f"/share/{target}?article={accepted['id']}", "Examplebot/1.0")[0] == 302  # not a reader
    assert go(f"/share/{target}?article=nothing-here")[0] == 404
    assert go(f"/share/nowhere?article={accepted['id']}")[0] == 404
    assert go(f"/share/{target}?article={accepted['id']}&url=https://evil.example/")[1].count("evil.example") == 0
    assert go(f"/share/{target}?url=https://evil.example/")[0] == 404
    wait_for(lambda: crier.article(accepted["id"])["clicks"].get(target, 0) == 2)
    crier.await_done(accepted["id"])
    crier.retract(accepted["id"])
    assert go(f"/share/{target}?article={accepted['id']}")[0] == 410


def metric(text, name, **labels):
    total = 0.0
    for line in text.splitlines():
        found = re.match(r"([a-z_]+)(\{[^}]*\})? (\S+)$", line)
        if found and found[1] == name and all(f'{k}="{v}"' in (found[2] or "") for k, v in labels.items()):
            total += float(found[3])
    return total


def test_metrics_are_prometheus_text_and_count_what_happened(crier, article):
    crier.await_done(crier.send(article())["id"])
    page = crier.call("GET", "/metrics")[1]
    seen = set()
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in seen, f"{name} twice"
            seen.add(name)
        assert line.startswith("#") or re.match(r"^[a-z_]+(\{([a-z_]+=\"([^\"\\]|\\.)*\",?)*\})? [-+0-9.eInfNa]+$", line), line
    assert sum(name.endswith("_seconds") for name in seen) >= 3
    done = [n for n in seen if "deliver" in n and metric(page, n, channel="telegram", state="done") == 1]
    assert done, seen
    for histogram in [n for n in seen if n.endswith("_seconds") and f"{n}_bucket" in page]:
        assert metric(page, f"{histogram}_count") >= 1, histogram


def test_alive_and_ready(crier):
    assert crier.call("GET", "/healthz", token=None)[0] == 200
    assert crier.call("GET", "/readyz", token=None)[0] == 200


@pytest.mark.parametrize("channel", ["telegram", "mastodon", "bluesky", "partner"])
def test_a_channel_can_be_tested_without_news(crier, platform, channel):
    status, body, _ = crier.call("POST", f"/v1/channels/{channel}/test", {"probe": True})
    if status == 200:
        assert body["verdict"] == "done", body
        assert platform.posts() == []
    else:
        assert status in (400, 409), body


def test_a_test_message_goes_to_one_channel_and_is_marked(crier, platform):
    status, body, _ = crier.call("POST", "/v1/channels/telegram/test")
    assert status == 202, body
    crier.await_done(body["id"])
    posts = platform.posts()
    assert len(posts) == 1 and "est message" in posts[0]["text"]


def test_reading_and_writing_at_once(crier, platform):
    stop = time.monotonic() + 3
    def read(path):
        while time.monotonic() < stop:
            crier.call("GET", path)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read, p) for p in ("/v1/articles", "/v1/deliveries", "/metrics", "/v1/channels")]
        ids = [crier.send(small_article(n))["id"] for n in range(30)]
        for reader in readers:
            reader.result()
    for article_id in ids:
        crier.await_done(article_id, seconds=40)
    assert len(platform.posts("hook")) == 30


def test_nothing_is_left_running(crier, article):
    """Descriptors and memory come back to where they were."""
    import os
    def descriptors():
        return len(os.listdir(f"/proc/{crier.process.pid}/fd"))
    crier.await_done(crier.send(article(id="w", url="https://news.example/w"))["id"])
    before = descriptors()
    for n in range(20):
        events = crier.events()
        crier.send(small_article(n))
        events.close()
    wait_for(lambda: descriptors() <= before + 12, 30)
