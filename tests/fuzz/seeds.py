"""Makes seeds of the fixtures, so that the fuzz targets begin where the tests have been. Usage: seeds.py
FOLDER; one folder below it for each target, nothing else in it. What cannot be derived, and what was
found, stands in tests/fuzz/seeds."""

import base64
import json
import re
import shutil
import sys
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[2]
FIXTURES = TOP / "tests/fixtures"
STAGES = ["", "greeting", "EHLO", "STARTTLS", "AUTH", "MAIL FROM", "RCPT TO", "DATA", "message", "NOOP"]


def line(value):
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def answer(a):
    """As fuzz_adapters_read.c reads it."""
    if "transport" in a:
        return b"\n\n" + a.get("error", "").encode()
    head = [str(a.get("status", 200))]
    if "stage" in a:
        head.append(f"Stage:{STAGES.index(a['stage'])}")
    for name, values in a.get("headers", {}).items():
        head += [f"{name}:{value}" for value in (values if isinstance(values, list) else [values])]
    if "json" in a:
        body = json.dumps(a["json"], ensure_ascii=False).encode()
    elif "base64" in a:
        body = base64.b64decode(a["base64"])
    else:
        body = a.get("body", "").encode()
    return "\n".join(head).encode() + b"\n\n" + body


def adapters_read():
    for path in sorted(FIXTURES.glob("dialogues/*/*.json")):
        dialogue = json.loads(path.read_text())
        answers = [answer(e["answer"]) for e in dialogue.get("exchanges", []) if "answer" in e]
        if not answers:
            continue
        way = path.parent.name + (" webhook" if "webhook_url" in dialogue.get("settings", {}) else "")
        head = f"{way} {dialogue.get('course', 'publish')}\n".encode()
        head += line(dialogue.get("record", {})) + line(dialogue.get("post")) + line(dialogue.get("account", {}))
        yield f"{path.parent.name}-{path.stem}", head + b"\n%%\n".join(answers)


def rules_in(value, seen):
    """Everything below a `when` or `breaking`. What an alias repeats counts once: some files are bombs."""
    if not isinstance(value, (dict, list)) or id(value) in seen:
        return
    seen.add(id(value))
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if key in ("when", "breaking"):
            yield from inner if isinstance(inner, list) else [inner]
        else:
            yield from rules_in(inner, seen)


def config_rule():
    for path in [*sorted(FIXTURES.glob("config/*.yaml")), TOP / "config/example.yaml"]:
        try:
            rules = list(rules_in(yaml.safe_load(path.read_text()), set()))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # made to be refused
        for n, rule in enumerate(rules):
            yield f"{path.stem}-{n}", yaml.safe_dump(rule, allow_unicode=True).encode()


def base_html():
    for path in sorted(FIXTURES.glob("articles/*.json")):
        article = json.loads(path.read_text())
        for member in ("title", "summary", "body"):
            if isinstance(article.get(member), str):
                yield f"{path.stem}-{member}", article[member][:4096].encode()


def base_mustache():
    """One case of the specification each: template, a zero byte, the value."""
    for path in sorted(FIXTURES.glob("mustache/*.json")):
        document = json.loads(path.read_text())
        for n, test in enumerate(document["tests"] if isinstance(document, dict) else document):
            yield f"spec-{n}", test["template"].encode() + b"\0" + json.dumps(test["data"]).encode()


KINDS = ["json", "contentful", "directus", "drupal", "ghost", "hygraph", "sanity", "storyblok", "strapi", "superdesk",
         "webflow", "wordpress"]  # as sources/registry.c has those that are called


