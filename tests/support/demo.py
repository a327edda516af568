"""`./dev run`: crier on config/demo.yaml beside stand-ins for the platforms, on loopback only. Sends
the sample article, shows what went where, and stays until Ctrl-C. --once ends then; exit code 0 only
if everything arrived. Ends what it started, nothing else."""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CONFIG = TOP / "config" / "demo.yaml"
ARTICLE = TOP / "tests" / "fixtures" / "articles" / "breaking-article.json"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fail(text):
    sys.exit(f"dev run: {text}")


def get_json(url):
    with OPENER.open(url, timeout=5) as answer:
        return json.load(answer)


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def settings(scratch):
    """The settings file and its port: the demo's own, or a copy on another port if that is taken."""
    text = CONFIG.read_text()
    port = int(re.search(r"listen: 127\.0\.0\.1:(\d+)", text)[1])
    if is_free(port):
        return CONFIG, port
    other = free_port()
    print(f"port {port} is taken, so the service listens on {other}")
    copy = scratch / "demo.yaml"
    copy.write_text(text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}"))
    return copy, other


def start_platform(stack):
    process = subprocess.Popen(
        [sys.executable, str(TOP / "tests/support/fake_platform.py"), "--leash"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    stack.callback(end, process)
    line = process.stdout.readline()
    if not line:
        fail("the stand-in for the platforms did not start")
    return json.loads(line)["url"]


def end(process):
    """Asks, waits, and insists only in the end."""
    if process.stdin:
        process.stdin.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_service(stack, crier, config, url, scratch):
    log = scratch / "crier.log"
    with log.open("w") as out:
        process = subprocess.Popen([crier, "-c", str(config), "serve"], stdout=out, stderr=out,
                                   start_new_session=True)
    stack.callback(end, process)
    for _ in range(200):
        if process.poll() is not None:
            fail(f"the service ended at once:\n{log.read_text()}")
        with contextlib.suppress(OSError, urllib.error.URLError):
            with OPENER.open(f"{url}/readyz", timeout=1):
                return process, log
        time.sleep(0.05)
    fail(f"the service is not ready after 10 seconds:\n{log.read_text()}")


def sample(scratch, platform):
    """The sample article, its page and its picture moved to where this machine can fetch them."""
    article = json.loads(ARTICLE.read_text())
    article["url"] = f"{platform}/site/good/harbour-bridge"
    for image in article.get("images", []):
        image["url"] = f"{platform}/img/{image.get('width', 1600)}x{image.get('height', 840)}.jpg"
    path = scratch / "article.json"
    path.write_text(json.dumps(article, ensure_ascii=False, indent=1))
    return path


def show_truth(platform):
    posts = [p for p in get_json(f"{platform}/_truth")["posts"] if p["stands"]]
    print("\nwhat the platforms have")
    for post in posts:
        first = post["text"].strip().splitlines()[0] if post["text"].strip() else ""
        picture = f"  [picture: {post['alt'] or 'yes'}]" if post["image"] else ""
        print(f"  {post['platform']:9} {first[:70]}{picture}")
    return len(posts)


def stay(process, url, platform, log, config, crier):
    print(f"""
look at    {platform}/   what was received
           {url}/healthz   {url}/metrics   {url}/v1/articles   {url}/v1/channels
           {url}/v1/events   (server-sent events)
log        {log}
try        export CRIER_DEMO_DIR={log.parent} CRIER_DEMO_PLATFORM={platform}
           {crier} -c {config} status
Ctrl-C ends it.""", flush=True)
    while process.poll() is None:
        time.sleep(0.2)
    fail(f"the service ended by itself with code {process.returncode}:\n{log.read_text()[-2000:]}")


def run(args, stack):
    (TOP / "build").mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="demo-", dir=TOP / "build"))
    stack.callback(shutil.rmtree, scratch, ignore_errors=True)
    platform = start_platform(stack)
    os.environ.update(CRIER_DEMO_DIR=str(scratch), CRIER_DEMO_PLATFORM=platform)
    config, port = settings(scratch)
    url = f"http://127.0.0.1:{port}"
    process, log = start_service(stack, args.crier, config, url, scratch)
    print(f"crier is at {url}, the platforms' stand-ins at {platform}\n", flush=True)
    sent = subprocess.run([args.crier, "-c", str(config), "send", str(sample(scratch, platform))],
                          check=False).returncode
    posts = show_truth(platform)
    channels = len(get_json(f"{url}/v1/channels")["items"])
    if args.once:
        if sent != 0 or posts != channels:
            fail(f"only {posts} of {channels} channels have the article; the log:\n{log.read_text()}")
        return
    stay(process, url, platform, log, config, args.crier)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crier", required=True)
    parser.add_argument("--once", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        try:
            run(args, stack)
        except KeyboardInterrupt:
            print("\nending")


if __name__ == "__main__":
    main()
