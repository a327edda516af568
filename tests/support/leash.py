"""Servers that end with the test, also when the test is killed: a shell stands between, and ends its
whole group when its standard input does."""

import contextlib
import os
import signal
import subprocess

SCRIPT = 'trap : TERM; "$@" </dev/null & child=$!; read -r _; kill -TERM 0; wait "$child"'


class Leashed:
    def __init__(self, *command, **popen):
        self.shell = subprocess.Popen(["/bin/sh", "-c", SCRIPT, "leash", *map(str, command)], stdin=subprocess.PIPE,
                                      start_new_session=True, **popen)

    def close(self, seconds=40):
        """All of it is gone afterwards."""
        self.shell.stdin.close()
        try:
            self.shell.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.shell.pid, signal.SIGKILL)
            self.shell.wait()
            raise
