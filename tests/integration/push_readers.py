"""Readers of web push for tests: a crier with a channel of browsers, the fake push service in their place, and what
they read. Fixtures: make_crier, sink; a module that uses them imports sink_program too."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from harness import CRIER, wait_for
from push_sink import PushSink

PROGRAM = CRIER.parent / "tests" / "push_sink"
KEY = "xbwpzip7TIykpAiHVv5TQ5NIRWK8NxcYiezxyeaHVHM"  # crier keys vapid
READER = ec.derive_private_key(4711, ec.SECP256R1())  # they all have the same: what is told apart here is addresses
PUBLIC = READER.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
AUTH = b"sixteen bytes of"


def read_message(body):
    """RFC 8291: what the browser makes of it."""
    salt, length, theirs = body[:16], body[20], body[21:21 + body[20]]
    shared = READER.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    derive = lambda salt, info, secret, size: HKDF(hashes.SHA256(), size, salt, info).derive(secret)
    secret = derive(AUTH, b"WebPush: info\0" + PUBLIC + theirs, shared, 32)
    key = derive(salt, b"Content-Encoding: aes128gcm\0", secret, 16)
    nonce = derive(salt, b"Content-Encoding: nonce\0", secret, 12)
    return json.loads(AESGCM(key).decrypt(nonce, body[21 + length:], None).rstrip(b"\0")[:-1])


@pytest.fixture(scope="module")
def sink_program(tmp_path_factory):
    with PushSink(tmp_path_factory.mktemp("push"), PROGRAM) as sink:
        yield sink


@pytest.fixture
def sink(sink_program):
    sink_program.reset()
    sink_program.seen = len(sink_program.messages())
    return sink_program


def messages(sink):
    """Of this test, in the order in which they came."""
    return sorted(sink.messages()[sink.seen:], key=lambda message: message["at_us"])


@pytest.fixture
def make_crier(make_crier, sink):
    def make(change=None, others=False, environment=None, **audience):
        def browsers(settings):
            channels = settings["channels"] if others else {}
            channels["browsers"] = {"type": "webpush", "key": KEY, "subject": "mailto:push@news.example",
                                    "allow_private": True, "on_update": "all", "audience": audience}
            settings["channels"] = channels
            if change:
                change(settings["channels"]["browsers"])
        return make_crier(browsers, environment={"SSL_CERT_FILE": sink.ca, **(environment or {})})
    return make


class Readers:
    def __init__(self, crier, sink):
        self.crier, self.sink, self.paths = crier, sink, []

    def add(self, count, at=None, **more):
        new = [f"/p/{len(self.paths) + i}" for i in range(count)]
        self.paths += new
        keys = {"p256dh": base64.urlsafe_b64encode(PUBLIC).decode().rstrip("="),
                "auth": base64.urlsafe_b64encode(AUTH).decode().rstrip("=")}
        lines = "".join(json.dumps({"endpoint": (at or self.sink).url + path, "keys": keys, "opted_in_at": "2026-01-01T10:00:00Z",
                                    "source": "a test", **more}) + "\n" for path in new)
        status, answer, _ = self.crier.call("POST", "/v1/channels/browsers/members", lines.encode(),
                                            headers={"Content-Type": "application/x-ndjson"})
        assert (status, answer["added"]) == (200, count), answer
        return new

    def counts(self):
        return self.crier.get("/v1/channels/browsers/members?limit=1")["counts"]

    def reconcile(self, without=(), repeats=0):
        """Each of them has it, but for these; so many requests more than that at most."""
        seen = self.sink.paths()
        missing = [path for path in self.paths if path not in without and seen.get(path, (0, 0))[0] == 0]
        assert not missing, f"{len(missing)} of {len(self.paths)} have nothing: {missing[:5]}"
        assert all(seen.get(path, (0, 0))[0] == 0 for path in without)
        more = sum(accepted - 1 for accepted, _ in seen.values() if accepted > 1)
        assert more <= repeats, f"{more} messages twice"
        return more


def later(crier, by):
    assert crier.call("POST", "/test/clock", {"advance": by}, check=False)[0] == 200


def wave(crier, accepted, **more):
    return crier.deliveries(accepted["id"], channel="browsers", **more)[0].get("wave") or {}


def until_done(crier, accepted, by="10s", **more):
    """Time goes by until it is done: more of it where nothing is on its way, which a jump would be too late for."""
    def look():
        delivery, = crier.deliveries(accepted["id"], channel="browsers", **more)
        if delivery["state"] != "done":
            later(crier, by if delivery["state"] == "again" else "1s")
        return delivery if delivery["state"] == "done" else None
    return wait_for(look, 30, every=0.1)


def story(number, title=None, **more):
    return {"id": f"story-{number}", "url": f"https://news.example/{number}", "title": title or f"Story {number}",
            "summary": "What has happened.", "language": "en", "categories": ["Latest"], **more}
