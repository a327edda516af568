"""One crier that may die at any moment, what it was asked, and what the platforms have: so that any test
that breaks something underneath can say in the end that nothing acknowledged was lost, nothing was posted
twice, and what cannot be known is shown as `unknown`.

    ordeal = Ordeal(crier, platform, channels)     channels: names as in CHANNELS
    ordeal.tell(ordeal.publish("one"))             may get no answer; crier may be dead, or die of it
    ordeal.tell(ordeal.correct("one"))
    … kill, start, break, mend …
    ordeal.settle()                                the CMS comes again with what nobody took, a person
                                                   resolves what is unknown, all comes to rest
    ordeal.check()                                 against the platforms' truth

A story is asked for by one sender after the other, never by two at once; several stories may be told by
several threads. settle() wants a running crier and nothing in its way."""

import contextlib
import http.client
import json

from harness import TOKEN, exchange, wait_for

MOVING = ("held", "ready", "in_flight", "again")
# Where the posts of a channel stand among the fake platforms', and whether a post may be in doubt for good:
# such a platform neither knows a repeat nor can be asked.
CHANNELS = {
    "telegram": ("telegram", "@example", True),
    "mastodon": ("mastodon", None, False),
    "bluesky": ("bluesky", None, False),
    "partner": ("hook", "partner", False),
    "discord": ("discord", "223456789012345679", True),
    "discord-bot": ("discord", "323456789012345678", False),
    "slack": ("slack", "C0123456789", False),
    "mail": ("mail", None, True),
}
# The same of the social networks (harness.network_channels), by type: (fake platform, place, may stay in doubt).
NETWORKS = {
    "facebook": ("facebook", None, False),
    "instagram": ("instagram", None, False),
    "threads": ("threads", None, False),
    "x": ("x", None, False),
    "linkedin": ("linkedin", None, False),
    "tumblr": ("tumblr", None, False),
    "youtube": ("youtube", "UUexample", False),
    "tiktok": ("tiktok", "@example", True),
    "pinterest": ("pinterest", "549755885175", False),
    "lemmy": ("lemmy", "news", False),
    "misskey": ("misskey", "@news", False),
    "devto": ("devto", "news", False),
    "wordpress": ("wordpress", "site", False),
    "reddit": ("reddit", "r/examplenews", False),
    "vk": ("vk", "wall", False),
}
REPLACES = ("bluesky", "misskey")  # a correction is a new post, the old one is deleted
NAMED = {"telegram": "{place}/{id}"}  # what crier wants to be told of a post, where that is not its id
PUBLISHED, CORRECTED, RETRACTED = "published", "corrected", "retracted"


class Story:
    """One article: what was asked last, and what was acknowledged last."""

    def __init__(self, name, image=None, video=None):
        self.name, self.image, self.video = name, image, video
        self.asked, self.taken, self.public_id = PUBLISHED, None, None

    @property
    def plain_title(self):
        return f"Story {self.name} of this ordeal"

    @property
    def title(self):
        return self.plain_title + (", corrected" if self.asked == CORRECTED else "")

    def article(self):
        made = {"id": self.name, "url": f"https://news.example/ordeal/{self.name}", "title": self.title,
                "summary": "It is sent while something breaks.", "language": "en", "categories": ["Latest"]}
        if self.image:
            made["images"] = [{"url": self.image, "alt": "A street in the dark"}]
        if self.video:  # YouTube takes nothing else
            made["video"] = {"url": self.video}
        return made


