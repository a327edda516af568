"""Starts one service as a service manager does, and holds it to the protocols of systemd: sd_notify(3),
sd_watchdog_enabled(3), sd_listen_fds(3), credentials and the times a unit allows. Used by the tests;
says nothing and decides nothing but what PID 1 would: who may speak, when patience ends.

As a program it is the step between fork and exec: it puts the sockets to descriptor 3 and up and says
whose they are, which only the process itself can know."""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

FIRST_FD = 3
CREDENTIALS = struct.Struct("3i")  # SCM_CREDENTIALS: pid, uid, gid


class Message(dict):
    """The variables of one datagram, when it came, and who sent it."""

    def __init__(self, text, at, pid):
        super().__init__(line.partition("=")[::2] for line in text.splitlines())
        self.at, self.pid = at, pid


class Supervisor:
    """command runs once between start() and the end of its process. `sockets` maps names to listening
    sockets; the caller keeps them open, as PID 1 does. `watchdog_s`: WatchdogSec. With `strict` a late
    ping is answered with SIGABRT."""

    def __init__(self, command, folder, *, sockets=None, credentials=None, watchdog_s=None, strict=True,
                 abstract=False, environment=None, log=None):
        self.command, self.folder, self.log = [str(word) for word in command], Path(folder), log
        self.sockets, self.watchdog_s, self.strict = sockets or {}, watchdog_s, strict
        self.environment = dict(os.environ, **(environment or {}))
        self.process, self.state, self.killed_by_watchdog = None, "dead", False
        self.messages, self.on_ready, self.deaf, self.listener = [], None, False, None
        self.changed = threading.Condition()
        if credentials is not None:
            self.environment["CREDENTIALS_DIRECTORY"] = str(self.write_credentials(credentials))
        self.receiver = self.open_receiver(abstract)

    # ---- what the service finds when it starts ----

    def open_receiver(self, abstract):
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        name = f"@crier-test-{os.getpid()}-{id(self)}" if abstract else str(self.folder / "notify")
        receiver.bind("\0" + name[1:] if abstract else name)
        self.environment["NOTIFY_SOCKET"] = name
        return receiver

    def write_credentials(self, credentials):
        folder = self.folder / "credentials"
        folder.mkdir(mode=0o700)
        for name, value in credentials.items():
            (folder / name).write_text(value)
            (folder / name).chmod(0o400)
        return folder.resolve()

    def start(self):
        descriptors = [s.fileno() for s in self.sockets.values()]
        environment = dict(self.environment)
        if self.sockets:
            environment["LISTEN_FDNAMES"] = ":".join(self.sockets)
        if self.watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1e6))
        self.process = subprocess.Popen(
            [sys.executable, __file__, ",".join(map(str, descriptors)), *self.command],
            stdout=self.log, stderr=self.log, env=environment, pass_fds=descriptors)
        self.state, self.pinged_at = "starting", None
        self.listener = threading.Thread(target=self.listen, args=(self.process,), daemon=True)
        self.listener.start()
        return self

    # ---- what it says ----

    def listen(self, process):
        running = True
        while running and not self.deaf:
            running = process.poll() is None
            while select.select([self.receiver], [], [], 0.02 if running else 0)[0]:
                self.hear(process)
            self.look_at_watch(process)
        with self.changed:
            self.state = "dead"
            self.changed.notify_all()

    def hear(self, process):
        text, ancillary, _, _ = self.receiver.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
        pid = next((CREDENTIALS.unpack(data)[0] for level, kind, data in ancillary
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)), None)
        message = Message(text.decode(), time.monotonic(), pid)
        if pid != process.pid:
            return  # NotifyAccess=main
        if message.get("READY") == "1" and self.on_ready:
            self.on_ready()
        with self.changed:
            self.messages.append(message)
            self.follow(message)
            self.changed.notify_all()

    def follow(self, message):
        for variable, state in (("RELOADING", "reloading"), ("READY", "running"), ("STOPPING", "stopping")):
            if message.get(variable) == "1":
                self.state = state
        if message.get("READY") == "1" or message.get("WATCHDOG") == "1":
            self.pinged_at = message.at

    def look_at_watch(self, process):
        late = (self.watchdog_s and self.strict and self.pinged_at and self.state in ("running", "reloading")
                and time.monotonic() - self.pinged_at > self.watchdog_s)
        if late and not self.killed_by_watchdog:
            self.killed_by_watchdog = True
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGABRT)

    def wait(self, look, seconds=60, what="a message"):
        """The first true answer of look(self), asked after every message."""
        with self.changed:
            found = self.changed.wait_for(lambda: look(self), seconds)
        assert found, f"waited {seconds} s for {what}; state {self.state}, messages {self.messages}"
        return found

    def await_state(self, state, seconds=60):
        self.wait(lambda s: s.state == state, seconds, f"state {state}")
        return self

    def of(self, variable):
        with self.changed:
            return [m for m in self.messages if variable in m]

    # ---- the end ----

    def stop(self, timeout_s):
        """SIGTERM, patience for TimeoutStopSec or longer when it asks for that, SIGKILL. Returns the exit
        code; None when it had to be killed."""
        patience = time.monotonic() + timeout_s
        self.process.send_signal(signal.SIGTERM)
        while time.monotonic() < patience:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(0.05)
            for m in self.of("EXTEND_TIMEOUT_USEC"):
                patience = max(patience, m.at + int(m["EXTEND_TIMEOUT_USEC"]) / 1e6)
        self.process.kill()
        self.process.wait()
        return None

    def close(self):
        """Also while the service runs: nobody hears it any more."""
        self.deaf = True
        if self.listener:
            self.listener.join()
        self.receiver.close()


def become(descriptors, command):
    """Ends in the service. The copies are made above where they go, so that none is overwritten."""
    high = [os.dup2(fd, 100 + i, inheritable=False) for i, fd in enumerate(descriptors)]
    for i, fd in enumerate(high):
        os.dup2(fd, FIRST_FD + i)
    for fd in descriptors:
        if not FIRST_FD <= fd < FIRST_FD + len(descriptors):
            os.close(fd)
    if descriptors:
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(descriptors)))
    if "WATCHDOG_USEC" in os.environ:
        os.environ["WATCHDOG_PID"] = str(os.getpid())
    os.execv(command[0], command)


if __name__ == "__main__":
    become([int(word) for word in sys.argv[1].split(",") if word], sys.argv[2:])
