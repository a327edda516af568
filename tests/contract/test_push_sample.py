"""Messages to browsers, opened by an implementation that is not ours: a random sample of subscriptions, texts and
services goes through the very functions that lanes call, and Python's cryptography reads each as a browser would
(RFC 8291), and checks its token as a push service would (RFC 8292)."""

import base64
import json
import os
import pathlib
import random
import subprocess
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOP = pathlib.Path(__file__).resolve().parents[2]
CRIER = pathlib.Path(os.environ.get("CRIER", TOP / "build" / "dev" / "crier"))
SAMPLE = CRIER.parent / "tests" / "push_sample"
MESSAGES = 200
ENDPOINTS = ["https://fcm.googleapis.com/fcm/send/{}:APA91b", "https://updates.push.services.mozilla.com/wpush/v2/{}",
             "https://web.push.apple.com/{}", "https://wns2-par02p.notify.windows.com/w/?token={}%2b%3d",
             "https://ntfy.example:8443/up/{}?up=1"]
WORDS = ["flood", "né", "洪水", "🌊", "\"quoted\"", "back\\slash", "</b>", "שלום", "a" * 60]


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def hkdf(salt, key, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


class Browser:
    def __init__(self, rng):
        self.key, self.auth = ec.generate_private_key(ec.SECP256R1()), rng.randbytes(16)
        self.endpoint = rng.choice(ENDPOINTS).format(rng.randbytes(12).hex())
        text = " ".join(rng.choices(WORDS, k=rng.choice([1, 10, 100, 400])))
        self.given = {"endpoint": self.endpoint, "expirationTime": None,
                      "keys": {"p256dh": base64url(point(self.key)), "auth": base64url(self.auth)},
                      "article": {"title": f"News {rng.choice(WORDS)}", "summary": text, "url": "https://news.example/a"},
                      "breaking": rng.random() < 0.5, "prepared": rng.random() < 0.5}

    def opens(self, body):
        salt, size, their_length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs = body[21:21 + their_length]
        secret = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        ikm = hkdf(self.auth, secret, b"WebPush: info\0" + point(self.key) + theirs, 32)
        key, nonce = (hkdf(salt, ikm, b"Content-Encoding: " + name + b"\0", n) for name, n in ((b"aes128gcm", 16), (b"nonce", 12)))
        assert len(body) <= size == 4096, "one record"
        text = AESGCM(key).decrypt(nonce, body[21 + their_length:], None).rstrip(b"\0")
        assert text[-1:] == b"\2", "it is the last record"
        return text[:-1]


def check_token(value, origin, now):
    scheme, token, key = (part.split("=", 1)[-1] if "=" in part else part for part in value.replace("vapid ", "vapid,").split(","))
    head, claims, signature = token.split(".")
    raw = unbase64(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unbase64(key))
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    said = json.loads(unbase64(claims))
    assert scheme == "vapid" and json.loads(unbase64(head)) == {"typ": "JWT", "alg": "ES256"}
    assert said["aud"] == origin and now < said["exp"] <= now + 86400 and said["sub"].startswith("mailto:")


def test_a_random_sample_is_read_by_others():
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    browsers = [Browser(rng) for _ in range(MESSAGES)]
    lines = "".join(json.dumps(b.given) + "\n" for b in browsers)
    answer = subprocess.run([SAMPLE], input=lines, capture_output=True, text=True, check=True)
    messages = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(messages) == MESSAGES, seed
    for browser, message in zip(browsers, messages):
        text = browser.opens(base64.b64decode(message["body"])).decode()
        shown = json.loads(text)
        assert text == message["clear"] and len(text.encode()) <= 2820, seed
        assert shown["web_push"] == 8030 and shown["notification"]["navigate"] == "https://news.example/a", seed
        assert message["origin"] + message["path"] == browser.endpoint, seed
        assert message["headers"]["urgency"] == ("high" if browser.given["breaking"] else "normal"), seed
        check_token(message["headers"]["authorization"], message["origin"], time.time())
    assert len({m["body"][:24] for m in messages}) == MESSAGES, "every salt is another"
    assert len({base64.b64decode(m["body"])[21:86] for m in messages}) == MESSAGES, "so is every key"


def test_that_we_would_notice():
    """A checker that takes everything would prove nothing."""
    browser = Browser(random.Random(1))
    answer = subprocess.run([SAMPLE], input=json.dumps(browser.given) + "\n", capture_output=True, text=True, check=True)
    message = json.loads(answer.stdout)
    token = message["headers"]["authorization"]
    claims = token.split(".")[1]
    other = base64url(unbase64(claims).replace(b"mailto:push", b"mailto:pusH"))
    try:
        check_token(token.replace(claims, other), message["origin"], time.time())
    except InvalidSignature:
        return
    raise AssertionError("a changed token was taken")
