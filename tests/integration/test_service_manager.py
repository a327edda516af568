"""Under a service manager: tests/support/supervisor.py does what PID 1 would. What it hears and when, what
it passes on, and that its watchdog is fed by work done and by nothing else."""

import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
import time

import pytest
from harness import CRIER, SLOW, TOKEN, TOP, exchange, small_article, wait_for

sys.path.insert(0, str(TOP / "tests/support"))

from supervisor import Supervisor  # noqa: E402

IP_FREEBIND = 15
NOWHERE = "192.0.2.1"  # TEST-NET-1: no loopback address, and nobody can reach it
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
WATCH_S = 4 if SLOW else 2


class Run:
    """One crier and its manager; stopped at the end of the test, whatever happened."""

    def __init__(self, crier, **more):
        self.crier = crier
        self.log = crier.log_path.open("ab")
        self.manager = Supervisor([CRIER, "-c", crier.path, "serve"], crier.folder,
                                  log=more.pop("log", self.log), **more)

    def start(self, until="running"):
        self.manager.start()
        self.crier.process = self.manager.process
        if until:
            try:
                self.manager.await_state(until)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.crier.log()[-3000:]}") from None
        return self

    def stop(self, timeout_s=60):
        code = self.manager.stop(timeout_s)
        self.crier.process = None
        self.crier.insist_on_clean_log()
        return code

    def status(self):
        return self.manager.of("STATUS")[-1]["STATUS"]

    def close(self):
        if self.manager.process and self.manager.process.poll() is None:
            self.manager.process.kill()
            self.manager.process.wait()
        if self.crier.process is self.manager.process:  # else it was started without a manager: make_crier's to stop
            self.crier.process = None
        self.manager.close()
        self.log.close()


@pytest.fixture
def manage(make_crier):
    """manage(change=None, **Supervisor's): a crier under a manager, not started yet."""
    runs = []

    def make(change=None, **more):
        runs.append(Run(make_crier(change, start=False), **more))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def listening(family=socket.AF_INET, address=("127.0.0.1", 0), kind=socket.SOCK_STREAM):
    s = socket.socket(family, kind)
    s.bind(address)
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def listen_at(settings, s):
    """What the settings say about a socket that will be passed."""
    host, port = s.getsockname()
    settings["server"]["listen"] = f"{host}:{port}"


def refused(run):
    """The line for people of one that does not come up."""
    run.manager.start()
    assert run.manager.process.wait(60) == 1, run.crier.log()
    assert not run.manager.of("READY")
    lines = [line for line in run.crier.log().splitlines() if line.startswith("crier: ")]
    assert len(lines) == 1, run.crier.log()
    return lines[0]


# ---- ready ----

@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_ready_is_said_when_the_door_answers(manage, abstract):
    run, answers = manage(abstract=abstract), []
    run.manager.on_ready = lambda: answers.append(exchange(run.crier.url, "GET", "/readyz")[0])
    run.start()
    assert answers == [200]
    first = run.manager.messages[0]
    assert first["READY"] == "1" and first["STATUS"] == f"on {run.crier.url}; 4 channels"
    assert run.stop() == 0


def test_a_service_that_does_not_come_up_says_why_in_its_status(manage):
    run = manage(lambda settings: settings["channels"]["mastodon"].update(not_after="2 hourz"))
    assert "1 mistake in" in refused(run)
    assert "1 mistake in" in run.status() and "\n" not in run.status()


def test_a_notify_socket_that_is_none_is_refused(manage):
    run = manage()
    run.manager.environment["NOTIFY_SOCKET"] = "run/notify"
    assert "NOTIFY_SOCKET is \"run/notify\": expected the absolute path of a socket" in refused(run)


@pytest.mark.parametrize("variable,value", [("WATCHDOG_USEC", "soon"), ("WATCHDOG_USEC", "0"),
                                            ("WATCHDOG_USEC", "-1")])
def test_a_watchdog_time_that_is_none_is_refused(manage, variable, value):
    run = manage()
    run.manager.environment[variable] = value
    assert f"{variable} is \"{value}\": expected a number of microseconds" in refused(run)


