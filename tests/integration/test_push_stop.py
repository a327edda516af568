"""What keeps a newsroom from harm, where messages go by lanes: a wave that is under way is stopped, the canary knows
whether a message could go."""

import time

from harness import SLOW
from push_readers import PROGRAM, Readers, make_crier, sink, sink_program, story, wave  # noqa: F401 (fixtures)
from push_sink import PushSink


def test_a_wave_under_way_is_stopped_within_a_second(make_crier, sink):  # noqa: F811
    crier = make_crier()
    readers = Readers(crier, sink)
    readers.add(8000)
    sink.do("rtt 200", "streams 50")  # so that it takes a while
    accepted = crier.send(story(1))
    sink.wait_for(400)
    before = time.monotonic()
    status, said, _ = crier.call("POST", f"/v1/waves/{crier.deliveries(accepted['id'])[0]['id']}/stop", {"by": "anna"})
    assert status == 200 and time.monotonic() - before < (5 if SLOW else 1)
    done, = crier.await_done(accepted["id"])
    assert time.monotonic() - before < (10 if SLOW else 3)
    had = sink.count()["accepted"]
    w = wave(crier, accepted)
    assert w["halted"] and w["by"] == "anna" and 400 <= w["accepted"] + w["unknown"] < 8000
    assert w["accepted"] <= had <= w["accepted"] + w["unknown"] and said["had"] <= had and said["had"] + said["spared"] == 8000
    assert w["accepted"] + w["unknown"] + w["skipped"] == 8000, w
    assert "stopped" in done["detail"], done["detail"]
    # and stays so
    crier.stop()
    crier.start()
    assert sink.count()["accepted"] == had


def test_the_canary_composes_for_each_service_and_sees_when_one_is_away(make_crier, sink, tmp_path):  # noqa: F811
    crier = make_crier(canary="1h", environment={"SSL_CERT_FILE": sink.ca})
    sink.do("rule path=/ status=404")  # whatever it says to that: it is there
    readers = Readers(crier, sink)
    with PushSink(tmp_path, PROGRAM) as other:
        away = Readers(crier, other)
        readers.add(2)
        away.add(1)
        first = crier.run("wave", "canary", "browsers")
        # the other one's certificate is not of an authority we know: it is not who it says it is
        assert first.returncode == 1 and "failed at service" in first.stderr and other.url in first.stderr, first.stderr
    assert crier.call("DELETE", "/v1/channels/browsers/members/" + (other.url + "/p/0").replace("/", "%2F").replace(":", "%3A"))[0] == 204
    assert "came through" in crier.run("wave", "canary", "browsers").stdout
    assert crier.channel("browsers")["audience"]["canary"]["ok"] is True
    # a host that one reader of many brings is not asked: else it would be anybody's to raise the alarm
    readers.add(20)
    away.add(1)
    assert "came through" in crier.run("wave", "canary", "browsers").stdout
    assert sink.count()["accepted"] == 0 and sink.count()["statuses"] == {"404": 3} and crier.get("/v1/waves")["items"] == []
