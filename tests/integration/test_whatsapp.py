"""WhatsApp: a message to each reader who agreed, once, whatever breaks in between; who stops is left alone."""

import json

import pytest
from harness import TOKEN, WHATSAPP_SECRET, exchange, network_channels, sign_hub, wait_for

MESSAGES = "/whatsapp/v25.0/106540352242922/messages"
CONSENT = {"opted_in_at": "2026-01-01T10:00:00Z", "source": "form on /news"}


@pytest.fixture
def make_crier(make_crier, platform):
    def make(change=None, **more):
        def whatsapp_only(settings):
            settings["channels"] = {"whatsapp": network_channels(platform)["whatsapp"]}
            if change:
                change(settings)
        crier = make_crier(whatsapp_only, **more)
        platform.control("whatsapp", url=f"{crier.url}/callbacks/whatsapp", secret=WHATSAPP_SECRET)
        return crier
    return make


def numbers(count, start=0, country="4915112"):
    return [f"+{country}{n:06d}" for n in range(start, start + count)]


def bring_in(crier, addresses, **more):
    lines = "".join(json.dumps({"address": a, **CONSENT, **more}) + "\n" for a in addresses)
    status, answer, _ = crier.call("POST", "/v1/channels/whatsapp/members", lines.encode(),
                                   headers={"Content-Type": "application/x-ndjson"})
    assert status == 200, answer
    return answer


def counts(crier):
    return crier.get("/v1/channels/whatsapp/members?limit=1")["counts"]


def places(platform):
    return sorted("+" + p["place"] for p in platform.posts("whatsapp"))


def tell(crier, value, secret=WHATSAPP_SECRET, field="messages"):
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": field, "value": {
        "metadata": {"phone_number_id": "106540352242922"}, **value}}]}]}).encode()
    return crier.call("POST", "/callbacks/whatsapp", raw, headers=sign_hub(secret, raw), token=None)[0]


def says(crier, address, text):
    return tell(crier, {"messages": [{"from": address.lstrip("+"), "id": "wamid.in", "type": "text", "text": {"body": text}}]})


def later(crier, by):
    assert crier.call("POST", "/test/clock", {"advance": by}, check=False)[0] == 200


def wave(crier, accepted, **more):
    return crier.deliveries(accepted["id"], **more)[0].get("wave") or {}


def test_each_reader_gets_it_once_and_is_told_of(make_crier, platform, article):
    crier = make_crier()
    readers = numbers(200)
    assert bring_in(crier, readers[:150])["added"] == 150
    assert bring_in(crier, readers[150:], language="de-AT")["added"] == 50
    bring_in(crier, ["+49131026001", "+49131049001", "+48131050001"])
    accepted = crier.send(article())
    done, = crier.await_done(accepted["id"])
    assert done["detail"].startswith("accepted by 201 of 203, 1 undeliverable, 1 refused"), done["detail"]
    assert places(platform) == sorted([*readers, "+48131050001"])
    assert {p["language"] for p in platform.posts("whatsapp")} == {"en_US", "de"}
    assert article()["title"] in done["text"]
    # sent, delivered and failed, told twice and in any order, count once; who stopped marketing is stopped
    shown = wait_for(lambda: (w := wave(crier, accepted))["sent"] == 201 and w["delivered"] == 200 and w["failed"] == 1 and w)
    assert (shown["members"], shown["accepted"], shown["read"], shown["unknown"]) == (203, 201, 0, 0)
    assert counts(crier) == {"active": 202, "stopped": 1, "gone": 0, "quarantined": 0}
    # no address in the log, whole or without its plus
    assert not any(a.lstrip("+") in crier.log() for a in [*readers, "+49131026001"])

    refused = crier.send(article(title="Corrected: the harbour is safe"))
    crier.await_state(refused["id"], "rejected", revision=2)
    assert "on_update: send" in crier.deliveries(refused["id"], revision=2)[0]["detail"]
    assert len(places(platform)) == 201


