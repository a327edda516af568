"""Waves over lanes: a message to each browser that subscribed, by way of a push service that answers, refuses, stalls,
goes away and comes back; whoever crashes in between."""

import json
import signal
import time

import pytest
from harness import SLOW, wait_for
from push_readers import (PROGRAM, Readers, later, make_crier, messages, read_message,  # noqa: F401 (fixtures)
                          sink, sink_program, story, until_done, wave)
from push_sink import PushSink


def test_each_reader_gets_it_once_and_every_answer_is_accounted_for(make_crier, sink):
    crier = make_crier(gone_max=1000)
    readers = Readers(crier, sink)
    readers.add(2000)
    sink.do("rule path=/p/1??? percent=10 status=410", "rule path=/p/20? status=400", "rule path=/p/3[01] once status=429 retry_after=1",
            "rule path=/p/40 once status=503 retry_after=2", "goaway 700", "streams 100", "then 30 200")
    accepted = crier.send(story(1))
    until_done(crier, accepted, by="31s")
    shown = wave(crier, accepted)
    gone = {path for path, (_, asked) in sink.paths().items() if path.startswith("/p/1") and len(path) == 7 and
            sink.paths()[path][0] == 0}
    refused = {f"/p/20{i}" for i in range(10)}
    assert 60 < len(gone) < 140
    readers.reconcile(without=gone | refused)
    assert shown["members"] == 2000 and shown["accepted"] == 2000 - len(gone) - 10, shown
    assert (shown["undeliverable"], shown["refused"], shown["again"], shown["unknown"]) == (len(gone), 10, 0, 0)
    assert readers.counts()["gone"] == len(gone)
    service, = shown["services"]
    assert (service["accepted"], service["gone"], service["refused"]) == (shown["accepted"], len(gone), 10)
    assert service["retried"] >= 3 and 0 < service["ms"]["50"] <= service["ms"]["99"] <= service["ms"]["100"]
    page = crier.call("GET", "/metrics")[1]
    assert 'crier_push_pace{channel="browsers"} 0\n' in page and "crier_push_connections_opened_total 0" not in page
    assert f'crier_pushes_total{{channel="browsers",service="other",outcome="accepted"}} {shown["accepted"]}' in page
    assert f'crier_push_seconds_count{{channel="browsers",service="other"}} 2000' in page
    message = read_message(messages(sink)[0]["body"])
    assert "Story 1" in json.dumps(message)
    assert "wave_end" in crier.log() and sink.url + "/p" not in crier.log()


def test_killed_in_the_middle_nobody_is_forgotten(make_crier, sink):
    crier = make_crier(lambda channel: channel.update(rate="4000/s"))
    readers = Readers(crier, sink)
    readers.add(4000)
    sink.do("rtt 40")
    accepted = crier.send(story(2))
    sink.wait_for(1200)
    crier.kill()
    reached = sink.count()["accepted"]
    assert reached < 3500, "it was to be killed before the end"
    crier.start()
    later(crier, "11s")  # what was found in flight goes on then
    wait_for(lambda: (w := wave(crier, accepted))["accepted"] + w["unknown"] == 4000)
    unknown = wave(crier, accepted)["unknown"]
    assert 0 < unknown <= 4000 * 0.8 + 500, "no more is in doubt than a moment sends"
    later(crier, "31s")
    crier.await_done(accepted["id"])
    twice = readers.reconcile(repeats=unknown)
    assert wave(crier, accepted)["accepted"] == 4000
    topics = {message["headers"]["topic"] for message in messages(sink)}
    assert len(topics) == 1, f"the second one ({twice} of them) takes the place of the first"


def test_stopped_in_the_middle_it_goes_on_and_nobody_has_it_twice(make_crier, sink):
    crier = make_crier(lambda channel: channel.update(rate="2000/s"))
    readers = Readers(crier, sink)
    readers.add(1200)
    accepted = crier.send(story(15))
    sink.wait_for(300)
    crier.stop()
    assert sink.count()["accepted"] < 1100
    crier.start()
    crier.await_done(accepted["id"])
    readers.reconcile()


