"""The verbs, as a person and a script meet them."""

import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
import threading

import jsonschema
import pytest
import yaml
from harness import CMS_SECRET, CRIER, TOP, exchange, small_article, wait_for

VERBS = ("serve", "check", "send", "preview", "status", "wave", "replay", "channels", "members", "sources", "schema", "keys",
         "backup", "version")


def run(*args, **more):
    return subprocess.run([str(CRIER), *args], capture_output=True, text=True, timeout=60, check=False, **more)


@pytest.fixture
def story(article, tmp_path):
    path = tmp_path / "story.json"
    path.write_text(json.dumps(article(), ensure_ascii=False))
    return str(path)


# ---- usage ----

def test_help_names_every_verb():
    answer = run("--help")
    assert answer.returncode == 0
    assert all(f"  {verb} " in answer.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb):
    answer = run(verb, "--help")
    assert answer.returncode == 0 and answer.stdout.startswith(f"usage: crier {verb}")
    assert "--config FILE" in answer.stdout


@pytest.mark.parametrize("args, words", [
    (["chek"], "did you mean \"check\"?"),
    (["stauts"], "did you mean \"status\"?"),
    (["xyzzy"], "crier --help"),
    (["send", "--tilte", "x"], "did you mean --title?"),
    (["send", "--timeout"], "wants a value"),
    (["send", "--timeout", "soon", "--title", "x"], "is no duration"),
    (["send", "--breaking=yes"], "takes no value"),
    (["preview"], "usage: crier preview"),
    (["preview", "a", "b"], "is too much"),
    (["channels", "telegramm"], "did you mean \"telegram\"?"),
    (["keys", "toke"], "token, webhook, vault, vapid, sign, login, show, forget"),
    (["replay"], "which deliveries?"),
    (["replay", "--resolve", "x", "maybe"], "posted"),
    (["replay", "a", "--channel", "b"], "not both"),
    (["--wrong", "check"], "before the verb"),
])
def test_wrong_usage_is_exit_code_2_with_a_hint(args, words, tmp_path):
    answer = run(*args, cwd=tmp_path)
    assert answer.returncode == 2, answer
    assert words in answer.stderr


def test_without_settings_it_says_where_it_looked(tmp_path):
    answer = run("check", cwd=tmp_path)
    assert answer.returncode == 2 and "crier.yaml" in answer.stderr and "-c FILE" in answer.stderr


def test_the_settings_are_found_before_and_after_the_verb(make_crier, tmp_path):
    crier = make_crier(start=False)
    for args in (["-c", str(crier.path), "check"], ["check", "-c", str(crier.path)], [f"--config={crier.path}", "check"],
                 ["check", f"-c{crier.path}"]):
        assert run(*args, cwd=tmp_path).returncode == 0
    (tmp_path / "crier.yaml").write_text(crier.path.read_text())
    assert run("check", cwd=tmp_path).returncode == 0


# ---- check, schema, channels, keys, version: no service needed ----

def test_check_counts_what_is_fine(make_crier):
    crier = make_crier(start=False)
    assert crier.run("check").stdout == f"{crier.path}: ok (4 channels, 2 sources)\n"
    assert json.loads(crier.run("check", "--json").stdout)["ok"] is True


