"""A platform's quota: what is over waits, a reserve is for what is breaking, and a kill forgets nothing."""

import json

import pytest
from harness import small_article, wait_for


@pytest.fixture
def make_crier(make_crier):
    """Mastodon alone, with two posts an hour of three for what is not breaking."""
    def make(**more):
        def change(settings):
            settings["channels"] = {"mastodon": dict(settings["channels"]["mastodon"], quota="3/h", reserve=1)}
        return make_crier(change, **more)
    return make


def send(crier, number, **more):
    return crier.send(small_article(number, **more))["id"]


def waits(crier, article):
    found, = crier.await_state(article, "again")
    return found


def quota(crier):
    return crier.channel("mastodon")["quota"]


def test_what_is_over_waits_and_what_is_breaking_overtakes_it(make_crier, platform, clock):
    crier = make_crier()
    assert quota(crier) == {"limit": 3, "used": 0, "reserve": 1, "left": 3, "window": "in 1h", "next_at": None}
    for number in (1, 2):
        crier.await_done(send(crier, number))
    third = send(crier, 3)
    waiting = waits(crier, third)
    assert waiting["detail"].startswith("quota: 2 of 3 used in 1h, 1 is kept for breaking articles; next at ")
    assert waiting["attempts"] == 0 and waiting["attempts_log"] == []
    assert quota(crier)["left"] == 1 and quota(crier)["next_at"]
    assert 'crier_quota_left{channel="mastodon"} 1' in crier.call("GET", "/metrics")[1]

    crier.await_done(send(crier, 4, categories=["Breaking"]))
    fifth = send(crier, 5, categories=["Breaking"])
    assert waits(crier, fifth)["detail"].startswith("quota: 3 of 3 used in 1h; next at ")
    assert quota(crier)["left"] == 0

    # Corrections and retractions of what stands are no posts.
    crier.await_done(send(crier, 1, title="Small story number 1, corrected"), revision=2)
    crier.retract("small-2")
    crier.await_done("small-2", revision=2)
    assert len(platform.posts("mastodon", standing=False)) == 3

    clock.advance(crier, "61m")
    crier.await_done(fifth)
    crier.await_done(third)
    titles = [p["text"].split("\n")[0] for p in platform.posts("mastodon", standing=False)]
    assert [t for t in titles if t.endswith(("3", "5"))] == ["Small story number 5", "Small story number 3"]
    # It waited, and was tried once.
    assert crier.deliveries(third)[0]["attempts"] == 1


def test_a_kill_forgets_no_post_and_a_refusal_gives_it_back(make_crier, platform):
    crier = make_crier()
    crier.await_done(send(crier, 1))
    # In flight when it is killed: it may be public, so it counts.
    platform.fault("/api/v1/statuses", "delay", method="POST", seconds=30)
    send(crier, 2)
    wait_for(lambda: len(platform.requests("/api/v1/statuses")) == 2)
    crier.kill()
    platform.no_faults()
    crier.start()
    assert quota(crier)["used"] == 2
    third = send(crier, 3)
    assert waits(crier, third)["detail"].startswith("quota: 2 of 3 used")

    shown = json.loads(crier.run("preview", "-", "--json", text=json.dumps(small_article(9))).stdout)
    assert shown["channels"][0]["quota"]["left"] == 1
    text = crier.run("preview", "-", text=json.dumps(small_article(9))).stdout
    assert "1 left of 3 in 1h, 1 kept for breaking articles; the next" in text
    assert "1 of 3 in 1h" in crier.run("status").stdout

    # No for certain: it is free again, for the next that is breaking.
    platform.fault("/api/v1/statuses", "status", method="POST", status=422, times=1)
    crier.await_state(send(crier, 4, categories=["Breaking"]), "rejected")
    assert quota(crier)["left"] == 1
    crier.await_done(send(crier, 5, categories=["Breaking"]))
    assert quota(crier)["left"] == 0
