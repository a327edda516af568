"""Holds what crier says against what was acknowledged and what stands at the platforms.

  acknowledged   in the ledger, under the id that was told
  refused        neither in the ledger nor anywhere, unless it was sent again or crier died since
  no answer      either way, but one of them: in the ledger with all its deliveries, or nowhere
  a delivery     at its end: done and posted exactly once; or unknown, seen in the list with what is known of
                 it, posted at most once, and only where nobody can be asked or looking did not tell
  a wave         done, and each reader has it (push.py)"""

import re

from push import CHANNEL
from world import BLIND, PLACES

TITLE = re.compile(r"Story (\S+) of this test")


class Result:
    def __init__(self):
        self.accepted = self.deliveries = self.unknown = self.repeats = self.twice = self.lost = 0
        self.faults = []  # what is wrong, for people

    def wrong(self, text):
        self.faults.append(text)


def channel_of(post):
    for channel, (platform, place) in PLACES.items():
        if post["platform"] == platform and place in (None, post["place"]):
            return channel
    raise AssertionError(f"a post where there is no channel: {post}")


def read_posts(world):
    """Counts what has been posted since the last time; returns how many repeats the receivers recognised."""
    news = world.platform.news(world.posts)
    world.repeats, before = news["duplicates"], world.repeats
    for post in news["posts"]:
        named = TITLE.search(post["text"])
        assert named, f"a post without a story: {post}"
        key = (channel_of(post), named[1])
        world.times[key] = world.times.get(key, 0) + 1
    world.posts += len(news["posts"])
    return world.repeats - before


def judge_delivery(world, result, name, d):
    count = world.times.get((d["channel"], name), 0)
    said = f"{name} on {d['channel']}: {d['state']}, posted {count} times ({d['detail']})"
    result.deliveries += 1
    if count > 1:
        result.twice += 1
        result.wrong(said)
    elif d["state"] == "done":
        if count == 0:
            result.lost += 1
            result.wrong(said)
    elif d["state"] == "unknown" and d["detail"] and (d["channel"] in BLIND or "a person must see" in d["detail"]):
        result.unknown += 1
    else:
        result.lost += 1
        result.wrong(said)


def judge_wave(world, result, name, d):
    wrong, repeats = world.readers.judge(world.accepted[name], d, world.crashed)
    result.deliveries += 1
    result.repeats += repeats
    if wrong:
        result.lost += 1
        result.wrong(f"{name}: {wrong}")


def judge_accepted(world, result, name):
    status, answer, _ = world.crier.call("GET", f"/v1/articles/{world.accepted[name]}")
    result.accepted += 1
    if status != 200:
        result.lost += 1
        result.wrong(f"{name} was accepted and is not in the ledger: {status}")
        return
    deliveries = {d["channel"]: d for d in answer["deliveries"]}
    if set(deliveries) != set(world.channels) or len(answer["deliveries"]) != len(deliveries):
        result.lost += 1
        result.wrong(f"{name} is on its way to {sorted(d['channel'] for d in answer['deliveries'])}")
    for channel, d in deliveries.items():
        (judge_wave if channel == CHANNEL else judge_delivery)(world, result, name, d)


def judge_other(world, result, name):
    """It was refused, or there was no answer that can be relied on."""
    status, answer, _ = world.crier.call("GET", f"/v1/articles/{name}")
    posted = sorted(channel for channel, of in world.times if of == name)
    if status == 200 and name in world.unanswered:
        world.accepted[name] = answer["id"]
        judge_accepted(world, result, name)
    elif status == 200:
        result.wrong(f"{name} was refused and is in the ledger")
    elif posted:
        result.wrong(f"{name} is not in the ledger and was posted on {posted}")


def reconcile(world, names):
    """names: of the articles that are not settled yet."""
    result = Result()
    result.faults, world.wrong = world.wrong, []
    result.repeats = read_posts(world)
    world.readers.read_messages()
    for name in names:
        (judge_accepted if name in world.accepted else judge_other)(world, result, name)
    for (channel, name), count in world.times.items():  # one of an earlier round, by now
        if count > 1 and name not in names:
            result.twice += 1
            result.wrong(f"{name} of an earlier round on {channel}: posted {count} times")
            world.times[channel, name] = 1
    world.crashed = False
    return result


def settle_unknown(world, result):
    """What a person does: looks at the platform, and says what is there. What is not goes out then, once."""
    absent = []
    for d in world.unknown():
        name = next(n for n, public_id in world.accepted.items() if public_id == d["article"])
        if world.times.get((d["channel"], name), 0) == 0:
            absent.append((d["channel"], name))
            status, body, _ = world.crier.call("POST", f"/v1/deliveries/{d['id']}/resolve", {"outcome": "absent"})
        else:
            status, body, _ = world.crier.call("POST", f"/v1/deliveries/{d['id']}/cancel")
        assert status == 200, body
    world.await_rest()
    read_posts(world)
    for channel, name in absent:
        count = world.times.get((channel, name), 0)
        if count != 1:
            result.wrong(f"{name} on {channel}: not there, said a person, and then posted {count} times")