def test_check_names_every_mistake_with_its_place(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("site: {nam: x}\nserver: {listen: 127.0.0.1:8480}\nledger: sqlite:/tmp/x.db\nchannels:\n"
                    "  a: {type: telegramm}\n  b: {type: webhook, url: not-a-url, not_after: 2 hourz}\n")
    answer = run("check", "-c", str(path))
    lines = answer.stdout.splitlines()
    assert answer.returncode == 1 and len(lines) >= 4
    assert all(line.startswith(f"{path}:") for line in lines)
    assert any(":5:" in line and "telegram" in line for line in lines)
    assert any("name" in line for line in lines) and any("2 hourz" in line for line in lines)
    assert answer.stderr.strip() == f"{len(lines)} mistakes"
    mistakes = json.loads(run("check", "-c", str(path), "--json").stdout)["mistakes"]
    assert len(mistakes) == len(lines) and all(m["line"] and m["column"] and m["accepted"] for m in mistakes)


def test_check_of_a_file_that_is_not_there():
    answer = run("check", "-c", "/nonexistent/crier.yaml")
    assert answer.returncode == 1 and "/nonexistent/crier.yaml" in answer.stdout + answer.stderr


def test_the_schema_accepts_the_example_and_refuses_mistakes():
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in ("example.yaml", "demo.yaml"):
        validator.validate(yaml.safe_load((TOP / "config" / name).read_text()))
    wrong = yaml.safe_load((TOP / "config" / "demo.yaml").read_text())
    wrong["channels"]["telegram"]["chta"] = "@x"
    assert list(validator.iter_errors(wrong))


def test_the_reference_in_the_readme_is_the_programs():
    answer = subprocess.run([sys.executable, str(TOP / "tests/support/docs.py"), str(CRIER), str(TOP / "README.md"), "--check"],
                            capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", ["telegram", "mastodon", "bluesky", "discord", "slack", "webhook", "email", "indexnow", "websub"])
def test_channels_explains_each_type(name):
    assert name in run("channels").stdout
    text = run("channels", name).stdout
    for heading in ("Setting it up", "Settings", "Limits", "What it can do", "publish", "update", "retract", "verify"):
        assert heading in text, heading
    about = json.loads(run("channels", name, "--json").stdout)
    assert about["settings"] and about["can"]["publish"] is True and about["setup"]


def guide_yaml(setup):
    """What a guide tells to write: the indented block with `type:` in it."""
    blocks = re.findall(r"(?:^ {5,}.*\n)+", setup + "\n", re.MULTILINE)
    return next((yaml.safe_load(textwrap.dedent(block)) for block in blocks if "channels:" in block), None)


def test_what_the_guides_tell_to_write_is_taken(tmp_path):
    types = json.loads(run("channels", "--json").stdout)
    settings = {"site": {"name": "Example News", "url": "https://news.example", "language": "en"}, "channels": {}}
    for kind in types:
        about = json.loads(run("channels", kind["type"], "--json").stdout)
        written = guide_yaml(about["setup"])
        assert written and [c["type"] for c in written["channels"].values()] == [kind["type"]], kind["type"]
        settings["channels"].update(written.pop("channels"))
        settings.update(written)
        assert "/test" in about["setup"], f"{kind['type']}: how to try it"
        for told in re.findall(r"'(\{.channel.*\})'", about["setup"]):  # as the door takes it
            assert set(json.loads(told)) <= {"channel", "subscription", "language", "topics"} and json.loads(told)["subscription"]["token"]
        signed = "platform's page" in about["sign_in"]
        assert ("crier keys login" in about["setup"]) is signed and bool(about["signing_in"]) is signed, kind["type"]
        assert not signed or "vault" in about["signing_in"]
    keys = TOP / "tests" / "fixtures" / "keys"  # files that a platform gives out
    text = yaml.safe_dump(settings).replace("/etc/crier/firebase.json", str(keys / "service_account.json"))
    text = text.replace("/etc/crier/apns.p8", str(keys / "apns.p8"))
    path = tmp_path / "guides.yaml"
    path.write_text(text)
    environment = {name: "whsec_c2VjcmV0LW9mLXR3ZW50eS1mb3VyLWJ5dGVz" for name in re.findall(r"\$\{(\w+)\}", text)}
    environment |= {"DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/123/abc", "SLACK_TOKEN": "xoxb-1-a",
                    "TELEGRAM_TOKEN": "123456:ABC-def", "HUAWEI_CLIENT_ID": "100000001", "VAPID_KEY": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"}
    answer = run("check", "-c", str(path), env={**os.environ, **environment})
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_keys_are_fresh_and_signatures_are_taken_by_the_door(crier, tmp_path):
    assert len({run("keys", "token").stdout for _ in range(5)}) == 5
    assert run("keys", "webhook").stdout.startswith("whsec_")
    body = json.dumps(small_article(1)).encode()
    path = tmp_path / "body.json"
    path.write_bytes(body)
    for source in ("cms", "agency"):
        secret = crier.settings["sources"][source]["secret"]
        lines = run("keys", "sign", str(path), "--secret", secret).stdout.splitlines()
        headers = dict(line.split(": ", 1) for line in lines)
        status, _, raw = exchange(crier.url, "POST", f"/hooks/{source}", body, headers)
        assert status == 202, raw
    assert run("keys", "sign", str(path)).returncode == 2
    assert run("keys", "sign", "/nonexistent", "--secret", CMS_SECRET).returncode == 1


def test_keys_of_browsers_are_fresh_and_told_from_a_file(tmp_path):
    pair = json.loads(run("keys", "vapid", "--json").stdout)
    assert len(pair["private"]) == 43 and len(pair["public"]) == 87 and pair["public"].startswith("B")
    assert json.loads(run("keys", "vapid", "--json").stdout) != pair
    path = tmp_path / "vapid.key"
    path.write_text(pair["private"] + "\n")
    assert json.loads(run("keys", "vapid", str(path), "--json").stdout) == {"public": pair["public"]}
    shown = run("keys", "vapid", str(path)).stdout
    assert pair["public"] in shown and pair["private"] not in shown
    path.write_text(pair["public"])
    refused = run("keys", "vapid", str(path))
    assert refused.returncode == 1 and "P-256" in refused.stderr and pair["public"] not in refused.stderr


def test_version():
    assert run("version").stdout.startswith("crier ")
    assert json.loads(run("version", "--json").stdout)["crier"] == run("--version").stdout.split()[1]


# ---- preview ----

def test_preview_shows_exact_requests_and_lengths_and_sends_nothing(make_crier, platform, story):
    crier = make_crier(start=False)
    answer = crier.run("preview", story)
    assert answer.returncode == 0, answer.stderr
    for words in ("sendPhoto", "/api/v1/statuses", "com.atproto.repo.putRecord", "/hook/partner", "of 300 graphemes",
                  "of 1024 UTF-16 units", "breaking: rule 1"):
        assert words in answer.stdout, words
    assert platform.truth()["requests"] == []
    data = json.loads(crier.run("preview", story, "--json", "--channel", "bluesky").stdout)
    assert [c["channel"] for c in data["channels"]] == ["bluesky"]
    record = json.loads(data["channels"][0]["steps"][-1]["body"])["record"]
    assert record["$type"] == "app.bsky.feed.post"


def test_preview_is_what_is_sent(crier, platform, story, article):
    data = json.loads(crier.run("preview", story, "--json").stdout)
    crier.await_done(crier.send(article())["id"])
    shown = {c["channel"]: c for c in data["channels"]}
    telegram = json.loads(shown["telegram"]["steps"][-1]["body"])
    sent = json.loads(platform.requests("/bot")[-1]["body"])
    assert telegram == sent
    status = json.loads(shown["mastodon"]["steps"][-1]["body"])["status"]
    assert status == platform.posts("mastodon")[0]["text"]


def test_preview_says_why_an_article_does_not_go(make_crier, story):
    def change(settings):
        settings["channels"]["mastodon"]["when"] = {"language": "de"}
    crier = make_crier(change, start=False)
    data = json.loads(crier.run("preview", story, "--json").stdout)
    mastodon = next(c for c in data["channels"] if c["channel"] == "mastodon")
    assert mastodon["goes"] is False and "de" in mastodon["why"] and "steps" not in mastodon
    assert crier.run("preview", story, "--channel", "mastdn").returncode == 1


def test_preview_of_a_bad_article_names_the_faults(make_crier, tmp_path):
    crier = make_crier(start=False)
    path = tmp_path / "bad.json"
    path.write_text('{"title": 5}')
    answer = crier.run("preview", str(path))
    assert answer.returncode == 1 and "/title" in answer.stderr and "/url" in answer.stderr


# ---- send, status, replay: against the running service ----

def test_send_shows_progress_and_a_table_and_ends_with_0(crier, platform, story):
    answer = crier.run("send", story)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    for channel in ("telegram", "mastodon", "bluesky", "partner"):
        lines = [line for line in answer.stdout.splitlines() if channel in line]
        assert any("in_flight" in line for line in lines) and len(lines) >= 3, answer.stdout
    assert "https://t.me/example/" in answer.stdout
    assert "\x1b" not in answer.stdout  # no terminal, no colours
    assert len(platform.posts()) == 4


def test_send_takes_an_article_from_options_and_from_standard_input(crier, platform, article):
    answer = crier.run("send", "--title", "Headline from the shell", "--url", "https://news.example/shell", "--category",
                       "World", "--category", "Latest", "--tag", "x", "--breaking", "--image", platform.picture(), "--alt", "A picture")
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert platform.posts("mastodon")[0]["alt"] == "A picture"
    answer = crier.run("send", "-", "--title", "Another headline", text=json.dumps(article()))
    assert answer.returncode == 0
    assert any("Another headline" in p["text"] for p in platform.posts("telegram"))


def test_send_json_is_one_document(crier, story):
    data = json.loads(crier.run("send", story, "--json").stdout)
    assert data["outcome"] == "new" and [d["state"] for d in data["deliveries"]] == ["done"] * 4


def test_send_that_does_not_arrive_everywhere_ends_with_1(crier, platform, story):
    platform.fault("/api/v1/statuses", "status", status=422, body='{"error": "Validation failed: no"}', method="POST")
    answer = crier.run("send", story)
    assert answer.returncode == 1
    assert "rejected" in answer.stdout and "Validation failed" in answer.stdout


def test_send_stops_waiting_when_the_time_is_up(crier, platform, story):
    platform.control("down", face="mastodon")
    answer = crier.run("send", story, "--timeout", "2s")
    assert answer.returncode == 1 and "the service goes on" in answer.stderr
    platform.control("up", face="mastodon")


def test_send_does_not_wait_when_told_so(crier, story):
    answer = crier.run("send", story, "--no-wait")
    assert answer.returncode == 0 and "new" in answer.stdout and "done" not in answer.stdout


def test_send_of_a_bad_article_names_the_faults(crier):
    answer = crier.run("send", "--title", "x", "--url", "nowhere")
    assert answer.returncode == 1 and "/url" in answer.stderr


def test_without_a_service_the_exit_code_is_3(make_crier, story):
    crier = make_crier(start=False)
    for args in (["send", story], ["status"], ["status", "x"], ["replay", "dlv_0000000000000"]):
        answer = crier.run(*args)
        assert answer.returncode == 3, answer
        assert crier.url in answer.stderr


def test_the_wrong_token_is_said(crier, tmp_path):
    environment = dict(crier.environment, CRIER_TOKEN="wrong")
    answer = subprocess.run([str(CRIER), "status", "--server", crier.url], capture_output=True, text=True, check=False,
                            env=environment)
    assert answer.returncode == 1 and "401" in answer.stderr


def test_status_of_the_service_and_of_an_article(crier, story):
    article_id = json.loads(crier.run("send", story, "--json").stdout)["id"]
    answer = crier.run("status")
    assert answer.returncode == 0 and "ready" in answer.stdout
    for channel in ("telegram", "mastodon", "bluesky", "partner"):
        assert channel in answer.stdout
    assert json.loads(crier.run("status", "--json").stdout)["ready"] is True
    one = crier.run("status", article_id)
    assert one.returncode == 0
    for words in ("title", "breaking", "https://t.me/", "send_photo", "post_status", "put_record"):
        assert words in one.stdout, words
    assert crier.run("status", "no-such-article").returncode == 1


def test_status_watch_prints_events_until_the_service_ends(crier):
    process = subprocess.Popen([str(CRIER), "-c", str(crier.path), "status", "--watch", "--json"],
                               stdout=subprocess.PIPE, text=True)
    lines, numbers = [], itertools.count()
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()

    def has_seen_both():  # what is sent before it listens it does not see
        crier.send(small_article(next(numbers)))
        return {"article.accepted", "delivery.state"} <= {json.loads(line)["event"] for line in list(lines)}

    wait_for(has_seen_both, every=0.3, what="events of both kinds")
    crier.stop()
    assert process.wait(20) == 0
    reader.join(10)


def test_replay_one_and_all_of_a_channel(crier, platform):
    platform.fault("/api/v1/statuses", "status", status=422, times=3, body='{"error": "Validation failed: no"}', method="POST")
    ids = [crier.send(small_article(n))["id"] for n in range(3)]
    rejected = [crier.await_state(i, "rejected", channel="mastodon")[0]["id"] for i in ids]
    answer = crier.run("replay", rejected[0])
    assert (answer.returncode, answer.stdout) == (0, f"{rejected[0]} ready\n")
    answer = crier.run("replay", "--channel", "mastodon", "--state", "rejected")
    assert answer.returncode == 0 and "2 deliveries" in answer.stdout
    for i in ids:
        crier.await_done(i)
    assert crier.run("replay", rejected[0]).returncode == 1
    assert "no-such" in crier.run("replay", "no-such").stderr


def test_replay_cancels_and_resolves(crier, platform):
    platform.control("down", face="hook")
    accepted = crier.send(small_article(1))
    waiting = crier.await_state(accepted["id"], ("again", "ready"), channel="partner")[0]["id"]
    wait_for(lambda: crier.run("replay", "--cancel", waiting).returncode == 0)
    assert crier.states(accepted["id"])["partner"] == "cancelled"
    platform.control("up", face="hook")
    platform.fault("/bot", "cut_after")
    accepted = crier.send(small_article(2))
    unknown = crier.await_state(accepted["id"], "unknown", channel="telegram")[0]["id"]
    answer = crier.run("replay", "--resolve", unknown, "posted")
    assert answer.returncode == 1 and "CHAT/ID" in answer.stderr
    answer = crier.run("replay", unknown, "--link", "https://t.me/example/5")
    assert answer.returncode == 2 and "--resolve" in answer.stderr
    answer = crier.run("replay", "--resolve", unknown, "posted", "--link", "https://t.me/example/5",
                       "--remote-id", "@example/5")
    assert answer.returncode == 0 and "done" in answer.stdout
    assert crier.deliveries(accepted["id"], "telegram")[0]["link"] == "https://t.me/example/5"


def test_a_unix_socket_will_do(make_crier, tmp_path, story):
    crier = make_crier(start=False)
    socket_path = tmp_path / "crier.sock"
    crier.settings["server"]["listen"] = f"unix:{socket_path}"
    crier.write_settings()
    with crier.log_path.open("ab") as log:
        crier.process = subprocess.Popen([str(CRIER), "-c", str(crier.path), "serve"], stdout=log, stderr=log)
    wait_for(socket_path.exists, what=crier.log)
    answer = crier.run("send", story)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert crier.run("status").returncode == 0


def test_terminal_sequences_of_others_do_not_reach_the_terminal(crier, platform):
    platform.fault("/api/v1/statuses", "status", status=422, method="POST",
                   body=json.dumps({"error": "Validation failed: \x1b[2J\x1b]0;owned\x07 evil"}))
    answer = crier.run("send", "--title", "Plain \x1b[31m words", "--url", "https://news.example/esc")
    assert "\x1b" not in answer.stdout + answer.stderr and "\x07" not in answer.stdout
