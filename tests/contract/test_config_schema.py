"""The JSON Schema that `crier schema` prints, held against the settings files of the project: it
accepts what `crier check` accepts, and refuses what an editor should mark. CRIER is the path of the
binary."""

import copy
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
CRIER = os.environ.get("CRIER", str(TOP / "build" / "dev" / "crier"))


@pytest.fixture(scope="module")
def schema():
    text = subprocess.run([CRIER, "schema"], check=True, capture_output=True, text=True).stdout
    return json.loads(text)


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load(name):
    return yaml.safe_load((TOP / "config" / name).read_text())


@pytest.mark.parametrize("name", ["example.yaml", "demo.yaml"])
def test_our_own_files_are_accepted(validator, name):
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(load(name))]
    assert errors == []


ACCEPTED = [
    ("a number for a text", ["channels", "telegram", "chat"], -1001234567890),
    ("a duration of zero", ["ledger", "keep"], 0),
    ("a ledger as one text", ["ledger"], "sqlite:/var/lib/crier/crier.db"),
    ("a reference for a number", ["queue", "max_attempts"], "${ATTEMPTS}"),
    ("a size in bytes", ["server", "max_body"], 1048576),
    ("yes as a text", ["channels", "partner", "allow_private"], "yes"),
    ("no channels", ["channels"], None),
    ("one word instead of a list", ["breaking"], [{"category": "Breaking"}]),
    ("urgency as a list", ["breaking"], [{"urgency": [1, "2..3"]}]),
    ("ages", ["breaking"], [{"age": "30m"}, {"age": "10m..1h30m"}, {"age": "2h.."}, {"age": "..1d"}, {"age": "0..5m"}]),
    ("a mark", ["breaking"], [{"marked": True}]),
    ("a scale of urgency", ["sources", "cms", "urgency_scale"], "tt"),
    ("a key of one's own", ["x-anchors"], {"anything": [1, 2]}),
    ("nested rules", ["channels", "partner", "when"], {"not": {"any": [{"tag": "a"}, {"all": [{"language": ["de"]}]}]}}),
]

REFUSED = [
    ("an unknown key", ["chanels"], {}),
    ("an unknown key of a section", ["server", "liste"], "127.0.0.1:1"),
    ("an unknown key of a channel", ["channels", "telegram", "tokn"], "x"),
    ("a key of another type", ["channels", "telegram", "instance"], "https://mastodon.example"),
    ("an unknown type", ["channels", "telegram", "type"], "telegrm"),
    ("a channel without type", ["channels", "telegram"], {"chat": "@example"}),
    ("a channel without what it needs", ["channels", "telegram"], {"type": "telegram", "chat": "@example"}),
    ("a name in capitals", ["channels", "Telegram"], {"type": "webhook", "url": "https://a.example"}),
    ("no duration", ["queue", "backoff_min"], "2 hourz"),
    ("a number without unit", ["queue", "backoff_min"], 20),
    ("too many", ["queue", "concurrency"], 5000),
    ("no rate", ["channels", "bluesky", "rate"], "20 per minute"),
    ("no URL", ["channels", "partner", "url"], "partner.example/hook"),
    ("no choice", ["server", "log_level"], "loud"),
    ("a list for a text", ["server", "listen"], ["127.0.0.1:1"]),
    ("an unknown ledger", ["ledger"], "postgres://db.example"),
    ("an empty rule", ["breaking"], [{}]),
    ("a rule that is none", ["breaking"], ["Breaking"]),
    ("urgency out of range", ["breaking"], [{"urgency": 10}]),
    ("no age", ["breaking"], [{"age": "soon"}]),
    ("no scale of urgency", ["sources", "cms", "urgency_scale"], "richter"),
    ("an unknown member of a rule", ["channels", "telegram", "when"], {"sprache": "de"}),
    ("a source of an unknown type", ["sources", "cms", "type"], "jsn"),
]


def changed(path, value):
    document = copy.deepcopy(load("example.yaml"))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


@pytest.mark.parametrize("path,value", [c[1:] for c in ACCEPTED], ids=[c[0] for c in ACCEPTED])
def test_accepted(validator, path, value):
    assert [e.message for e in validator.iter_errors(changed(path, value))] == []


@pytest.mark.parametrize("path,value", [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused(validator, path, value):
    assert not validator.is_valid(changed(path, value))


def test_no_channels_key_is_refused(validator):
    document = load("example.yaml")
    del document["channels"]
    assert not validator.is_valid(document)


def test_every_setting_is_described(schema):
    def undescribed(node, path):
        for key, value in node.get("properties", {}).items():
            if "const" not in value and "description" not in value:
                yield f"{path}.{key}"
            yield from undescribed(value, f"{path}.{key}")

    found = list(undescribed(schema, ""))
    for name, definition in schema["$defs"].items():
        if name not in ("channel", "source"):
            found += undescribed(definition, name)
    assert found == []