def test_a_manager_that_is_gone_harms_nothing(manage):
    run = manage().start()
    run.manager.close()
    (run.crier.folder / "notify").unlink()
    run.crier.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "notify_failed" in run.crier.log())
    run.crier.await_done(run.crier.send(small_article(1))["id"])
    run.crier.stop()


# ---- reload ----

def reload(run, by):
    """The pair of messages, and when the reload was asked for."""
    before, asked_at = len(run.manager.messages), time.monotonic()
    if by == "signal":
        run.crier.process.send_signal(signal.SIGHUP)
    else:
        run.crier.call("POST", "/v1/reload")
    run.manager.wait(lambda m: len(m.messages) >= before + 2 and m.state == "running")
    reloading, ready = run.manager.messages[before:before + 2]
    assert reloading["RELOADING"] == "1" and ready["READY"] == "1"
    assert asked_at <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= reloading.at
    return ready["STATUS"]


@pytest.mark.parametrize("by", ["signal", "post"])
def test_a_reload_is_said_before_and_after(manage, by):
    run = manage().start()
    del run.crier.settings["channels"]["bluesky"]
    run.crier.write_settings()
    assert reload(run, by) == f"on {run.crier.url}; 3 channels"
    assert run.stop() == 0


@pytest.mark.parametrize("by", ["signal", "post"])
def test_a_reload_that_is_refused_ends_ready_too_and_says_why(manage, by):
    run = manage().start()
    run.crier.settings["channels"]["mastodon"]["not_after"] = "2 hourz"
    run.crier.write_settings()
    status = reload(run, by)
    assert status.startswith(f"on {run.crier.url}; 4 channels; the last reload was refused: {run.crier.path}:")
    assert "2 hourz" in status
    run.crier.await_done(run.crier.send(small_article(1))["id"])
    run.crier.settings["channels"]["mastodon"]["not_after"] = "2h"
    run.crier.write_settings()
    assert reload(run, by) == f"on {run.crier.url}; 4 channels"
    assert run.stop() == 0


def test_the_status_names_channels_that_are_blocked(manage, platform):
    run = manage().start()
    platform.control("revoke", platform="mastodon")
    run.crier.await_state(run.crier.send(small_article(1))["id"], "blocked", channel="mastodon")
    run.manager.wait(lambda m: m.of("STATUS")[-1]["STATUS"].endswith("; blocked: mastodon"), what="the status")
    assert run.stop() == 0


# ---- the end ----

def test_stopping_is_said_and_asks_for_as_long_as_it_may_take(manage, platform):
    run = manage(lambda settings: settings["server"].update(drain="3s")).start()
    platform.fault("/hook/partner", "delay", seconds=60)
    accepted = run.crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner"))
    started = time.monotonic()
    assert run.stop(timeout_s=1) == 0  # TimeoutStopSec alone would have killed it
    took = time.monotonic() - started
    (stopping,) = run.manager.of("STOPPING")
    asked_for = int(stopping["EXTEND_TIMEOUT_USEC"]) / 1e6
    assert 3 <= took < asked_for and "SIGTERM" in stopping["STATUS"]
    assert not [m for m in run.manager.messages if m.at > stopping.at and "READY" in m]
    platform.no_faults()
    run.crier.start()
    run.crier.await_done(accepted["id"])


# ---- the watchdog ----

def pings(run):
    return run.manager.of("WATCHDOG")


def await_ping(run, after):
    return run.manager.wait(lambda m: [p for p in pings(run) if p.at > after], what="a ping")


def expect_no_ping(run):
    """Longer than from one to the next."""
    time.sleep(0.5)  # one may have been under way
    count = len(pings(run))
    time.sleep(WATCH_S * 0.7)
    assert len(pings(run)) == count


@contextlib.contextmanager
def sending(crier, article):
    """Posts it on a thread; yields the list that gets the answer."""
    answers = []

    def post():
        with contextlib.suppress(OSError, http.client.HTTPException):
            answers.append(exchange(crier.url, "POST", "/v1/articles", json.dumps(article).encode(), HEADERS)[0])

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    yield answers
    thread.join(60)