@pytest.mark.parametrize("heard", (True, False))
def test_killed_in_the_middle_nobody_gets_it_twice_and_nobody_is_forgotten(make_crier, platform, article, heard):
    def slowly(settings):
        settings["channels"]["whatsapp"].update(rate="60/s")
    crier = make_crier(slowly)
    readers = numbers(200)
    bring_in(crier, readers)
    platform.control("whatsapp", tells=heard)
    # Some of what is on its way is taken by Meta, and the answer never comes.
    accepted = crier.send(article())
    wait_for(lambda: len(platform.posts("whatsapp")) > 30, every=0.005)
    crier.kill()
    reached = len(places(platform))
    assert reached < 200, "it was to be killed before the end"
    crier.start()
    later(crier, "11s")
    if heard:  # what was taken is told, which settles it; what was not goes again when later ones were told of
        wait_for(lambda: (w := wave(crier, accepted))["accepted"] + w["unknown"] == 200 and w["sent"] == len(places(platform)))
        later(crier, "11m")
        crier.await_done(accepted["id"])
        assert places(platform) == readers
        assert wave(crier, accepted)["accepted"] == 200
        return
    # Nobody tells: they are left alone, and a person decides.
    wait_for(lambda: wave(crier, accepted)["accepted"] + wave(crier, accepted)["unknown"] == 200)
    later(crier, "21m")
    open_one, = crier.await_state(accepted["id"], "unknown")
    assert "may have it or not" in open_one["detail"] and "webhook" in open_one["detail"]
    assert len(set(places(platform))) == len(places(platform)), "somebody has it twice"
    crier.call("POST", f"/v1/deliveries/{open_one['id']}/resolve", {"outcome": "posted"})
    crier.await_done(accepted["id"])
    assert len(set(places(platform))) == len(places(platform))


@pytest.mark.parametrize("point", (1, 6, 14))  # a batch is written down; a fifth answer came; the batch's end is on disk
def test_a_crash_at_any_point_of_a_batch_leaves_nobody_out_and_nobody_twice(make_crier, platform, article, point):
    crier = make_crier(environment={"CRIER_FAULT": f"wave.*:{point}:exit"})
    readers = numbers(12)
    bring_in(crier, readers)
    accepted = crier.send(article())
    assert crier.process.wait(20) == 99
    crier.process = None
    reached = len(places(platform))
    assert (reached == 0) if point == 1 else (reached >= 5)
    del crier.environment["CRIER_FAULT"]
    crier.start()
    later(crier, "11s")
    settled = wait_for(lambda: (w := wave(crier, accepted)) and w["accepted"] + w["unknown"] == 12 and w["accepted"] >= reached and w)
    if settled["unknown"]:
        later(crier, "21m")  # nobody has told of any other
        open_one, = crier.await_state(accepted["id"], ("unknown", "done"))
        if open_one["state"] == "unknown":
            crier.call("POST", f"/v1/deliveries/{open_one['id']}/resolve", {"outcome": "absent"})
    crier.await_done(accepted["id"])
    assert places(platform) == readers


def test_a_wave_is_stopped_with_the_service_and_goes_on_with_it(make_crier, platform, article):
    crier = make_crier(lambda s: s["channels"]["whatsapp"].update(rate="300/s"))
    bring_in(crier, numbers(90))
    accepted = crier.send(article())
    wait_for(lambda: len(platform.posts("whatsapp")) > 20, every=0.005)
    crier.stop()
    assert len(places(platform)) < 90
    crier.start()
    done, = crier.await_done(accepted["id"])
    assert places(platform) == numbers(90) and done["detail"] == "accepted by 90 of 90"


def test_breaking_news_goes_before_a_wave_that_is_under_way(make_crier, platform, article):
    crier = make_crier(lambda s: s["channels"]["whatsapp"].update(rate="150/s", concurrency=5))
    bring_in(crier, numbers(60))
    slow = crier.send(article(id="slow", url="https://news.example/slow", title="Slow", breaking=False, categories=[]))
    wait_for(lambda: len(platform.posts("whatsapp")) > 5, every=0.005)
    fast = crier.send(article(id="fast", url="https://news.example/fast", title="Fast", breaking=True))
    crier.await_done(fast["id"])
    crier.await_done(slow["id"])
    order = [p["text"].split("\n")[0] for p in platform.posts("whatsapp")]
    assert order.count("Fast") == order.count("Slow") == 60
    first = order.index("Fast")
    assert order[first:first + 65].count("Fast") == 60, "what was on its way may end, no more"
    assert order[-1] == "Slow"


