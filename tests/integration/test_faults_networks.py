"""The same as test_faults.py, on the social networks: a story with a picture and a video, published, corrected and taken
back on all of them by one crier, which fails or ends at one point of it. Each post is made once, none is lost, no
channel waits for ever. What a network does when its own answer is lost or wrong is asked of each of them as well.

CRIER_SWEEP=all takes every single pass of every point."""

import contextlib
import os

import pytest
from harness import network_channels, wait_for
from marks import ONE_THREAD
from ordeal import NETWORKS, NetworkOrdeal
from test_faults import Round, rounds, sweep

pytestmark = ONE_THREAD
# Where each of them is posted to, changed and taken back, as far as it lets one; a post in place of another is
# posted again.
DOORS = {
    "facebook": ("POST /facebook/v26.0/102030405060708/feed", "POST /facebook/v26.0/102030405060708_", "DELETE /facebook/"),
    "instagram": ("POST /instagram/v26.0-by-facebook/17841400000000000/media_publish", None, "DELETE /instagram/"),
    "threads": ("POST /threads/v1.0/me/threads_publish", "POST /threads/v1.0/me/threads_publish", "DELETE /threads/"),
    "x": ("POST /2/tweets", "POST /2/tweets", "DELETE /2/tweets/"),
    "linkedin": ("POST /rest/posts", "POST /rest/posts/", "DELETE /rest/posts/"),
    "tumblr": ("POST /v2/blog/examplenews/posts", "PUT /v2/blog/examplenews/posts/", "POST /v2/blog/examplenews/post/delete"),
    "youtube": ("PUT /upload/youtube/v3/videos", "PUT /youtube/v3/videos", "PUT /youtube/v3/videos"),
    "tiktok": ("PUT /tiktok-upload", None, None),
    "pinterest": ("POST /v5/pins", "PATCH /v5/pins/", "DELETE /v5/pins/"),
    "lemmy": ("POST /api/v3/post", "PUT /api/v3/post", "POST /api/v3/post/delete"),
    "misskey": ("POST /api/notes/create", "POST /api/notes/create", "POST /api/notes/delete"),
    "devto": ("POST /api/articles", "PUT /api/articles/", "PUT /api/articles/"),
    "wordpress": ("POST /wp-json/wp/v2/posts", "POST /wp-json/wp/v2/posts/", "DELETE /wp-json/wp/v2/posts/"),
    "reddit": ("POST /api/submit", "POST /api/editusertext", "POST /api/del"),
    "vk": ("POST /method/wall.post", "POST /method/wall.edit", "POST /method/wall.delete"),
}
KINDS = ("cut_published", "garbage_published", "error_published", "cut_inside", "cut_after", "cut_before")
SWEEPS = os.environ.get("CRIER_SWEEP") == "all"
FAR = {"ledger.*": (10, 40, 80), "out.*": (7, 23, 50, 95)}


class NetworkRound(Round):
    def change(self, settings):
        every = network_channels(self.platform)
        settings["channels"] = {name: every[name] for name in NETWORKS}

    def make_ordeal(self, prefix):
        return NetworkOrdeal(self.crier, self.platform, NETWORKS, prefix=prefix)

    def publish(self):
        return self.ordeal.publish("one", self.platform.picture(), f"{self.platform.url}/img/2000.mp4")


@pytest.mark.parametrize("deed", ["", ":exit"])
@pytest.mark.parametrize("room", ["ledger.*", "out.*"])
def test_each_network_has_each_post_once_whatever_fails(make_crier, platform, room, deed):
    if SWEEPS:
        sweep(make_crier, platform, room, deed, NetworkRound)
        return
    done = rounds(make_crier, platform, [(n, f"{room}:{n}{deed}") for n in FAR[room]], NetworkRound)
    assert sum(r.fired for r in done) * 2 > len(done), [r.spec for r in done if not r.fired]


@pytest.mark.parametrize("kind", KINDS if SWEEPS else KINDS[:2])
def test_a_network_that_loses_its_answer_has_each_post_once(make_crier, platform, kind):
    """The first request of a publication, a correction and a retraction meets it, on each of them."""
    sound = NetworkRound(make_crier, platform, "none", 0)
    ordeal = sound.ordeal
    sound.crier.start()
    for deed, ask in enumerate((sound.publish, lambda: ordeal.correct("one"), lambda: ordeal.retract("one"))):
        for door in (doors[deed] for doors in DOORS.values() if doors[deed]):
            method, path = door.split()
            platform.fault(path, kind, method=method)
        assert ordeal.tell(ask())
        met = lambda: not any(fault["times"] for fault in platform.faults())  # noqa: E731
        with contextlib.suppress(AssertionError):
            wait_for(met, 20, 0.05)
        assert met(), [fault for fault in platform.faults() if fault["times"]]
        wait_for(lambda: not ordeal.in_flight(), 20, 0.05, "all to be heard of")
        sound.skip_time()
        ordeal.settle()
        ordeal.check()
        platform.no_faults()
    sound.crier.stop()
    sound.mail.close()