class Ordeal:
    PLACES = CHANNELS

    def __init__(self, crier, platform, channels, mail=None, prefix=""):
        """mail: the mail_peer.MailServer of the channel `mail`; prefix: of story names, so that several
        criers can share the platforms."""
        self.crier, self.platform, self.channels, self.mail = crier, platform, tuple(channels), mail
        self.prefix, self.stories = prefix, {}

    # ---- what is asked ----

    def publish(self, name, image=None, video=None):
        self.stories[name] = Story(self.prefix + name, image, video)
        return self.stories[name]

    def correct(self, name):
        self.stories[name].asked = CORRECTED
        return self.stories[name]

    def retract(self, name):
        self.stories[name].asked = RETRACTED
        return self.stories[name]

    def tell(self, story):
        """Whether it was acknowledged. No answer, or one that is no 202: the CMS comes again, in settle()."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        asked = story.asked
        with contextlib.suppress(OSError, http.client.HTTPException):
            if asked == RETRACTED:
                status, _, body = exchange(self.crier.url, "DELETE", f"/v1/articles/{story.name}", None, headers, 20)
            else:
                article = json.dumps(story.article()).encode()
                status, _, body = exchange(self.crier.url, "POST", "/v1/articles", article, headers, 20)
            if status == 202:
                public_id = json.loads(body)["id"]
                assert story.public_id in (None, public_id), f"{story.name}: one story, two articles"
                story.public_id, story.taken = public_id, asked
                return True
            # Never heard of it: the publication was not acknowledged, and this came before it was told again.
            assert status in (404, 500, 503) and (status != 404 or story.taken is None), (status, body)
        return False

    # ---- to rest ----

    def deliveries(self, state):
        return self.crier.get(f"/v1/deliveries?state={state}&limit=100")["items"]

    def is_at_rest(self):
        """Nothing moves, but for what is held behind something that waits for a person. One answer counts them
        all: from list to list one could slip by."""
        unknown = self.deliveries("unknown")
        backlogs = [channel["backlog"] for channel in self.crier.get("/v1/channels")["items"]]
        counts = {state: sum(b[state] for b in backlogs) for state in (*MOVING, "unknown")}
        return (counts["ready"] + counts["in_flight"] + counts["again"] == 0
                and counts["unknown"] == len(unknown) and not any(d.get("due_at") for d in unknown)
                and (counts["held"] == 0 or bool(unknown)))

    def in_flight(self):
        return sum(channel["backlog"]["in_flight"] for channel in self.crier.get("/v1/channels")["items"])

    def await_rest(self, seconds=40):
        wait_for(self.is_at_rest, seconds, 0.05, "everything to come to rest")

    def settle(self, seconds=40):
        for story in self.stories.values():
            if story.asked == RETRACTED and story.taken is None and not self.tell(story):
                story.asked = PUBLISHED  # a CMS that never heard of its article being taken takes nothing back
                wait_for(lambda: self.tell(story), seconds, 0.2, f"{story.name} to be accepted")
                story.asked = RETRACTED
            if story.taken != story.asked:
                wait_for(lambda: self.tell(story), seconds, 0.2, f"{story.name} to be accepted")
        self.await_rest(seconds)
        while unknown := self.deliveries("unknown"):
            for delivery in unknown:
                self.resolve(delivery)
            self.await_rest(seconds)

    def resolve(self, delivery):
        """What a person does: looks on the platform, and says what is there."""
        channel = delivery["channel"]
        assert self.PLACES[channel][2], f"{channel} can be asked, and is left unknown: {delivery}"
        assert delivery["detail"], f"unknown, and nobody says why: {delivery}"
        story = next(s for s in self.stories.values() if s.public_id == delivery["article"])
        made = self.posts(story, channel)
        body = {"outcome": "absent"}
        if channel == "mail":
            if self.doubtful_readers(delivery) <= self.readers_of(story, delivery["revision"]):
                body = {"outcome": "posted"}
        elif made:
            body = {"outcome": "posted", "remote_id": NAMED.get(channel, "{id}").format_map(made[-1])}
        status, answer, _ = self.crier.call("POST", f"/v1/deliveries/{delivery['id']}/resolve", body)
        assert status == 200, answer

    # ---- the truth ----

    def posts(self, story, channel, truth=None):
        """What was ever posted of it there."""
        name, place, _ = self.PLACES[channel]
        return [p for p in (truth or self.platform.truth())["posts"]
                if p["platform"] == name and place in (None, p["place"]) and story.plain_title in p["text"]]

    def mails(self, story):
        """How often each reader has each of its mails."""
        counts = {}
        for mail in list(self.mail.mails):
            if story.plain_title in str(mail["Subject"]):
                key = (mail.reader, str(mail["Subject"]))
                counts[key] = counts.get(key, 0) + 1
        return counts

    def doubtful_readers(self, delivery):
        every = set(self.crier.settings["channels"]["mail"]["to"])
        _, _, named = delivery["detail"].partition("in doubt:")
        return {reader for reader in every if reader in named.partition(";")[0]} or every

    def readers_of(self, story, revision):
        wanted = story.plain_title + (", corrected" if revision > 1 else "")
        return {reader for reader, subject in self.mails(story) if subject.endswith(wanted)}

    def check(self):
        truth = self.platform.truth()
        for story in self.stories.values():
            assert story.public_id and story.taken == story.asked, f"{story.name}: settle() first"
            self.check_story(story, truth)
        self.check_keys(truth)

    def check_story(self, story, truth):
        answer = self.crier.article(story.public_id)
        newest = {}
        for delivery in answer["deliveries"]:
            if delivery["revision"] >= newest.get(delivery["channel"], delivery)["revision"]:
                newest[delivery["channel"]] = delivery
        assert set(newest) == set(self.channels), (story.name, sorted(newest))
        for channel, delivery in newest.items():
            said = f"{story.name} ({story.asked}) on {channel}: revision {delivery['revision']} {delivery['state']}, {delivery['detail']}"
            assert delivery["state"] in ("done", "cancelled" if story.asked == RETRACTED else "done") or (
                delivery["state"] == "rejected" and self.may_reject(story, channel)), said
            if channel == "mail":
                self.check_mails(story, said)
            else:
                self.check_posts(story, channel, self.posts(story, channel, truth), delivery, said)

    def may_reject(self, story, channel):
        return channel == "mail" and story.asked == RETRACTED

    def check_posts(self, story, channel, made, delivery, said):
        standing = [p["text"] for p in made if p["stands"]]
        said += f"; made {len(made)}, standing {standing}"
        if channel in REPLACES and story.asked != PUBLISHED:
            assert len({p["key"] or p["id"] for p in made}) == len(made) <= 2, said  # a new post in place of the old
        else:
            assert len(made) <= 1, said
        if story.asked == RETRACTED:
            assert not standing, said
        else:
            assert len(standing) == 1 and story.title in standing[0], said

    def check_mails(self, story, said):
        counts = self.mails(story)
        assert all(n == 1 for n in counts.values()), f"{said}; {counts}"
        if story.asked != RETRACTED:
            readers = {reader for reader, subject in counts if subject.endswith(story.title)}
            assert readers == set(self.crier.settings["channels"]["mail"]["to"]), f"{said}; {counts}"

    def check_keys(self, truth):
        """Repeats are recognisable: the same id with the same bytes, another id for another event."""
        bodies = {}
        names = [s.plain_title for s in self.stories.values()]
        for r in truth["requests"]:
            if r["path"].startswith("/hook/") and r["body"] and any(n in r["body"] for n in names):
                bodies.setdefault(r["headers"]["webhook-id"], set()).add(r["body"])
        assert all(len(of_one) == 1 for of_one in bodies.values()), "one id for two events"
        events = [b for of_one in bodies.values() for b in of_one]
        assert len(set(events)) == len(events), "two ids for one event"


class NetworkOrdeal(Ordeal):
    """The same on the social networks, some of which cannot take back or change what is there."""

    PLACES = NETWORKS
    NO_UPDATE, NO_RETRACT = ("instagram", "tiktok"), ("tiktok",)
    REPLACED = ("x", "threads", "misskey")

    def may_reject(self, story, channel):
        return channel in {PUBLISHED: (), CORRECTED: self.NO_UPDATE, RETRACTED: self.NO_RETRACT}[story.asked]

    def check_posts(self, story, channel, made, delivery, said):
        """Of each title one was ever made, at most, and what stands is what the newest delivery says."""
        standing = [p["text"] for p in made if p["stands"]]
        first = ["corrected" if ", corrected" in (p["edits"] or [p["text"]])[0] else "first" for p in made]
        said += f"; made {first}, standing {standing}"
        assert len(set(first)) == len(first) and (len(first) <= 1 or channel in self.REPLACED), said
        rejected = delivery["state"] == "rejected"
        if story.asked == RETRACTED:
            assert not standing or rejected, said
            return
        assert len(standing) == 1, said
        assert (", corrected" in standing[0]) == (story.asked == CORRECTED and not rejected), said