def test_a_lost_answer_waits_for_the_word_of_the_platform(make_crier, platform, article):
    crier = make_crier()
    bring_in(crier, numbers(30))
    platform.fault(MESSAGES, "cut_published", times=2, skip=5)
    platform.fault(MESSAGES, "cut_after", times=1, skip=20)
    accepted = crier.send(article())
    wait_for(lambda: wave(crier, accepted).get("sent") == 29 and wave(crier, accepted)["unknown"] == 1)
    assert len(places(platform)) == 29
    later(crier, "11m")
    crier.await_done(accepted["id"])
    assert places(platform) == numbers(30)


def test_a_dead_token_stops_the_wave_and_it_goes_on_from_there(make_crier, platform, article):
    crier = make_crier(lambda s: s["channels"]["whatsapp"].update(rate="300/s"))
    bring_in(crier, numbers(120))
    accepted = crier.send(article())
    wait_for(lambda: len(platform.posts("whatsapp")) > 30, every=0.005)
    platform.control("revoke", platform="whatsapp")
    blocked, = crier.await_state(accepted["id"], "blocked")
    assert "system-user token" in blocked["detail"]
    before = len(places(platform))
    assert 30 < before < 120
    platform.control("restore", platform="whatsapp")
    crier.call("POST", "/v1/channels/whatsapp/resume")
    crier.await_done(accepted["id"])
    assert places(platform) == numbers(120)


def test_too_fast_is_slower_and_a_bad_template_is_told_after_a_few(make_crier, platform, article):
    crier = make_crier()
    bring_in(crier, numbers(60))
    platform.fault(MESSAGES, "status", times=2, skip=10, status=429, retry_after=0)
    crier.await_done(crier.send(article())["id"])
    assert places(platform) == numbers(60)
    crier.settings["channels"]["whatsapp"]["body"] = ["{{title}}"]
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    other = crier.send(article(id="other", url="https://news.example/other", title="Other"))
    rejected, = crier.await_state(other["id"], "rejected")
    assert "132000" in rejected["detail"] and "accepted by 0 of 60" in rejected["detail"]
    assert len(platform.requests(MESSAGES)) < 60 + 2 + 15


def test_who_stops_is_left_alone_and_a_correction_reaches_the_others(make_crier, platform, article):
    crier = make_crier(lambda s: s["channels"]["whatsapp"].update(on_update="send", update_template="correction"))
    readers = numbers(6)
    bring_in(crier, readers)
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    for reader, word in zip(readers, (" Stop!", "СТОП", "désabonner"), strict=False):
        assert says(crier, reader, word) == 200
    assert says(crier, readers[3], "please do not stop writing to me about this") == 200
    assert tell(crier, {"user_preferences": [{"wa_id": readers[4].lstrip("+"), "category": "marketing_messages",
                                              "value": "stop"}]}, field="user_preferences") == 200
    assert says(crier, readers[0], "START") == 200
    assert says(crier, "+4917000000000", "STOP") == 200, "a stranger is nobody's business"
    assert tell(crier, {"messages": []}, secret="another") == 401
    assert counts(crier) == {"active": 3, "stopped": 3, "gone": 0, "quarantined": 0}
    # an old consent does not bring back who stopped, a newer one does
    assert bring_in(crier, [readers[1]])["left_out"] == 1
    crier.send(article(title="Corrected: the harbour is safe"))
    done, = crier.await_done(accepted["id"], revision=2)
    assert done["detail"] == "accepted by 3 of 3"
    corrected = [p for p in platform.posts("whatsapp") if p["extra"]["template"] == "correction"]
    assert sorted("+" + p["place"] for p in corrected) == [readers[0], readers[3], readers[5]]
    crier.retract(accepted["id"])
    refused, = crier.await_state(accepted["id"], "rejected", revision=3)
    assert "cannot take back" in refused["detail"]


def test_an_article_that_is_taken_back_goes_to_nobody_more(make_crier, platform, article):
    crier = make_crier(lambda s: s["channels"]["whatsapp"].update(rate="100/s"))
    bring_in(crier, numbers(2000))
    accepted = crier.send(article())
    wait_for(lambda: len(platform.posts("whatsapp")) > 20, every=0.005)
    crier.retract(accepted["id"])
    done, = crier.await_done(accepted["id"], revision=1)
    assert "the article was taken back" in done["detail"] and len(places(platform)) < 1500, done["detail"]
    refused, = crier.await_state(accepted["id"], "rejected", revision=2)
    assert "cannot take back" in refused["detail"]


