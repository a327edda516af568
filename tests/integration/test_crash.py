"""The power goes out. Whatever the moment: what was acknowledged is in the ledger, comes to its end
after the restart or waits for a person as `unknown`, and no platform that tells the truth has it
twice. Moments are random under load (the seed is printed), then named points; each in turn is
test_faults.py's."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import random
import threading
import time

import pytest
from harness import SLOW, TOKEN, exchange, wait_for
from marks import ONE_THREAD

OF_CHANNEL = {"telegram": "telegram", "mastodon": "mastodon", "bluesky": "bluesky", "partner": "hook"}
CHANNELS = tuple(OF_CHANNEL)
MOVING = ("held", "ready", "in_flight", "again")
CRASHED = 99  # exit code of a fault point
ROUNDS, ARTICLES, SENDERS = 6, 40, 4


def story(name, platform=None):
    """An article that is recognised by its title wherever it turns up."""
    made = {"id": name, "url": f"https://news.example/crash/{name}", "title": f"Story {name} of this test",
            "summary": "It is sent while the power goes out.", "language": "en", "categories": ["Latest"]}
    if platform is not None:
        made["images"] = [{"url": platform.picture(), "alt": "A street in the dark"}]
    return made


def submit(crier, article):
    """Its public id, or None when there was no answer, or none that says it is accepted."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with contextlib.suppress(OSError, http.client.HTTPException):
        status, _, body = exchange(crier.url, "POST", "/v1/articles", json.dumps(article).encode(), headers, 20)
        if status == 202:
            return json.loads(body)["id"]
    return None


def submit_until_taken(crier, article):
    """As a CMS does that is told to come again."""
    return wait_for(lambda: submit(crier, article), 20, 0.2, f"{article['id']} to be accepted")


def await_rest(crier, seconds=40):
    """Until nothing moves any more. One answer counts them all: from list to list one could slip by."""
    def look():
        counts = [channel["backlog"].get(state, 0) for channel in crier.get("/v1/channels")["items"]
                  for state in MOVING]
        looking = [d for d in crier.get("/v1/deliveries?state=unknown&limit=100")["items"] if d.get("due_at")]
        return not any(counts) and not looking
    wait_for(look, seconds, 0.1, "everything to come to rest")


def times_posted(posts, channel, article):
    return [p for p in posts if p["platform"] == OF_CHANNEL[channel] and article["title"] in p["text"]]


def reconcile_one(posts, article, answer):
    """Holds one article's deliveries in the ledger against what the platforms have."""
    states = {d["channel"]: d["state"] for d in answer["deliveries"]}
    assert set(states) == set(CHANNELS), (article["id"], states)
    for channel, state in states.items():
        count = len(times_posted(posts, channel, article))
        said = f"{article['id']} on {channel}: {state}, posted {count} times"
        if state == "done":
            assert count == 1, said
        else:  # Telegram knows no key of ours and cannot be asked
            assert channel == "telegram" and state == "unknown" and count <= 1, said
    return states


def insist_on_keys(platform, truth):
    """Repeats are recognisable: the same id with the same bytes, another id for another story."""
    bodies = {}
    for r in truth["requests"]:
        if r["path"].startswith("/hook/") and r["body"] is not None:
            bodies.setdefault(r["headers"]["webhook-id"], set()).add(r["body"])
    assert bodies and all(len(of_one) == 1 for of_one in bodies.values())
    events = [b for of_one in bodies.values() for b in of_one]
    assert len(set(events)) == len(events), "two ids for one event"
    for name in ("mastodon", "bluesky"):
        keys = [p["key"] for p in truth["posts"] if p["platform"] == name]
        assert all(keys) and len(set(keys)) == len(keys), name


def reconcile(crier, platform, articles, ids):
    await_rest(crier)
    truth = platform.truth()
    unknown = 0
    for article in articles:
        states = reconcile_one(truth["posts"], article, crier.article(ids[article["id"]]))
        unknown += states["telegram"] == "unknown"
    listed = crier.get("/v1/deliveries?state=unknown&limit=100")["items"]
    assert len(listed) == unknown and all(d["detail"] for d in listed), "unknown must be seen"
    insist_on_keys(platform, truth)
    return truth, unknown


