"""Readers of a world: browsers that subscribed, by way of a push service that has moods (tests/support/push_sink.py).
Whatever breaks, each of them has each article; a second time only where nobody could know whether they had it, and then
in the place of the first, since both have its Topic."""

import base64
import hashlib
import json

from harness import CRIER
from push_sink import PushSink

KEY = "xbwpzip7TIykpAiHVv5TQ5NIRWK8NxcYiezxyeaHVHM"  # crier keys vapid
KEYS = {"p256dh": "BAa1BZJyj5wJbJxnDa5GVSldX_NcVUzLenE_w3yAK3VYlIUC4zOMUHjpwUOMEfwlJOnHaa89Q4VBmQdhLyJHhEE",
        "auth": "c2l4dGVlbiBieXRlcyBvZg"}
COUNT = 60
CHANNEL = "browsers"
MOODS = ("rule percent=30 first=20 status=503 retry_after=1", "rule percent=30 first=20 status=429 retry_after=2",
         "rule percent=20 first=8 stall", "rule percent=20 first=3 close", "rule percent=20 first=8 reset",
         "rule percent=30 first=30 refuse", "goaway 7", "streams 3", "then 20 1", "rtt 80", "cut", "down 300")


def topic_of(public_id):
    return base64.urlsafe_b64encode(hashlib.sha256(public_id.encode()).digest()).decode()[:32]


class Readers:
    def __init__(self, folder):
        self.sink = PushSink(folder, CRIER.parent / "tests" / "push_sink")
        self.paths = [f"/p/{n}" for n in range(COUNT)]
        self.had, self.read = {}, 0  # (topic, path) -> how often; so much of the record
        self.be_well()

    def settings(self):
        return {"type": "webpush", "key": KEY, "subject": "mailto:push@news.example", "allow_private": True}

    def subscribe(self, crier):
        lines = "".join(json.dumps({"endpoint": self.sink.url + path, "keys": KEYS, "opted_in_at": "2026-01-01T10:00:00Z",
                                    "source": "torture"}) + "\n" for path in self.paths)
        status, answer, _ = crier.call("POST", f"/v1/channels/{CHANNEL}/members", lines.encode(),
                                       headers={"Content-Type": "application/x-ndjson"})
        assert (status, answer["added"]) == (200, COUNT), answer

    def have_a_mood(self, dice):
        self.sink.do(dice.choice(MOODS))

    def be_well(self):
        self.sink.do("rules clear", "goaway 0", "then 0 0", "streams 1000", "down 0", "rtt 10")

    def read_messages(self):
        self.sink.count()  # writes it out
        with self.sink.record.open("rb") as record:
            record.seek(self.read)
            for line in record:
                message = json.loads(line)
                self.read += len(line)
                if message["status"] == 201:
                    key = message["headers"]["topic"], message["path"]
                    self.had[key] = self.had.get(key, 0) + 1

    def judge(self, public_id, delivery, crashed):
        """(What is wrong with the wave of an article, how many repeats it came to)"""
        topic, wave = topic_of(public_id), delivery.get("wave") or {}
        times = {path: self.had.get((topic, path), 0) for path in self.paths}
        said = f"{public_id} on {CHANNEL}: {delivery['state']} ({delivery['detail']}): "
        repeats = sum(n - 1 for n in times.values() if n > 1)
        missing = [path for path, n in times.items() if n == 0]
        counts = [wave.get(c, 0) for c in ("accepted", "refused", "undeliverable", "stopped", "skipped", "again", "unknown")]
        in_doubt = sum(service["unknown"] for service in wave.get("services", ()))
        wrong = None
        if delivery["state"] != "done" or missing:
            wrong = f"{len(missing)} readers have nothing: {missing[:5]}"
        elif wave["members"] != COUNT or counts[0] != COUNT or sum(counts) != COUNT:
            wrong = f"the counts do not add up: {wave}"
        elif repeats > in_doubt and not crashed:
            wrong = f"{repeats} messages twice, {in_doubt} were in doubt"
        elif max(times.values()) > 4:
            wrong = f"somebody has it {max(times.values())} times"
        return wrong and said + wrong, repeats

    def close(self):
        self.sink.stop()