def test_pings_come_twice_in_a_period_idle_and_at_work(manage):
    run = manage(watchdog_s=WATCH_S, strict=False).start()
    run.manager.wait(lambda m: len(pings(run)) >= 4)
    for n in range(20):
        run.crier.send(small_article(n))
    run.manager.wait(lambda m: len(pings(run)) >= 8)
    times = [p.at for p in pings(run)]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert max(gaps) < WATCH_S and WATCH_S * 0.4 < sum(gaps) / len(gaps) < WATCH_S * 0.7, gaps
    assert run.stop() == 0


def test_somebody_elses_watchdog_is_not_fed(manage):
    run = manage(strict=False)
    run.manager.environment.update(WATCHDOG_USEC="200000")
    run.manager.command = ["/bin/sh", "-c", 'WATCHDOG_PID=1 exec "$@"', "sh", *run.manager.command]
    run.start()
    time.sleep(1)
    assert pings(run) == []
    assert run.stop() == 0


def test_a_ledger_that_hangs_is_not_called_healthy_and_a_new_start_loses_nothing(manage, platform):
    run = manage(watchdog_s=WATCH_S, environment={"CRIER_FAULT": "ledger.accept:2:hang"}).start()
    first = run.crier.send(small_article(1))
    run.crier.await_done(first["id"])
    with sending(run.crier, small_article(2)) as answers:
        time.sleep(0.2)
        assert exchange(run.crier.url, "GET", "/healthz")[0] == 200  # the loop is fine
        assert run.manager.process.wait(60) == -signal.SIGABRT and run.manager.killed_by_watchdog
    assert answers == [] and "ledger_stuck writes=true reads=false" in run.crier.log()
    del run.manager.environment["CRIER_FAULT"]
    run.manager.wait(lambda m: m.state == "dead")
    run.start()
    run.crier.await_done(first["id"])
    run.crier.await_done(run.crier.send(small_article(2))["id"])
    assert {p: len(platform.posts(p)) for p in ("telegram", "mastodon", "bluesky", "hook")} == dict.fromkeys(
        ("telegram", "mastodon", "bluesky", "hook"), 2)
    assert run.stop() == 0


def test_a_reading_thread_that_hangs_is_seen_too(manage):
    run = manage(watchdog_s=WATCH_S, environment={"CRIER_FAULT": "ledger.pulse.reads:2:hang"}).start()
    assert run.manager.process.wait(60) == -signal.SIGABRT
    assert len(pings(run)) == 1 and "ledger_stuck writes=false reads=true" in run.crier.log()


