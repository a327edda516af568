"""`crier check --article`: what the settings make of an article, and that it is what happens."""

import json
import subprocess

import pytest
import yaml
from harness import CRIER
from marks import ONE_THREAD

pytestmark = ONE_THREAD

RULES = """
breaking:
  - {category: [Breaking, Eilmeldung]}
  - {urgency: 1..2}
  - {marked: true, not: {tag: sponsored}}
"""
SOURCES = "sources:\n  wire: {type: json, signature: none, urgency_scale: ap, trusted_breaking: false}\n"
CHANNELS = """channels:
  sport: {type: webhook, url: "http://127.0.0.1:9", when: {category: [Sport, Politics]}}
  alarm: {type: webhook, url: "http://127.0.0.1:9", when: {breaking: true}}
  off: {type: webhook, url: "http://127.0.0.1:9", enabled: false}
"""
ARTICLE = {"url": "https://news.example/1", "title": "Storm nears the coast", "categories": ["Sport", "Local"]}


def check(tmp_path, article, *args, settings=RULES + SOURCES + CHANNELS, raw=None):
    path, file = tmp_path / "crier.yaml", tmp_path / "story.json"
    path.write_text(f"ledger: sqlite:{tmp_path}/crier.db\n{settings}")
    file.write_text(raw if raw is not None else json.dumps({**ARTICLE, **article}))
    return subprocess.run([str(CRIER), "-c", str(path), "check", "--article", str(file), *args],
                          capture_output=True, text=True, timeout=60, check=False)


def verdict(tmp_path, article, *args, **more):
    answer = check(tmp_path, article, "--json", *args, **more)
    assert answer.returncode == 0, answer
    return json.loads(answer.stdout)


def test_each_rule_and_each_member_says_why(tmp_path):
    answer = check(tmp_path, {})
    assert answer.returncode == 0 and answer.stderr == ""
    lines = [line.split(maxsplit=2) for line in answer.stdout.splitlines()]
    assert ["breaking:", "no"] in lines
    assert ["1", "no", "{category: [Breaking, Eilmeldung]}"] in lines
    assert ["no", "category:", "[Breaking, Eilmeldung] wanted; the article has Sport, Local"] in lines
    assert ["no", "urgency:", "1..2 wanted; the article has none"] in lines
    assert ["sport", "yes", "category Sport"] in lines
    assert ["alarm", "no", "does not hold: {breaking: true}"] in lines
    assert ["off", "no", "the channel is not enabled"] in lines


def test_the_reason_is_the_ledgers(make_crier, tmp_path):
    article = {**ARTICLE, "urgency": 2, "tags": ["Eil"]}
    said = verdict(tmp_path, article)
    assert said["breaking"] is True and said["reason"] == "rule 2: urgency 1..2 (2)"
    assert [r["matches"] for r in said["rules"]] == [False, True, True]
    crier = make_crier(lambda settings: settings.update(yaml.safe_load(RULES)))
    kept = crier.article(crier.send(article)["id"])
    assert (kept["breaking"], kept["reason"]) == (said["breaking"], said["reason"])


@pytest.mark.parametrize("article, source, breaking, reason", [
    ({"urgency": 2}, "wire", True, "rule 2: urgency 1..2 (2, ap 2 Bulletin)"),
    ({"urgency": 3}, "wire", False, ""),
    ({"breaking": True}, "wire", False, ""),
    ({"breaking": True}, None, True, "the source says so"),
    ({"breaking": False, "urgency": 1}, None, False, ""),
    ({"tags": ["СРОЧНО"]}, None, True, "rule 3: marked СРОЧНО, not {tag: sponsored}"),
    ({"tags": ["Eil", "sponsored"]}, None, False, ""),
    ({"title": "EILMELDUNG: Storm nears"}, None, False, ""),
])
def test_verdicts(tmp_path, article, source, breaking, reason):
    said = verdict(tmp_path, article, *(["--source", source] if source else []))
    assert (said["breaking"], said["reason"]) == (breaking, reason)
    assert {c["channel"]: c["goes"] for c in said["channels"]} == {"sport": True, "alarm": breaking, "off": False}


def test_what_the_article_says_itself_is_told(tmp_path):
    assert "which counts before any rule" in check(tmp_path, {"breaking": True}).stdout
    assert "trusted_breaking is off" in check(tmp_path, {"breaking": True}, "--source", "wire").stdout
    assert "says" not in verdict(tmp_path, {})


def test_what_is_too_old_for_its_source_is_only_recorded(tmp_path):
    settings = RULES + SOURCES.replace("trusted_breaking: false", "max_age: 6h") + CHANNELS
    old = {"published_at": "2026-01-01T00:00:00Z", "breaking": True}
    said = verdict(tmp_path, old, "--source", "wire", settings=settings)
    assert said["breaking"] and "ago" in said["recorded_only"]
    assert not any(c["goes"] for c in said["channels"])
    assert "recorded only, not sent: published" in check(tmp_path, old, "--source", "wire", settings=settings).stdout
    assert "recorded_only" not in verdict(tmp_path, old, settings=settings)  # by the API it is sent


@pytest.mark.parametrize("raw, words", [
    ("", "is empty"),
    ("<html>", "line 1"),
    ('{"title": "a",\n "url": }', "line 2"),
    ("[]", "object"),
    ('{"title": "a"}', "/url"),
    ('{"url": "https://a.example", "title": "a", "categorys": []}', "categories"),
    ('{"url": "https://a.example", "title": "a", "urgency": 12}', "/urgency"),
])
def test_a_bad_article_is_named_with_its_faults(tmp_path, raw, words):
    answer = check(tmp_path, None, raw=raw)
    assert answer.returncode == 1 and answer.stdout == ""
    assert "story.json" in answer.stderr and words in answer.stderr, answer.stderr


def test_usage(tmp_path):
    assert "did you mean \"wire\"?" in check(tmp_path, {}, "--source", "wier").stderr
    assert check(tmp_path, {}, "--ledger").returncode == 2
    answer = subprocess.run([str(CRIER), "check", "--source", "x"], capture_output=True, text=True, check=False)
    assert answer.returncode == 2 and "--article" in answer.stderr
    answer = subprocess.run([str(CRIER), "check", "--article", str(tmp_path / "none.json")], capture_output=True,
                            text=True, check=False)
    assert answer.returncode == 1 and "none.json" in answer.stderr
