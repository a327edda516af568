"""`crier backup` and `crier check --ledger`, beside a service at work, and what becomes of a backup that is
put in place."""

import concurrent.futures
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from harness import CRIER, SLOW, TOP, chat_channels, small_article, wait_for
from marks import ONE_THREAD

QUIET = {"telegram", "mastodon", "bluesky", "partner"}


def ledger(crier):
    return str(crier.folder / "crier.db")


def checked(crier, *more):
    """The findings, as (table, what)."""
    answer = crier.run("check", "--ledger", "--json", *more)
    assert answer.stdout, answer.stderr
    said = json.loads(answer.stdout)
    assert answer.returncode == (0 if said["ok"] else 1)
    assert said["ok"] == (said["findings"] == [])
    return [(f["table"], f["what"]) for f in said["findings"]], said


def insist_on_clean(crier, *more):
    found, said = checked(crier, *more)
    assert found == [], said
    return said


@contextlib.contextmanager
def under_load(crier, senders=3):
    """Articles come, change and are retracted all the time; gives the list of ids that were taken."""
    over, taken = threading.Event(), []

    def sender(number):
        count = 0
        while not over.is_set():
            article = small_article(f"{number}-{count // 3}", title=f"Story {number}, version {count}")
            if count % 7 == 6:
                crier.call("DELETE", f"/v1/articles/{article['id']}")
            else:
                taken.append(crier.send(article)["id"])
            count += 1

    with concurrent.futures.ThreadPoolExecutor(senders) as pool:
        work = [pool.submit(sender, n) for n in range(senders)]
        try:
            wait_for(lambda: len(taken) > 30)
            yield taken
        finally:
            over.set()
            for one in work:
                one.result()


def count_of(path, table="article"):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


# ---- backup ----

def test_a_backup_under_load_is_whole_and_holds_what_was_taken_before(crier, tmp_path):
    target = tmp_path / "copy.db"
    with under_load(crier) as taken:
        before = set(taken)
        answer = crier.run("backup", str(target))
        assert answer.returncode == 0, answer.stderr
        still = len(taken)
        wait_for(lambda: len(taken) > still, what="articles to be taken after the backup")
    assert answer.stdout.startswith(f"{target}: ") and answer.stderr == ""
    assert f"{count_of(target)} articles, {count_of(target, 'delivery')} deliveries, " in answer.stdout
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.glob("copy.db*")) == ["copy.db"]
    said = insist_on_clean(crier, str(target))
    assert said["articles"] >= len(before) and said["file"] == str(target)
    with contextlib.closing(sqlite3.connect(target)) as db:
        known = {row[0] for row in db.execute("SELECT value FROM alias WHERE kind = 'id'")}
    assert {crier.article(i)["id"] for i in before} <= known


@pytest.mark.parametrize("killed", [False, True])
def test_a_backup_needs_no_service(crier, tmp_path, killed):
    crier.await_done(crier.send(small_article(1))["id"])
    if killed:
        crier.kill()
        assert (crier.folder / "crier.db-wal").stat().st_size > 0
    else:
        crier.stop()
    names = sorted(os.listdir(crier.folder))
    content = (crier.folder / "crier.db").read_bytes()
    answer = crier.run("backup", "--json", str(tmp_path / "copy.db"))
    assert answer.returncode == 0, answer.stderr
    said = json.loads(answer.stdout)
    assert (said["articles"], said["deliveries"]) == (1, 4)
    assert said["bytes"] == (tmp_path / "copy.db").stat().st_size and said["seconds"] >= 0
    insist_on_clean(crier)
    assert sorted(os.listdir(crier.folder)) == names, "looking leaves nothing behind"
    assert (crier.folder / "crier.db").read_bytes() == content, "looking changes nothing"