def test_members_come_in_with_proof_and_can_be_taken_out_and_erased(make_crier, platform):
    crier = make_crier()
    one = {"address": "00 49 (151) 999-1", "language": "de", **CONSENT}
    status, answer, _ = crier.call("POST", "/v1/channels/whatsapp/members", one)
    assert (status, answer["added"]) == (200, 1)
    status, answer, _ = crier.call("POST", "/v1/channels/whatsapp/members",
                                   [one, {"address": "hello", **CONSENT}, {"address": "+49151"}])
    assert status == 422 and [e["pointer"] for e in answer["errors"]] == ["/1", "/2"]
    assert crier.call("POST", "/v1/channels/whatsapp/members", dict(one, opted_in_at="2999-01-01T00:00:00Z"))[0] == 422
    bring_in(crier, numbers(1200))
    pages, cursor = [], ""
    while cursor is not None:
        page = crier.get(f"/v1/channels/whatsapp/members?limit=200{cursor and '&cursor=' + cursor}")
        pages, cursor = pages + page["items"], page["next"]
    assert len(pages) == 1201 and pages[0] == {"address": "+491519991", "language": "de", "state": "active", "failures": 0,
                                              "opted_in_at": "2026-01-01T10:00:00.000Z", "source": "form on /news"}
    _, head, lines = exchange(crier.url, "GET", "/v1/channels/whatsapp/members/export", headers={"Authorization": f"Bearer {TOKEN}"})
    assert head["Content-Type"] == "application/x-ndjson"
    exported = [json.loads(line) for line in lines.splitlines()]
    assert exported == pages
    for expected in (204, 404):
        assert crier.call("DELETE", "/v1/channels/whatsapp/members/+491519991")[0] == expected
    assert counts(crier)["active"] == 1200
    assert "491519991" not in crier.log()
    # the platform's question when the webhook is set up
    ask = "/callbacks/whatsapp?hub.mode=subscribe&hub.challenge=42&hub.verify_token="
    assert crier.call("GET", ask + "integration-whatsapp-verify", token=None)[:2] == (200, "42")
    assert crier.call("GET", ask + "guessed", token=None)[0] == 401


def test_a_preview_shows_one_message_and_how_many_get_it(make_crier, article, tmp_path):
    crier = make_crier()
    bring_in(crier, numbers(3))
    says(crier, numbers(1)[0], "stop")
    path = tmp_path / "article.json"
    path.write_text(json.dumps(article()))
    shown = crier.run("preview", str(path)).stdout
    assert "2 would get it, each one message like this; 1 stopped, 0 gone" in shown
    assert '"to": "15550001111"' in shown and article()["title"] in shown and "integration-whatsapp" not in shown


def test_the_command_line_brings_members_in_and_out(make_crier, tmp_path):
    crier = make_crier()
    path = tmp_path / "readers.ndjson"
    lines = [json.dumps({"address": a, **CONSENT}) for a in numbers(600)]
    path.write_text("\n".join([*lines, '{"address": "hello"}']) + "\n")
    refused = crier.run("members", "whatsapp", "import", str(path))
    assert refused.returncode == 1 and f"{path}:601: a telephone number" in refused.stderr, refused.stderr
    assert "added 600" in refused.stdout and "faulty 1" in refused.stdout
    path.write_text("\n".join(lines))
    assert json.loads(crier.run("members", "whatsapp", "import", str(path), "--json").stdout) == {
        "added": 0, "changed": 0, "back": 0, "unchanged": 600, "left_out": 0, "faulty": 0}
    shown = crier.run("members", "whatsapp").stdout
    assert numbers(1)[0] in shown and "active 600, stopped 0" in shown
    exported = crier.run("members", "whatsapp", "export").stdout.splitlines()
    assert [json.loads(line)["address"] for line in exported] == numbers(600)
    assert crier.run("members", "whatsapp", "remove", numbers(1)[0]).returncode == 0
    gone = crier.run("members", "whatsapp", "remove", numbers(1)[0])
    assert gone.returncode == 1 and "no such member" in gone.stderr
    assert crier.run("members", "whatsapp", "invite").returncode == 2
    assert "state is active" in crier.run("members", "whatsapp", "list", "--state", "idle").stderr