def send_all(crier, articles, ids):
    """Several senders at once; whoever gets no answer gives up, as the service is dead."""
    work, lock = iter(articles), threading.Lock()

    def sender(_):
        while True:
            with lock:
                article = next(work, None)
            if article is None:
                return
            public_id = submit(crier, article)
            if public_id is None:
                return
            assert ids.setdefault(article["id"], public_id) == public_id

    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(sender, range(SENDERS)))


def test_killed_at_random_moments_nothing_acknowledged_is_lost_or_sent_twice(make_crier, platform):
    seed = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"CRASH_SEED={seed}")
    moments, ids, every = random.Random(seed), {}, []
    crier = make_crier(start=False)
    platform.fault("/", "delay", times=-1, seconds=0.01)  # so that something is on its way
    for number in range(ROUNDS):
        fresh = [story(f"{number}-{n:03}", platform if n % 10 == 0 else None) for n in range(ARTICLES)]
        unanswered = [a for a in every if a["id"] not in ids]
        every += fresh
        crier.start()
        timer = threading.Timer(moments.uniform(0.02, 1.0 if SLOW else 0.4), crier.process.kill)
        timer.start()
        send_all(crier, unanswered + fresh, ids)
        timer.join()
        crier.process.wait()
        crier.process = None
    crier.start()
    for article in every:  # the CMS sends again what nobody took; what was taken stays one
        if article["id"] not in ids or moments.random() < 0.1:
            known = ids.get(article["id"])
            ids[article["id"]] = submit_until_taken(crier, article)
            assert known in (None, ids[article["id"]])
    truth, unknown = reconcile(crier, platform, every, ids)
    print(f"{len(every)} articles, {unknown} unknown, {len(truth['duplicates'])} repeats")
    assert len(truth["posts"]) <= len(every) * len(CHANNELS)