def test_a_backup_replaces_nothing(make_crier, tmp_path):
    crier = make_crier()
    crier.stop()
    target = tmp_path / "copy.db"
    target.write_text("mine")
    answer = crier.run("backup", str(target))
    assert answer.returncode == 1 and "is there already" in answer.stderr
    assert target.read_text() == "mine"
    dangling = tmp_path / "link.db"
    dangling.symlink_to(tmp_path / "elsewhere")
    assert crier.run("backup", str(dangling)).returncode == 1
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("target, words", [
    ("{folder}", "is a folder"),
    ("{folder}/nowhere/copy.db", "nowhere/copy.db.part: No such file"),
    ("{folder}/crier.db", "is there already"),
    ("{folder}/crier.db-wal", "the ledger's own"),
    ("{folder}/../crier0/crier.db-journal", "the ledger's own"),
    ("{folder}/crier.db.mark", "is there already"),
    ("{folder}/" + "n" * 300, "File name too long"),
    ("/proc/copy.db", "/proc/copy.db.part"),
])
def test_a_target_that_cannot_be_is_said(make_crier, target, words):
    crier = make_crier()
    crier.stop()
    before = sorted(os.listdir(crier.folder))
    answer = crier.run("backup", target.format(folder=crier.folder))
    assert answer.returncode == 1 and words in answer.stderr, answer.stderr
    assert sorted(os.listdir(crier.folder)) == before