def sources_hooks():
    """As fuzz_sources_hooks.c reads it."""
    for path in sorted(FIXTURES.glob("hooks/*/*.call.json")):
        call = json.loads(path.read_text())
        kind = KINDS.index(path.parent.name) + (len(KINDS) if "map" in call.get("settings", {}) else 0)
        headers = call.get("headers", {})
        words = [v for k, v in headers.items() if k.lower() in
                 ("x-contentful-topic", "x-strapi-event", "x-wp-webhook-name", "sanity-operation")]
        if "body_file" in call:
            body = (path.parent / call["body_file"]).read_bytes()
        elif isinstance(call["body"], str):
            body = call["body"].encode()
        else:
            body = json.dumps(call["body"], ensure_ascii=False).encode()
        head = "\n".join([call.get("path", ""), "".join(words[:1]), headers.get("Content-Type", ""), ""])
        yield f"{path.parent.name}-{path.name[:-10]}", bytes([kind]) + head.encode() + body


def files(*patterns):
    for pattern in patterns:
        for path in sorted(TOP.glob(pattern)):
            yield path.name, path.read_bytes()


def articles():
    return files("tests/fixtures/articles/*.json")


def zones():
    return files("tests/fixtures/zones/*/*")


def service_members():
    """Every file of the unit test's table."""
    text = (TOP / "tests/unit/test_service_member_formats.c").read_text()
    for n, content in enumerate(re.findall(r'", MEMBERS_\w+, "((?:[^"\\]|\\.)*)"', text)):
        yield f"{n}", content.encode().decode("unicode_escape").encode("latin-1")


def settings():
    return files("tests/fixtures/config/*.yaml", "config/*.yaml")


def sources_page():
    """As fuzz_sources_page.c reads it: a line of headers, then the page."""
    head = b'text/html; charset=utf-8\t</a/2>; rel="canonical", <https://hub.example/>; rel=hub\tgooglebot: noindex\n'
    for name, content in files("tests/fixtures/pages/*.html"):
        yield name, head + content


def feeds():
    """The first byte: limits as they are; the second: pieces of 8 bytes."""
    for name, content in files("tests/fixtures/feeds/*"):
        if not name.endswith(".expected"):
            yield name, content


def sources_feed():
    for name, content in feeds():
        yield name, b"\x20\x07" + content


def sources_feed_mend():
    for name, content in feeds():
        yield name, b"\x07" + content


def sources_charset():
    for name, content in feeds():
        if name.startswith("charset-"):
            yield name, b"text/xml\n\x07" + content


def sources_feed_date():
    """Every text of the unit test's tables that might be one."""
    text = (TOP / "tests/unit/test_sources_feed_date.c").read_text()
    for n, date in enumerate(re.findall(r'\{"([^"\\]+)", ', text)):
        yield f"{n}", b"\x18" + date.encode()


def adapters_callback():
    value = {"metadata": {"phone_number_id": "106540352242922"},
             "statuses": [{"id": "w", "status": status, "biz_opaque_callback_data": "dlv_0000000000001:7",
                           "errors": [{"code": 131026, "title": "not there"}]} for status in ("sent", "read", "failed")],
             "messages": [{"from": "5215512345678", "type": "text", "text": {"body": " Stop!"}},
                          {"from": "4915112345678", "type": "button", "button": {"text": "START"}}],
             "user_preferences": [{"wa_id": "5511987654321", "category": "marketing_messages", "value": "stop"}]}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    yield "all", b"00 49 (151) 123-45.678\n" + body


TARGETS = {
    "adapters_callback": adapters_callback,
    "adapters_build": articles,
    "adapters_read": adapters_read,
    "base_article": articles,
    "base_html": base_html,
    "base_json": articles,
    "base_mustache": base_mustache,
    "base_zone": zones,
    "config_read": settings,
    "config_rule": config_rule,
    "config_yaml": settings,
    "service_hook": articles,
    "service_members": service_members,
    "sources_charset": sources_charset,
    "sources_feed": sources_feed,
    "sources_feed_date": sources_feed_date,
    "sources_feed_mend": sources_feed_mend,
    "sources_hooks": sources_hooks,
    "sources_page": sources_page,
}


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    for target, make in TARGETS.items():
        place = folder / target
        place.mkdir(parents=True)
        for name, content in make():
            (place / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