def test_a_ledger_that_was_only_slow_is_fed_again_at_once(manage):
    run = manage(watchdog_s=WATCH_S, strict=False).start()
    await_ping(run, 0)
    with contextlib.closing(sqlite3.connect(run.crier.folder / "crier.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with sending(run.crier, small_article(1)) as answers:
            expect_no_ping(run)
            freed_at = time.monotonic()
            db.execute("ROLLBACK")
            (ping, *_) = await_ping(run, freed_at)
    assert answers in ([202], [503]) and ping.at - freed_at < WATCH_S / 2
    assert run.stop() == 0


def test_a_loop_that_stands_still_is_not_called_healthy(manage):
    """The real thing: nobody reads the log, and the write of a line does not return."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    run = manage(watchdog_s=WATCH_S, strict=False, log=writer)
    run.start()
    await_ping(run, 0)
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b".")
    os.set_blocking(writer, True)
    with sending(run.crier, small_article(1)) as answers:
        expect_no_ping(run)
        drained = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reader, 4096), b"")])
        drained.start()
        await_ping(run, time.monotonic())
    assert answers == [202]
    assert run.stop() == 0
    os.close(writer)
    drained.join()
    os.close(reader)


# ---- sockets that are passed ----

def ask_early(s, path="/healthz"):
    """A request on a connection that is made while nobody runs; who listens is the manager."""
    client = socket.socket(s.family, socket.SOCK_STREAM)
    client.settimeout(60)
    client.connect(s.getsockname())
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return client


def status_of(client):
    with client:
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    return int(answer.split()[1])


def test_who_calls_before_it_runs_is_answered_when_it_does(manage):
    with listening() as s:
        run = manage(sockets={"crier.socket": s})
        listen_at(run.crier.settings, s)
        run.crier.write_settings()
        run.crier.url = "http://" + run.crier.settings["server"]["listen"]
        early = ask_early(s)
        run.start()
        assert status_of(early) == 200
        assert f"info socket_passed listen={run.crier.url} kind=tcp name=crier.socket" in run.crier.log()
        run.crier.await_done(run.crier.send(small_article(1))["id"])
        assert run.stop() == 0
        between = ask_early(s)  # the socket is the manager's: it outlives the service
        run.start()
        assert status_of(between) == 200
        assert run.stop() == 0


def test_a_unix_socket_is_taken_and_left_where_it_is(manage, tmp_path):
    path = tmp_path / "passed.sock"
    with listening(socket.AF_UNIX, str(path)) as s:
        run = manage(sockets={"crier.socket": s})
        run.crier.settings["server"]["listen"] = f"unix:{path}"
        run.crier.write_settings()
        early = ask_early(s)
        run.start()
        assert status_of(early) == 200
        assert f"info socket_passed listen=unix:{path} kind=unix name=crier.socket" in run.crier.log()
        answer = run.crier.run("status", "--json")  # finds it by server.listen
        assert answer.returncode == 0, answer.stderr
        assert run.stop() == 0
        assert path.is_socket()


def test_a_socket_that_the_settings_do_not_name_is_warned_of(manage):
    with listening() as s:
        run = manage(sockets={"web": s}).start(until=None)
        run.manager.await_state("running")
        assert status_of(ask_early(s)) == 200
        assert "warn socket_passed " in run.crier.log() and run.crier.settings["server"]["listen"] in run.crier.log()
        assert run.stop() == 0


def test_sockets_it_cannot_use_are_refused_with_what_is_expected(manage):
    with listening() as one, listening() as two, listening(kind=socket.SOCK_DGRAM) as datagram:
        both = refused(manage(sockets={"web": one, "admin": two}))
        assert "passed 2 sockets (web:admin): expected one ListenStream= with Accept=no" in both
        assert "descriptor 3 (dns) from the service manager is no stream socket" in refused(
            manage(sockets={"dns": datagram}))


def open_to_others():
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    s.bind((NOWHERE, 0))
    s.listen(5)
    return s


def test_a_socket_open_to_other_machines_demands_a_token_and_signatures(manage):
    with open_to_others() as s:
        said = refused(manage(lambda settings: settings["server"].pop("token"), sockets={"web": s}))
        assert f"listens on http://{NOWHERE}:{s.getsockname()[1]}, open to other machines: expected server.token" in said
        said = refused(manage(lambda settings: settings["sources"]["cms"].update(signature="none"),
                              sockets={"web": s}))
        assert "sources.cms.signature is none: expected another, and a secret" in said


def test_a_reload_cannot_open_what_is_reached_by_other_machines(manage):
    with open_to_others() as s:
        run = manage(sockets={"web": s}).start()
        del run.crier.settings["server"]["token"]
        run.crier.write_settings()
        assert "refused: the service listens on http://" + NOWHERE in reload(run, "signal")
        assert run.stop() == 0


# ---- credentials ----

def test_credentials_are_found_where_the_manager_put_them(manage, platform):
    def change(settings):
        settings["server"]["token"] = "${credential:api}"
        settings["channels"]["telegram"]["token"] = "${credential:telegram}"
    token = "123456:token-of-the-credential"
    run = manage(change, credentials={"api": TOKEN + "\n", "telegram": token + "\n"}).start()
    run.crier.await_done(run.crier.send(small_article(1))["id"])
    assert platform.requests(f"/bot{token}/")
    assert token not in run.crier.log() and TOKEN not in run.crier.log()
    by_hand = run.crier.run("check")
    assert by_hand.returncode == 1 and "${credential:api}: CREDENTIALS_DIRECTORY is not set" in by_hand.stdout
    run.crier.environment["CREDENTIALS_DIRECTORY"] = run.manager.environment["CREDENTIALS_DIRECTORY"]
    assert run.crier.run("check").returncode == 0
    assert run.stop() == 0


def test_a_credential_that_is_not_there_is_named_with_its_line(manage):
    run = manage(lambda settings: settings["channels"]["telegram"].update(token="${credential:telegram}"),
                 credentials={"other": "x"})
    refused(run)
    assert f"{run.crier.path}:" in run.crier.log()
    assert "channels.telegram.token: ${credential:telegram} in " in run.crier.log()
