"""What one would run instead of crier for webhooks: a queue in Redis (BullMQ) with a door and a worker of
Node.js (tests/bench/peer), driven as well as we know: one process for the door and one for the worker,
commands pipelined, 256 jobs at once, connections kept, and Redis with appendfsync always, since a 202
means "on disk" here as there. Used by bench_end_to_end.py --peers; `./dev bench --peers` installs it."""

import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time


class Peer:
    def __init__(self, home, scratch):
        self.home = pathlib.Path(home).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="peer-", dir=scratch)).resolve()
        self.socket = self.folder / "redis.sock"
        self.processes = []
        self.start("redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.folder,
                   "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--loglevel", "warning")
        until = time.monotonic() + 10
        while not self.socket.exists() and time.monotonic() < until:
            time.sleep(0.05)
        door = self.start("node", self.home / "door.mjs", self.socket)
        self.port = int(re.search(r":(\d+)\s*$", door.stdout.readline().decode())[1])

    def start(self, *command):
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, cwd=self.folder)
        self.processes.append(process)
        return process

    def work(self, url, secret):
        """Starts the worker; returns when it waits for jobs."""
        if self.start("node", self.home / "worker.mjs", self.socket, url, secret).stdout.readline() != b"ready\n":
            raise SystemExit("the peer's worker did not start")

    def cpu_seconds(self):
        ticks = 0
        for process in self.processes:
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / 100

    def memory_mb(self):
        return sum(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{p.pid}/status").read_text())[1])
                   for p in self.processes) / 1024

    def tail(self):
        return ""

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)
            process.stdout.close()
        shutil.rmtree(self.folder)
