"""The fake push service (tests/support/push_sink.h, where its commands are told) as a context:

    with PushSink(folder) as sink:
        endpoint = f"{sink.url}/p/1"            # https://localhost:PORT
        crier.start(env={"SSL_CERT_FILE": sink.ca})
        sink.do("rule path=/p/7 status=410", "rtt 150")
        sink.wait_for(1000)
        assert sink.paths()["/p/1"] == (1, 1)    # accepted, requests
        messages = sink.messages()               # of the record: path, status, headers, body (bytes)
"""

import base64
import json
import pathlib
import subprocess
import time
import urllib.request


class PushSink:
    def __init__(self, folder, binary, plain=False, record=True, threads=1, paths=True, port=0):
        """binary: the program, beside the tests in the build folder: BUILD/tests/push_sink."""
        folder = pathlib.Path(folder)
        self.ca = str(folder / "push_sink.pem")
        self.record = folder / "push_sink.ndjson" if record else None
        words = [str(binary), f"ca={self.ca}", f"threads={threads}", f"port={port}"]
        words += ["plain"] if plain else []
        words += [f"record={self.record}"] if record else []
        words += [] if paths else ["paths=off"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().split()
        if len(line) != 3:
            raise RuntimeError("the push sink did not start")
        self.port, self.control = int(line[1]), int(line[2])
        self.url = f"{'http' if plain else 'https'}://localhost:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.control}{path}", data=body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def do(self, *commands):
        self.ask("/do", "\n".join(commands).encode())

    def reset(self):
        self.ask("/reset", b"")

    def count(self):
        return json.loads(self.ask("/count"))

    def paths(self):
        """{path: (accepted, requests)}"""
        rows = (line.split(" ", 2) for line in self.ask("/paths").decode().splitlines())
        return {path: (int(accepted), int(requests)) for accepted, requests, path in rows}

    def messages(self):
        self.count()  # writes it out
        found = [json.loads(line) for line in self.record.read_text().splitlines()]
        for message in found:
            message["body"] = base64.b64decode(message["body"])
        return found

    def wait_for(self, accepted, seconds=30):
        until = time.monotonic() + seconds
        while (now := self.count()["accepted"]) < accepted:
            if time.monotonic() > until:
                raise AssertionError(f"{now} of {accepted} messages after {seconds} s")
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.process.stdout.close()