@pytest.mark.parametrize("point", ("wave.batch:1", "wave.batch:3", "wave.answered:2", "wave.ended:2"))
def test_a_crash_at_any_point_of_a_batch_leaves_nobody_out(make_crier, sink, point):
    crier = make_crier(environment={"CRIER_FAULT": f"{point}:exit"})
    readers = Readers(crier, sink)
    readers.add(1500)
    accepted = crier.send(story(3))
    assert crier.process.wait(20) == 99
    crier.process = None
    del crier.environment["CRIER_FAULT"]
    crier.start()
    later(crier, "11s")  # what was found in flight goes on then
    wait_for(lambda: (w := wave(crier, accepted)) and w["accepted"] + w["unknown"] == 1500)
    unknown = wave(crier, accepted)["unknown"]
    if unknown:
        later(crier, "31s")
    crier.await_done(accepted["id"])
    readers.reconcile(repeats=unknown)


def test_a_push_service_that_is_down_costs_nobody_their_message(make_crier, sink):
    crier = make_crier(lambda channel: channel.update(rate="3000/s"))
    readers = Readers(crier, sink)
    readers.add(2500)
    accepted = crier.send(story(4))
    sink.wait_for(500)
    sink.do("down 60000")
    wait_for(lambda: "state=trouble" in crier.log())
    for _ in range(6):
        later(crier, "10s")
    asked = sink.count()["requests"]
    time.sleep(0.3)
    assert sink.count()["requests"] == asked and readers.counts()["gone"] == 0
    sink.do("down 0")
    until_done(crier, accepted)
    readers.reconcile(repeats=1500)
    counts = readers.counts()
    assert (counts["active"], counts["gone"], counts["quarantined"]) == (2500, 0, 0)
    assert "state=well" in crier.log()


def test_one_that_was_asked_too_much_for_a_moment_is_left_alone_for_that_moment(make_crier, sink):
    """Waves that come while it is left alone are no trouble more of it: their wait does not grow with their number."""
    crier = make_crier()
    readers = Readers(crier, sink)
    readers.add(60)
    sink.do("rule percent=30 first=20 status=429 retry_after=2")
    stories = [crier.send(story(80))]
    wait_for(lambda: wave(crier, stories[0]).get("accepted"))
    sink.do("rules clear")
    for number in range(81, 100):
        stories.append(crier.send(story(number)))
        time.sleep(0.1)
    for accepted in stories:
        wait_for(lambda: crier.deliveries(accepted["id"], channel="browsers")[0]["state"] == "done", 8)
    readers.reconcile(repeats=19 * 60)


def test_what_gets_no_answer_goes_again_in_the_place_of_the_first(make_crier, sink):
    crier = make_crier(lambda channel: channel.update(timeout="1s"))
    readers = Readers(crier, sink)
    readers.add(300)
    sink.do("rule path=/p/10? once stall", "rule path=/p/220 once close")
    accepted = crier.send(story(5))
    shown = wait_for(lambda: (w := wave(crier, accepted)) and w["accepted"] + w["unknown"] == 300 and w["unknown"] and w)
    until_done(crier, accepted, by="31s")
    readers.reconcile(repeats=wave(crier, accepted)["services"][0]["unknown"])
    assert shown["unknown"] >= 10 and len({m["headers"]["topic"] for m in messages(sink)}) == 1


def test_a_breaking_story_goes_before_a_wave_and_everywhere_within_a_second(make_crier, sink, platform):
    crier = make_crier(lambda channel: channel.update(rate="2500/s"), others=True)
    readers = Readers(crier, sink)
    readers.add(4000)
    ordinary = crier.send(story(6))
    sink.wait_for(800)
    before = time.monotonic()
    breaking = crier.send(story(7, breaking=True))
    for channel in ("telegram", "mastodon", "bluesky", "partner"):
        crier.await_done(breaking["id"], channel=channel)
    assert time.monotonic() - before < (5 if SLOW else 1)
    crier.await_done(breaking["id"])
    crier.await_done(ordinary["id"])
    readers.reconcile(repeats=4000)  # each has both
    urgent = [m["headers"]["urgency"] == "high" for m in messages(sink)]
    first, last = urgent.index(True), len(urgent) - 1 - urgent[::-1].index(True)
    assert urgent.count(True) == urgent.count(False) == 4000
    between = urgent[first:last].count(False)
    assert between < 1000, f"{between} of the ordinary one were sent while the breaking one was"
    assert first - 800 < 2500, "it waited for less than a second's messages"