@pytest.mark.parametrize("args, code, words", [
    (["backup"], 2, "usage: crier backup FILE"),
    (["backup", "-"], 2, "written to a file"),
    (["backup", ""], 2, "written to a file"),
    (["backup", "a", "b"], 2, "is too much"),
    (["backup", "--form", "x", "a"], 2, "did you mean --from?"),
    (["backup", "--from"], 2, "wants a value"),
    (["backup", "--from", "/nonexistent/crier.db", "copy.db"], 1, "there is no ledger /nonexistent/crier.db"),
    (["backup", "--from", "/tmp", "copy.db"], 1, "/tmp is no file"),
    (["backup", "--from", str(TOP / "README.md"), "copy.db"], 1, "not a database"),
    (["check", "copy.db"], 2, "--ledger"),
    (["check", "--ledgre"], 2, "did you mean --ledger?"),
    (["check", "--ledger", "a", "b"], 2, "is too much"),
    (["check", "--ledger=a"], 2, "takes no value"),
    (["check", "--ledger", "/nonexistent/crier.db"], 1, "there is no ledger /nonexistent/crier.db"),
    (["check", "--ledger", str(TOP / "README.md")], 1, "not a database"),
    (["check", "--ledger", "/dev/null"], 1, "is no file"),
])
def test_bad_input_is_said(args, code, words, tmp_path):
    answer = subprocess.run([str(CRIER), *args], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert answer.returncode == code and words in answer.stderr, answer
    assert answer.stdout == "" and os.listdir(tmp_path) == []


def test_a_database_of_somebody_else_is_no_ledger(tmp_path):
    for sql in ("SELECT 1", "CREATE TABLE article (id); PRAGMA user_version = 2"):
        path = tmp_path / f"{len(sql)}.db"
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript(sql)
        for verb in (["check", "--ledger", str(path)], ["backup", str(tmp_path / "copy.db"), "--from", str(path)]):
            answer = subprocess.run([str(CRIER), *verb], capture_output=True, text=True, timeout=60, check=False)
            assert answer.returncode == 1 and "not a ledger of crier" in answer.stderr, answer
    assert not list(tmp_path.glob("copy*"))


def test_before_the_first_start_there_is_nothing_to_copy(make_crier, tmp_path):
    crier = make_crier(start=False)
    for verb in (["backup", str(tmp_path / "copy.db")], ["check", "--ledger"]):
        answer = crier.run(*verb)
        assert answer.returncode == 1 and "the service makes it when it first starts" in answer.stderr
    assert not list(crier.folder.glob("crier.db*"))


def fill(path, megabytes):
    """A ledger that takes a while: one event of much text."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        for _ in range(megabytes):
            db.execute("INSERT INTO event (id, at, kind, data) SELECT max(id) + 1, 0, 'article.accepted',"
                       " json_array(hex(randomblob(500000))) FROM event")
        db.commit()


def test_a_full_disk_is_said_and_leaves_no_half_copy(crier, tmp_path):
    crier.send(small_article(1))
    crier.stop()
    fill(ledger(crier), 8)
    answer = subprocess.run(["prlimit", "--fsize=4000000", str(CRIER), "-c", str(crier.path), "backup",
                             str(tmp_path / "copy.db")], capture_output=True, text=True, timeout=60, check=False,
                            preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
    assert answer.returncode == 1 and ("full" in answer.stderr or "disk I/O error" in answer.stderr), answer
    assert not list(tmp_path.glob("copy*"))


def start_backup(crier, target, **environment):
    """One that is under way: its part is there."""
    process = subprocess.Popen([str(CRIER), "-c", str(crier.path), "backup", str(target)], env=os.environ | environment,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: process.poll() is not None or os.path.exists(f"{target}.part"), every=0.001)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_backup_that_is_interrupted_leaves_nothing(crier, tmp_path, number):
    crier.send(small_article(1))
    crier.stop()
    fill(ledger(crier), 50)
    target = tmp_path / "copy.db"
    process = start_backup(crier, target)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "stopped; nothing was written" in said, (process.returncode, said)
    assert not list(tmp_path.glob("copy*"))


def test_what_a_killed_backup_leaves_is_in_nobodys_way(crier, tmp_path):
    crier.send(small_article(1))
    crier.stop()
    fill(ledger(crier), 50)
    target = tmp_path / "copy.db"
    process = start_backup(crier, target, CRIER_FAULT="ledger.copied:1:hang")  # or it may have ended before that
    second = crier.run("backup", str(target))
    assert second.returncode == 1 and "another copy is being written" in second.stderr, second
    process.kill()
    process.communicate()
    assert not target.exists() and os.path.exists(f"{target}.part")
    assert crier.run("backup", str(target)).returncode == 0
    insist_on_clean(crier, str(target))
    assert sorted(p.name for p in tmp_path.glob("copy*")) == ["copy.db"]


# ---- check ----

def test_a_ledger_at_work_is_clean(crier):
    with under_load(crier) as taken:
        for _ in range(3 if SLOW else 8):
            still = len(taken)
            insist_on_clean(crier)
            wait_for(lambda: len(taken) > still, what="articles to be taken meanwhile")
    answer = crier.run("check", "--ledger")
    assert answer.returncode == 0 and answer.stdout.startswith(f"{ledger(crier)}: ok ("), answer


def test_a_ledger_whose_service_was_killed_is_clean_before_and_after_the_next_start(crier, platform):
    platform.fault("/", "delay", times=-1, seconds=0.02)  # so that something is on its way
    for _ in range(2):
        with contextlib.suppress(AssertionError, OSError):
            with under_load(crier):
                crier.kill()
                insist_on_clean(crier)
        insist_on_clean(crier)
        crier.start()
        insist_on_clean(crier)


@pytest.mark.parametrize("kind", ["cut_before", "cut_published", "error_published", "status"])
def test_a_ledger_of_much_trouble_is_clean(crier, platform, kind):
    """Platforms that fail, revisions that overtake, people who cancel, replay and retract."""
    platform.fault("/", kind, method="POST", times=8, **({"status": 500} if kind == "status" else {}))
    for number in range(3):
        article = small_article(number)
        public_id = crier.send(article)["id"]
        crier.send(dict(article, title="Changed while it was on its way"))
        time.sleep(0.1 * number)
        insist_on_clean(crier)
        for verb in ("cancel", "replay", "cancel"):
            for delivery in crier.deliveries(public_id):
                crier.call("POST", f"/v1/deliveries/{delivery['id']}/{verb}", check=False)
            insist_on_clean(crier)
        crier.retract(public_id)
        insist_on_clean(crier)


# ---- damage ----

DONE = "(SELECT min(id) FROM delivery WHERE state = 3)"
RETRACTED = "(SELECT id FROM article WHERE state = 1)"
LIVE = "(SELECT min(id) FROM article WHERE state = 0)"
WAITS = ("UPDATE delivery SET state = 1, exposed = 0 WHERE id = (SELECT max(id) FROM delivery WHERE NOT retracts);"
         "UPDATE standing SET front = last WHERE last = (SELECT max(id) FROM delivery WHERE NOT retracts);")
WAVE = "INSERT INTO wave (delivery, channel, started_at, total, last) SELECT {}, 1, 1, 1"
MEMBER = ("INSERT INTO member (channel, id, address, state, opted_in_at, opted_in_by)"
          " VALUES ({}, 1, '+49', {}, 1, 'form')")
BLOCK = "INSERT INTO prepared VALUES (1, {}, {}, 1, 0, 32, 1, {})"
DAMAGE = [ # what is done to a clean ledger, and in which table it must be found, as what
    ("DELETE FROM article WHERE id = " + LIVE, "alias", "a name of an article that is not there"),
    ("DELETE FROM article WHERE id = " + LIVE, "revision", "points at a row that is not there"),
    ("DELETE FROM delivery WHERE id = " + DONE, "standing", "a delivery that is not there"),
    ("DELETE FROM delivery WHERE id = " + DONE, "attempt", "a delivery that is not there"),
    ("DELETE FROM delivery WHERE id = " + DONE, "tally", "counts otherwise"),
    ("UPDATE delivery SET channel = 77 WHERE id = " + DONE, "delivery", "points at a row that is not there"),
    ("UPDATE delivery SET previous = 12345 WHERE previous IS NULL", "delivery", "points at a row that is not there"),
    ("UPDATE standing SET channel = 77 WHERE channel = 1", "standing", "a channel or a delivery that is not there"),
    ("INSERT INTO click VALUES (5, 'x', 1, 1)", "click", "an article that is not there"),
    ("INSERT INTO fallback VALUES (12345, 1, 1, 1, 'blocked')", "fallback", "of an article or a channel that is not there"),
    ("INSERT INTO quota_use VALUES (1, 77, 1)", "quota_use", "of a channel that is not there"),
    (MEMBER.format(77, 0), "member", "a channel that is not there"),
    (MEMBER.format(1, 9), "member", "there is no such state"),
    (MEMBER.format(1, 0), "member", "it is not found by its address"),
    ("INSERT INTO member_mark VALUES (1, 5, 1)", "member_mark", "of a member that is not there"),
    ("INSERT INTO member_mark_new VALUES (1, 5, 1)", "member_mark", "of a member that is not there"),
    ("INSERT INTO audience (channel, active) VALUES (1, 5)", "audience", "the counts are not those of the members"),
    ("INSERT INTO audience (channel, prepared) VALUES (1, 5)", "audience", "what is prepared is not that of its blocks"),
    ("INSERT INTO topic VALUES (77, 'sport', 1)", "topic", "a channel that is not there"),
    ("INSERT INTO topic VALUES (1, 'sport', 2), (1, 'politics', 2)", "topic", "its bit is no bit, or another topic's"),
    ("INSERT INTO topic VALUES (1, 'sport', 3)", "topic", "its bit is no bit, or another topic's"),
    (BLOCK.format(1, 1, "zeroblob(47)"), "prepared", "not of the size that it says"),
    (BLOCK.format(1, 1, "zeroblob(48)"), "prepared", "of an audience that is not there"),
    (BLOCK.format(1, 9, "zeroblob(48)") + ";" + BLOCK.format(5, 6, "zeroblob(48)"), "prepared", "it overlaps another block"),
    (WAVE.format("1, 1"), "wave", "a delivery that is not there, or of another channel"),
    (WAVE.format("id, channel") + " FROM delivery LIMIT 1; UPDATE wave SET again = 3", "wave",
     "the counts are not those of the exceptions"),
    (WAVE.format("id, channel") + " FROM delivery LIMIT 1; UPDATE wave SET cursor = 3", "wave",
     "its cursor is behind its end"),
    ("INSERT INTO wave_service VALUES (1, 'fcm', 1, 0, 0, 0, 0, zeroblob(256))", "wave_service", "a wave that is not there"),
    ("INSERT INTO wave_batch VALUES (1, 1, 0, 1, 1)", "wave_batch", "a wave that is not there"),
    ("INSERT INTO wave_exception (delivery, member, state, due_at) VALUES (1, 1, 0, 1)", "wave_exception",
     "a wave that is not there"),
    ("UPDATE article SET state = 4", "article", "in a state there is not"),
    ("UPDATE article SET newest = (SELECT id FROM revision WHERE article <> article.id LIMIT 1)", "article",
     "its newest revision is another article's"),
    ("UPDATE article SET revision = revision + 1", "article", "has another number"),
    ("UPDATE article SET content = newest WHERE state = 1", "article", "or a retraction"),
    ("UPDATE article SET state = 0", "article", "published, but its newest revision is a retraction"),
    ("UPDATE article SET names = '[' WHERE id = " + LIVE, "article", "its list of names cannot be read"),
    ("DELETE FROM alias WHERE kind = 'url'", "article", "a name of its list is not its own"),
    ("UPDATE article SET names = '[]'", "alias", "a name that its article's list does not have"),
    ("DELETE FROM alias WHERE kind = 'id'", "article", "its public id is none of its names"),
    ("UPDATE article SET quiet = 'feed', quiet_why = 'first sight' WHERE id = " + LIVE, "article",
     "recorded only, and still it was sent"),
    ("UPDATE article SET held = 1 WHERE id = " + LIVE, "article", "held for a person, and it is sent"),
    ("UPDATE article SET retract_at = 1 WHERE id = " + LIVE, "article", "withdrawn, and not told since when"),
    ("UPDATE article SET retract_why = 'x' WHERE id = " + LIVE, "article", "withdrawn, and not told since when"),
    ("UPDATE article SET retract_at = 1, retract_since = 1, retract_by = 'cms' WHERE state = 1", "article",
     "or retracted already"),
    (WAITS + "UPDATE article SET retract_at = 1, retract_since = 1, retract_by = 'cms' WHERE state = 0", "article",
     "something of it that cannot be public waits"),
    ("UPDATE article SET merged_into = id", "article", "or into itself"),
    ("UPDATE article SET merged_into = 12345 WHERE id = " + LIVE, "article", "points at a row that is not there"),
    ("UPDATE article SET merged_into = (SELECT id FROM article WHERE state = 1) WHERE id = " + LIVE, "article",
     "merged away, and it has names of its own"),
    ("UPDATE article SET page = '{' WHERE id = " + LIVE, "article", "what its page said cannot be read"),
    ("INSERT INTO source (name, saved_at, state) VALUES ('feed', 1, '{')", "source", "its state cannot be read"),
    ("INSERT INTO inbox (id, source, at, due_at, body) VALUES (1, 'cms', 1, 1, '{')", "inbox",
     "what came cannot be read"),
    ("UPDATE revision SET kind = 7", "revision", "of a kind there is not"),
    ("UPDATE revision SET kind = 0", "revision", "or not the first of its article"),
    ("UPDATE revision SET previous = NULL", "revision", "the one before it is not the one before it"),
    ("UPDATE revision SET id = -id WHERE kind = 2", "revision", "no article leads to it"),
    ("UPDATE revision SET content = id", "revision", "what holds for it is not of its article"),
    ("UPDATE revision SET face = NULL", "revision", "without a document or its mark"),
    ("UPDATE revision SET document = '{}' WHERE kind = 2", "revision", "a retraction with one"),
    ("DELETE FROM tally WHERE channel = 1", "channel", "without counts"),
    ("UPDATE channel SET account = 'x'", "channel", "cannot be read"),
    ("INSERT INTO credential VALUES ('telegram', 5, '', '')", "credential", "empty, or of no time"),
    ("UPDATE tally SET done = done + 1 WHERE channel = 2", "tally", "counts otherwise"),
    ("UPDATE delivery SET state = 12 WHERE id = " + DONE, "delivery", "in a state there is not"),
    ("UPDATE delivery SET revision = revision + 1 WHERE id = " + DONE, "delivery", "its revision is another"),
    ("UPDATE delivery SET retracts = 1 - retracts", "delivery", "its revision is another"),
    ("UPDATE delivery SET previous = (SELECT max(id) FROM delivery)", "delivery", "no earlier one of the article"),
    ("UPDATE standing SET last = (SELECT min(id) FROM delivery)", "delivery", "the article does not lead to it"),
    ("UPDATE delivery SET state = 1 WHERE id = " + DONE, "delivery", "open, but not the one in front"),
    ("UPDATE delivery SET state = 0 WHERE id = " + DONE, "delivery", "open, but not the one in front"),
    ("UPDATE delivery SET state = 4 WHERE id = " + DONE, "delivery", "never due"),
    ("UPDATE delivery SET due_at = 5 WHERE id = " + DONE, "delivery", "in a state that waits for none"),
    ("UPDATE delivery SET state = 5 WHERE id = " + DONE, "delivery", "unknown and not in doubt"),
    ("UPDATE delivery SET in_doubt = 1", "delivery", "in doubt and settled"),
    ("UPDATE delivery SET state = 2, course = NULL WHERE id = " + DONE, "delivery", "in flight without a course"),
    ("UPDATE delivery SET course = 'swim'", "delivery", "on a course there is not"),
    ("UPDATE delivery SET attempt_at = 5", "delivery", "a request is under way"),
    ("DELETE FROM attempt", "delivery", "tried, but no attempt is there"),
    ("UPDATE delivery SET record = '{'", "delivery", "its record cannot be read"),
    ("UPDATE standing SET last = (SELECT d.id FROM delivery d WHERE d.channel <> standing.channel LIMIT 1)",
     "standing", "its newest delivery is another"),
    ("UPDATE standing SET front = last", "standing", "its open delivery has ended"),
    ("UPDATE standing SET behind = last", "standing", "the delivery held behind is not held"),
    ("UPDATE standing SET behind = last", "standing", "a delivery is held behind none"),
    ("UPDATE standing SET post = (SELECT d.id FROM delivery d WHERE d.article <> standing.article LIMIT 1)"
     " WHERE post IS NOT NULL", "standing", "the post that stands is of a delivery"),
    ("UPDATE standing SET post_at = 0", "standing", "it is not told how or since when"),
    ("UPDATE standing SET face = zeroblob(32)", "standing", "none stands and it is"),
    ("UPDATE event SET data = 'x' WHERE id = 1", "event", "cannot be read"),
    ("UPDATE revision SET document = replace(document, 'Small', 'Great')", "revision", "its mark was made of (face)"),
    ("UPDATE revision SET document = '{\"title\":' WHERE document IS NOT NULL", "revision",
     "the stored article cannot be read"),
    ("UPDATE article SET hash = zeroblob(32)", "revision", "its mark was made of (hash)"),
    ("UPDATE article SET title = 'Another'", "revision", "another title or URL"),
    ("PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'seen_at'", "", "never used"),
]


@pytest.fixture(scope="module")
def clean_ledger(all_platforms, tmp_path_factory):
    """The file of a ledger with a published, a changed and a retracted article."""
    import harness
    all_platforms.control("reset")
    all_platforms.control("secret", hook="partner", secret=harness.PARTNER_SECRET)
    crier = harness.Crier(tmp_path_factory.mktemp("clean"), harness.default_settings(all_platforms)).start()
    ids = [crier.send(small_article(n))["id"] for n in range(3)]
    for public_id in ids:
        crier.await_done(public_id)
    crier.send(small_article(1, title="Small story, changed"))
    crier.retract(ids[2])
    for public_id in ids:
        crier.await_done(public_id)
    crier.stop()
    insist_on_clean(crier)
    return ledger(crier)


def check_file(path):
    answer = subprocess.run([str(CRIER), "check", "--ledger", "--json", str(path)], capture_output=True, text=True,
                            timeout=60, check=False)
    said = json.loads(answer.stdout)
    assert answer.returncode == (0 if said["ok"] else 1), answer
    return said["findings"]


def copy_of(path, folder):
    copy = folder / "damaged.db"
    copy.write_bytes(open(path, "rb").read())
    return copy


@ONE_THREAD
@pytest.mark.parametrize("sql, table, what", DAMAGE)
def test_damage_is_found(clean_ledger, tmp_path, sql, table, what):
    copy = copy_of(clean_ledger, tmp_path)
    with contextlib.closing(sqlite3.connect(copy)) as db:
        db.executescript(sql)
        db.commit()
    found = check_file(copy)
    assert any(f["table"] == table and what in f["what"] and f["todo"] for f in found), found


def test_every_check_has_a_damage_that_it_finds():
    texts = (TOP / "queue/sqlite_check.def").read_text()
    for line in texts.splitlines():
        if line.startswith("CHECK("):
            table, what = line.split('"')[1], line.split('"')[3]
            assert any(t == table and w in what for _, t, w in DAMAGE), what


def test_torn_pages_and_indexes_are_found_and_said_in_lines(clean_ledger, tmp_path):
    copy = copy_of(clean_ledger, tmp_path)
    with contextlib.closing(sqlite3.connect(copy)) as db: # a row that its index does not know
        db.executescript("PRAGMA writable_schema = ON;"
                         "UPDATE sqlite_master SET sql = replace(sql, 'state <> 3', 'state <> 4')"
                         " WHERE name = 'delivery_state'")
    found = check_file(copy)
    assert found and all(f["table"] == "" and "backup" in f["todo"] for f in found), found
    copy = copy_of(clean_ledger, tmp_path)
    raw = bytearray(copy.read_bytes())
    for at in range(8192 * 12, len(raw), 8192 * 2):
        raw[at:at + 64] = os.urandom(64)
    copy.write_bytes(raw)
    answer = subprocess.run([str(CRIER), "check", "--ledger", str(copy)], capture_output=True, text=True, timeout=60,
                            check=False)
    assert answer.returncode == 1 and "restore a backup" in answer.stdout and "finding" in answer.stderr, answer
    answer = subprocess.run([str(CRIER), "backup", "--from", str(copy), str(tmp_path / "copy.db")],
                            capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1 and "malformed" in answer.stderr, "damage is not copied"
    assert not list(tmp_path.glob("copy*"))


def test_much_of_one_kind_is_told_in_short(clean_ledger, tmp_path):
    copy = copy_of(clean_ledger, tmp_path)
    with contextlib.closing(sqlite3.connect(copy)) as db:
        db.executescript("INSERT INTO event SELECT value + 1000000, 0, 'x', '' FROM"
                         " (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 500)"
                         " SELECT value FROM n)")
    found = check_file(copy)
    assert len(found) == 21 and found[-1]["row"] == "480 more", found


# ---- a backup put in place ----

def put_in_place(crier, backup):
    """As the README says it."""
    if crier.process is not None:
        crier.stop()
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(ledger(crier) + end)
    os.rename(backup, ledger(crier))


def posts(platform, article):
    return sorted(p["platform"] for p in platform.posts() if article["url"] in json.dumps(p))


@pytest.mark.parametrize("faulty", [False, True])
def test_what_waited_in_a_backup_and_was_sent_since_is_not_sent_twice(make_crier, platform, tmp_path, faulty):
    """The backup is made while all that is known of the posts is that they wait."""
    crier = make_crier()
    backup, article, second = tmp_path / "copy.db", small_article(1), small_article(2)
    for name in QUIET:
        crier.call("POST", f"/v1/channels/{name}/pause")
    if faulty:  # they have begun, and failed
        platform.fault("/", "status", status=503, times=-1)
        for name in QUIET:
            crier.call("POST", f"/v1/channels/{name}/resume")
    ids = [crier.send(article)["id"], crier.send(second)["id"]]
    if faulty:
        wait_for(lambda: all(d["attempts"] for d in crier.deliveries(ids[0])))
    assert crier.run("backup", str(backup)).returncode == 0
    insist_on_clean(crier, str(backup))
    platform.no_faults()
    for name in QUIET:
        crier.call("POST", f"/v1/channels/{name}/resume")
    for public_id in ids:
        crier.await_state(public_id, ("done", "unknown"))
    before = posts(platform, article)
    assert set(before) >= {"mastodon", "bluesky", "hook"} and len(before) == len(set(before))
    put_in_place(crier, backup)
    crier.start()
    assert "ledger_restored" in crier.log()
    for name in QUIET:
        crier.call("POST", f"/v1/channels/{name}/resume")
    crier.call("POST", "/test/clock", {"advance": "12s"}, check=False)  # what was in flight is waited for
    states = {}
    for public_id in ids:
        crier.await_state(public_id, ("done", "unknown"))
        wait_for(lambda: not [d for d in crier.deliveries(public_id) if d["state"] == "unknown" and d.get("due_at")])
        states = crier.states(public_id)
        assert {states[c] for c in QUIET - {"telegram"}} == {"done"}, crier.deliveries(public_id)
    # Telegram can neither be asked nor told a key: a person must say.
    telegram = crier.deliveries(ids[0], "telegram")[0]
    assert telegram["state"] == "unknown" and "see for yourself" in telegram["detail"], telegram
    assert posts(platform, article) == before
    insist_on_clean(crier)
    crier.stop()
    crier.start()
    assert crier.log().count("ledger_restored") == 1, "only its first start is special"


def test_chats_are_asked_after_a_backup_came_back_or_a_person_is(make_crier, platform, tmp_path):
    def chats(settings):
        settings["channels"] = chat_channels(platform)
    crier = make_crier(chats)
    names, article = set(crier.settings["channels"]), small_article(1)
    for name in names:
        crier.call("POST", f"/v1/channels/{name}/pause")
    public_id = crier.send(article)["id"]
    assert crier.run("backup", str(tmp_path / "copy.db")).returncode == 0
    for name in names:
        crier.call("POST", f"/v1/channels/{name}/resume")
    crier.await_done(public_id)
    assert len(platform.posts()) == 4
    put_in_place(crier, tmp_path / "copy.db")
    crier.start()
    for name in names:
        crier.call("POST", f"/v1/channels/{name}/resume")
    for name, state in {"discord-bot": "done", "slack": "done", "discord": "unknown", "slack-hook": "unknown"}.items():
        crier.await_state(public_id, state, channel=name)
    assert len(platform.posts()) == 4
    assert all(d["remote_id"] for d in crier.deliveries(public_id) if d["state"] == "done")


def test_what_waited_behind_in_a_backup_is_not_sent_twice_either(make_crier, platform, tmp_path):
    """A first revision in flight for long, a second one held behind it: both arrived after the backup."""
    crier = make_crier()
    platform.fault("/", "delay", method="POST", times=-1, seconds=2)
    article = small_article(1)
    public_id = crier.send(article)["id"]
    wait_for(lambda: "in_flight" in crier.states(public_id).values())
    crier.send(dict(article, title="Small story, changed"))
    assert "held" in crier.states(public_id, revision=2).values()
    assert crier.run("backup", str(tmp_path / "copy.db")).returncode == 0
    platform.no_faults()
    crier.await_state(public_id, ("done", "unknown"))
    before = [(p["platform"], p["text"]) for p in platform.posts() if p["platform"] != "hook"]
    put_in_place(crier, tmp_path / "copy.db")
    crier.start()
    for name in ("mastodon", "bluesky", "partner"):
        crier.await_done(public_id, channel=name)
    assert [(p["platform"], p["text"]) for p in platform.posts() if p["platform"] != "hook"] == before
    insist_on_clean(crier)


def test_what_waited_in_a_backup_and_was_not_sent_since_goes_out(make_crier, platform, tmp_path):
    crier = make_crier()
    for name in QUIET:
        crier.call("POST", f"/v1/channels/{name}/pause")
    article = small_article(1)
    public_id = crier.send(article)["id"]
    assert crier.run("backup", str(tmp_path / "copy.db")).returncode == 0
    put_in_place(crier, tmp_path / "copy.db")
    crier.start()
    for name in QUIET:
        crier.call("POST", f"/v1/channels/{name}/resume")
    for name in QUIET - {"telegram"}:
        crier.await_done(public_id, channel=name)
    crier.await_state(public_id, "unknown", channel="telegram")
    assert posts(platform, article) == ["bluesky", "hook", "mastodon"]
    delivery = crier.deliveries(public_id, "telegram")[0]["id"]
    status, _, _ = crier.call("POST", f"/v1/deliveries/{delivery}/resolve", {"outcome": "absent"})
    assert status == 200
    crier.await_done(public_id)
    assert posts(platform, article) == ["bluesky", "hook", "mastodon", "telegram"]


def test_what_was_done_in_a_backup_stays_done_and_can_be_changed(crier, platform, tmp_path):
    article = small_article(1)
    public_id = crier.send(article)["id"]
    crier.await_done(public_id)
    assert crier.run("backup", str(tmp_path / "copy.db")).returncode == 0
    put_in_place(crier, tmp_path / "copy.db")
    crier.start()
    assert crier.send(article)["outcome"] == "unchanged"
    crier.send(dict(article, title="Small story, changed"))
    crier.await_done(public_id)
    assert len([p for p in platform.posts("mastodon") if "Small story, changed" in p["text"]]) == 1
    assert len(platform.posts("mastodon")) == 1 and len(platform.posts("telegram")) == 1


def test_a_backup_beside_the_log_of_another_ledger_is_refused(crier, tmp_path):
    """What a killed service leaves: SQLite would write its pages into the backup."""
    crier.await_done(crier.send(small_article(1))["id"])
    assert crier.run("backup", str(tmp_path / "copy.db")).returncode == 0
    crier.await_done(crier.send(small_article(2))["id"])
    crier.kill()
    os.replace(tmp_path / "copy.db", ledger(crier))
    before = open(ledger(crier), "rb").read()
    assert crier.start_or_end() == 1
    for said in (crier.log(), crier.run("check", "--ledger").stderr,
                 crier.run("backup", str(tmp_path / "next.db")).stderr):
        assert "crier.db-wal) is of the ledger before: move that away" in said, said
    assert open(ledger(crier), "rb").read() == before
    for end in ("-wal", "-shm"):
        os.unlink(ledger(crier) + end)
    crier.start()
    insist_on_clean(crier)


# ---- versions ----

def test_a_newer_ledger_is_refused_with_what_to_do(make_crier, clean_ledger, tmp_path):
    crier = make_crier(start=False)
    copy_of(clean_ledger, crier.folder).rename(ledger(crier))
    with contextlib.closing(sqlite3.connect(ledger(crier))) as db:
        db.execute("PRAGMA user_version = 9")
    before = open(ledger(crier), "rb").read()
    assert crier.start_or_end() == 1
    for said in (crier.log(), crier.run("check", "--ledger").stderr,
                 crier.run("backup", str(tmp_path / "copy.db")).stderr):
        assert "newer crier (schema 9, this one knows up to 4)" in said and "start that one" in said, said
    assert open(ledger(crier), "rb").read() == before