class Crash:
    """One instance that is to fail at a fault point: `spec` as CRIER_FAULT has it."""

    def __init__(self, crier, platform, spec, course="publish"):
        self.crier, self.platform, self.spec, self.course = crier, platform, spec, course
        self.article = story(f"{course}-{spec}".replace("*", "any").replace(":", "-").replace(".", "-"), platform)
        self.fired = False

    def run(self):
        """Does one thing with it in the way, starts it again, sees what became of it."""
        if self.course != "publish":
            self.publish_before()
        self.crier.environment["CRIER_FAULT"] = self.spec
        self.fired = self.crier.start_or_end() == CRASHED
        if not self.fired:
            self.ask()
            self.await_crash_or_rest()
            self.fired = self.end() == CRASHED
        self.crier.environment.pop("CRIER_FAULT")
        self.crier.start()
        public_id = wait_for(self.ask, 20, 0.2, f"{self.article['id']} to be taken")
        await_rest(self.crier)
        truth, answer = self.platform.truth(), self.crier.article(public_id)
        self.crier.stop()
        return self.reconcile(truth, answer)

    def publish_before(self):
        self.crier.start()
        public_id = submit_until_taken(self.crier, self.article)
        self.crier.await_done(public_id)
        self.crier.stop()
        self.article["title"] += ", corrected"

    def ask(self):
        """The id once the course is accepted; None: come again."""
        if self.course != "retract":
            return submit(self.crier, self.article)
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, _, body = exchange(self.crier.url, "DELETE", f"/v1/articles/{self.article['id']}",
                                       headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
            return json.loads(body)["id"] if status == 202 else None
        return None

    def reconcile(self, truth, answer):
        if self.course == "publish":
            return reconcile_one(truth["posts"], self.article, answer)
        latest = {d["channel"]: d["state"] for d in answer["deliveries"] if d["revision"] == answer["revision"]}
        assert latest == dict.fromkeys(CHANNELS, "done"), (self.spec, latest)
        title = self.article["title"].removesuffix(", corrected")
        for channel in CHANNELS:
            posts = [p for p in truth["posts"] if p["platform"] == OF_CHANNEL[channel] and title in p["text"]]
            standing = [p["text"] for p in posts if p["stands"]]  # Bluesky updates by a new post for the old
            assert posts and len(standing) == (self.course == "update"), (self.spec, channel, standing)
            assert all(self.article["title"] in text for text in standing), (self.spec, channel, standing)
        return latest

    def await_crash_or_rest(self):
        def over():
            if self.crier.process.poll() is not None:
                return True
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                items = self.crier.get("/v1/articles?limit=1")["items"]
                states = self.crier.states(items[0]["id"]).values() if items else ()
                return states and not set(states) & set(MOVING)
            return False
        wait_for(over, 20, 0.05, f"{self.spec} to fire, or the article to be through")

    def end(self):
        """Its exit code; what is left to be written at the end may fire as well."""
        process, self.crier.process = self.crier.process, None
        process.terminate()
        code = process.wait(40)
        assert code in (0, CRASHED), f"{code}\n{self.crier.log()[-3000:]}"
        return code


def crash_at(make_crier, platform, specs, course="publish"):
    crashes = [Crash(make_crier(start=False), platform, spec, course) for spec in specs]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        states = list(pool.map(Crash.run, crashes))
    return crashes, states


NAMED = ("ledger.accept:1:exit", "ledger.commit:1:exit", "ledger.committed:1:exit", "ledger.begin:3:exit",
         "ledger.end:2:exit", "ledger.commit:5:exit", "ledger.committed:4:exit", "ledger.begin:5:exit")


def test_a_crash_at_a_named_point_leaves_everything_in_order(make_crier, platform):
    crashes, _ = crash_at(make_crier, platform, NAMED)
    assert all(c.fired for c in crashes), [c.spec for c in crashes if not c.fired]
    insist_on_keys(platform, platform.truth())


@ONE_THREAD
@pytest.mark.parametrize("point", ["ledger.commit", "ledger.committed"])
def test_a_crash_at_every_commit_in_turn_leaves_everything_in_order(make_crier, platform, point):
    numbers, fired = itertools.count(1), []
    while len(fired) < 60:  # far more than one article needs
        crashes, _ = crash_at(make_crier, platform, [f"{point}:{next(numbers)}:exit" for _ in range(8)])
        fired += [c.fired for c in crashes]
        if not fired[-1]:
            break
    assert sum(fired) > 8 and not fired[-1], "the sweep came to no end"
    insist_on_keys(platform, platform.truth())


@pytest.mark.parametrize("course", ["update", "retract"])
def test_a_crash_while_posts_are_changed_leaves_each_as_it_should_be(make_crier, platform, course):
    crashes, _ = crash_at(make_crier, platform, [f"ledger.*:{n}:exit" for n in (2, 9, 14, 19, 24, 30)], course)
    assert sum(c.fired for c in crashes) >= 4, [c.spec for c in crashes if not c.fired]
    insist_on_keys(platform, platform.truth())


@pytest.mark.parametrize("spec", ["ledger.accept:1", "ledger.commit:3", "ledger.begin:1", "ledger.begin:4",
                                  "ledger.end:1", "ledger.end:3", "ledger.commit:6"])
def test_a_write_that_fails_once_loses_nothing(make_crier, platform, spec):
    crier = make_crier(environment={"CRIER_FAULT": spec})
    article = story(spec.replace(":", "-").replace(".", "-"))
    public_id = submit_until_taken(crier, article)
    await_rest(crier)
    states = reconcile_one(platform.posts(), article, crier.article(public_id))
    assert set(states.values()) == {"done"}, states
    insist_on_keys(platform, platform.truth())


def test_killed_while_telegram_had_it_the_outcome_waits_for_a_person(crier, platform):
    article = story("at-telegram")
    platform.fault("/bot", "delay", seconds=30, method="POST")
    public_id = submit(crier, article)
    wait_for(lambda: platform.requests("/bot"))
    crier.await_done(public_id, channel="partner")
    crier.kill()
    crier.start()
    held = crier.await_state(public_id, "unknown", channel="telegram")[0]
    time.sleep(0.5)
    assert len([r for r in platform.requests("/bot") if "sendMessage" in r["path"]]) == 1
    assert held["detail"]
    opened = [line for line in crier.log().splitlines() if "ledger.opened" in line or "ledger_opened" in line]
    assert len(opened) == 2 and "unknown=1" in opened[1], opened
    status, body, _ = crier.call("POST", f"/v1/deliveries/{held['id']}/resolve", {"outcome": "absent"})
    assert status == 200, body
    crier.await_done(public_id)
    assert len(times_posted(platform.posts(), "telegram", article)) == 1