def test_a_correction_during_a_wave_reaches_all_in_the_place_of_the_first(make_crier, sink):
    crier = make_crier(lambda channel: channel.update(rate="2000/s"))
    readers = Readers(crier, sink)
    readers.add(2500)
    sent = crier.send(story(8, title="A bridge has fallen"))
    sink.wait_for(100)
    assert crier.send(story(8, title="No bridge has fallen"))["outcome"] == "revised"
    crier.await_done(sent["id"], revision=2)
    first, = crier.deliveries(sent["id"], revision=1)
    assert first["state"] == "done" and "the rest gets the newer revision" in first["detail"] and "again" not in first["detail"]
    assert wave(crier, sent, revision=2)["accepted"] == 2500
    last = {}
    for message in messages(sink):
        last[message["path"]] = message
    assert len(last) == 2500 and len({m["headers"]["topic"] for m in last.values()}) == 1
    assert all("No bridge" in json.dumps(read_message(m["body"])) for m in list(last.values())[::40])
    w = first["wave"]
    assert w["accepted"] < 1000, "while members are still to be handed out, too"
    assert w["accepted"] + w["unknown"] + w["skipped"] == 2500 and w["again"] == 0, w


def test_a_correction_does_not_wait_for_the_last_ones_of_a_wave(make_crier, sink):
    crier = make_crier()
    readers = Readers(crier, sink)
    readers.add(50)
    sink.do("rule path=/p/7 once status=429 retry_after=3000")
    sent = crier.send(story(9))
    wait_for(lambda: wave(crier, sent).get("again") == 1)
    crier.send(story(9, title="Another title"))
    crier.await_done(sent["id"], revision=2)
    assert wave(crier, sent, revision=2)["accepted"] == 50


def test_quiet_hours_topics_and_the_cap(make_crier, sink):
    crier = make_crier(topics={"sport": "Sports", "breaking": "Breaking news"}, cap="2/hour")
    readers = Readers(crier, sink)
    everybody, fans = readers.add(10), readers.add(10, topics=["sport"])
    now = time.gmtime()
    asleep = readers.add(10, zone="UTC", quiet={"from": f"{(now.tm_hour - 1) % 24:02}:00", "to": f"{(now.tm_hour + 2) % 24:02}:00"})
    paths = lambda: {path for path, (accepted, _) in sink.paths().items() if accepted}
    first = crier.send(story(10, categories=["Politics"]))
    wait_for(lambda: (w := wave(crier, first)) and w.get("again") == 10)
    assert paths() == set(everybody)
    assert (wave(crier, first)["members"], wave(crier, first)["skipped"]) == (30, 10)
    second = crier.send(story(11, categories=["Sport"], breaking=True))
    crier.await_done(second["id"])
    assert paths() == set(readers.paths), "what is breaking reaches them at night"
    third = crier.send(story(12, categories=["Sport"]))
    wait_for(lambda: (w := wave(crier, third)) and w.get("again") == 20)
    assert {p: n for p, (n, _) in sink.paths().items() if p in everybody} == {p: 2 for p in everybody}
    assert all(sink.paths()[path][0] == 2 for path in fans)
    later(crier, "61m")
    wait_for(lambda: all(sink.paths()[path][0] == 3 for path in everybody), what="the cap lets them have it an hour later")
    assert wave(crier, third)["again"] == 10
    later(crier, "120m")
    crier.await_done(first["id"])
    crier.await_done(third["id"])
    assert all(sink.paths()[path][0] == 3 for path in asleep), "and the night is over"


def test_nothing_leaves_before_it_can_be_taken_back_no_more(make_crier, sink):
    crier = make_crier(undo="60s")
    readers = Readers(crier, sink)
    readers.add(20)
    accepted = crier.send(story(13))
    waiting, = crier.await_state(accepted["id"], "again")
    assert "can be stopped until" in waiting["detail"] and sink.count()["requests"] == 0
    later(crier, "61s")
    crier.await_done(accepted["id"])
    readers.reconcile()


def test_a_clock_that_is_set_back_ends_no_wave_before_its_time(make_crier, sink):
    crier = make_crier(lambda channel: channel.update(rate="2000/s"), undo="60s")
    readers = Readers(crier, sink)
    readers.add(2400)
    accepted = crier.send(story(16))
    crier.await_state(accepted["id"], "again")
    later(crier, "61s")
    sink.wait_for(50)
    assert crier.call("POST", "/test/clock", {"step_back": "1h"}, check=False)[0] == 200
    until_done(crier, accepted)
    readers.reconcile()


def test_messages_go_as_fast_as_the_site_bears_the_readers(make_crier, sink, platform):
    crier = make_crier(pace={"probe": platform.picture(), "slow_above": "5s"})
    readers = Readers(crier, sink)
    readers.add(1800)
    platform.fault("/img/", "status", status=503, times=1)
    accepted = crier.send(story(14))
    crier.await_done(accepted["id"])
    readers.reconcile()
    took_s = (messages(sink)[-1]["at_us"] - messages(sink)[0]["at_us"]) / 1e6
    assert took_s > 1.2, f"{took_s} s: half of 2,000 a second until the site is well again"
    log = crier.log()
    assert 0 < log.index("state=slower") < log.index("state=as_before")


@pytest.fixture(scope="module")
def old_program(tmp_path_factory):
    with PushSink(tmp_path_factory.mktemp("old"), PROGRAM) as sink:
        yield sink


class TestServicesOfHttp1:
    """A part of the readers is at a push service that speaks HTTP/1.1 only."""

    @pytest.fixture
    def old(self, old_program):
        old_program.reset()
        old_program.do("http1 on")
        return old_program

    @pytest.fixture
    def make(self, make_crier, sink, old, tmp_path):
        def make(**channel):
            trusted = tmp_path / "both.pem"
            trusted.write_text("".join(open(name).read() for name in (sink.ca, old.ca)))
            crier = make_crier(lambda settings: settings.update(channel),
                               environment={"SSL_CERT_FILE": str(trusted)})
            return crier, Readers(crier, sink)
        return make

    def once_each(self, sink, old, here, there):
        for which, paths in ((sink, here), (old, there)):
            seen = which.paths()
            assert set(seen) == set(paths), "each where it has subscribed"
            assert {accepted for accepted, _ in seen.values()} == {1}

    def test_all_get_it_once(self, make, sink, old):
        crier, readers = make()
        here, there = readers.add(1000), []
        for _ in range(3):
            there += readers.add(100, at=old)
            here += readers.add(300)
        old.do(f"rule path={there[7]} status=410", f"rule path={there[8]} status=400", "rtt 4")
        accepted = crier.send(story(20))
        crier.await_done(accepted["id"])
        shown = wave(crier, accepted)
        assert (shown["accepted"], shown["undeliverable"], shown["refused"], shown["unknown"]) == (2198, 1, 1, 0), shown
        service, = shown["services"]
        assert (service["accepted"], service["gone"], service["retried"]) == (2198, 1, 0) and service["ms"]["100"] > 0
        assert readers.counts()["gone"] == 1
        old.do("rules clear")
        assert all(requests == 1 for which in (sink, old) for _, requests in which.paths().values())
        assert set(old.paths()) == set(there) and set(sink.paths()) == set(here)
        assert old.count()["opened"] <= 50 + 4, "connections are kept"
        assert sum(m["path"] == there[0] and "Story 20" in json.dumps(read_message(m["body"])) for m in old.messages()) == 1

    def test_stopped_in_between_and_lost_answers(self, make, sink, old):
        crier, readers = make(rate="1000/s", timeout="4s" if SLOW else "1s")
        here, there = readers.add(400), readers.add(400, at=old)
        old.do("rule path=*7 once close", "rule path=*55 once stall", "rtt 10")
        accepted = crier.send(story(21))
        old.wait_for(60)
        crier.stop()
        assert 60 <= old.count()["accepted"] < 350
        crier.start()
        until_done(crier, accepted, by="31s")
        shown = wave(crier, accepted)
        assert shown["accepted"] == 800 and shown["unknown"] == 0
        assert shown["services"][0]["unknown"] >= sum(path.endswith("55") for path in there)
        self.once_each(sink, old, here, there)

    def test_one_that_hangs_holds_up_the_others_no_longer_than_an_answer_may_take(self, make, sink, old):
        crier, readers = make(timeout="1s")
        readers.add(300, at=old)
        readers.add(3000)
        old.do("rule stall")
        began = time.monotonic()
        accepted = crier.send(story(22))
        sink.wait_for(3000)
        assert time.monotonic() - began < (20 if SLOW else 5) and old.count()["requests"] <= 100
        old.do("rules clear")
        until_done(crier, accepted, by="31s")
        assert wave(crier, accepted)["accepted"] == 3300

    def test_hurried_it_ends_at_once(self, make, sink, old):
        crier, readers = make()
        readers.add(40, at=old)
        old.do("rule stall")
        crier.send(story(23))
        wait_for(lambda: old.count()["requests"] == 40)
        crier.process.send_signal(signal.SIGINT)
        crier.stop(5)  # the second signal
        assert "unknown=40 " in crier.log()
