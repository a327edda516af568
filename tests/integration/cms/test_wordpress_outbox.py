"""The outbox of the plugin in a real WordPress: what crier did not get is kept, tried again, in order,
and seen."""

import time

from listener import Listener


def wait(wordpress):
    """Seconds until the next attempt."""
    ((seconds,),) = wordpress.database.query("SELECT CAST(due_at AS SIGNED) - UNIX_TIMESTAMP() FROM wp_crier_outbox WHERE state = 'waiting'")
    return int(seconds)


def test_crier_was_down_and_gets_it_later_under_the_same_id(wordpress, listen):
    there = listen()
    there.answers = [(500, {}), (500, {})]
    post = wordpress.save(title="Not lost", status="publish")
    shown = wordpress.panel(post["id"])
    assert shown["tone"] == "error" and "does NOT have this yet" in shown["summary"] and shown["moving"]
    status, page = wordpress.page("/wp-admin/edit.php", wordpress.sign_in())
    assert status == 200 and "crier did not get this yet" in page and "Not lost" in page
    assert 0 < wait(wordpress) <= 5
    wordpress.let_pass(-100)
    wordpress.cron()
    assert len(there.calls) == 1  # it is not due yet
    wordpress.let_pass(105)
    wordpress.cron()
    assert len(there.calls) == 2 and 5 < wait(wordpress) <= 10
    wordpress.let_pass(10)
    wordpress.cron()
    assert len(there.calls) == 3 and len({headers["webhook-id"] for headers, _ in there.calls}) == 1
    assert all(headers["signed"] for headers, _ in there.calls)
    assert wordpress.outbox(post["id"]) == [("article.published", "sent", 3)]
    assert "crier-outbox" not in wordpress.page("/wp-admin/edit.php", wordpress.sign_in())[1]


def test_nobody_listens_and_the_editor_is_not_held_up(wordpress):
    wordpress.configure()
    begun = time.monotonic()
    post = wordpress.save(title="Alone", status="publish")
    assert time.monotonic() - begun < 3
    assert "does not answer at http://127.0.0.1:1" in wordpress.panel(post["id"])["summary"]


def test_looking_at_the_panel_is_reason_enough_to_try_again(wordpress, listen):
    there = listen()
    there.answers = [(500, {})]
    post = wordpress.save(title="Looked at", status="publish")
    wordpress.panel(post["id"])
    assert len(there.calls) == 1
    wordpress.let_pass(5)
    wordpress.panel(post["id"])
    assert wordpress.outbox(post["id"]) == [("article.published", "sent", 2)]


def test_retry_after_is_obeyed_for_everything(wordpress, listen):
    there = listen()
    there.answers = [(503, {"Retry-After": "120"})]
    first = wordpress.save(title="First", status="publish")
    second = wordpress.save(title="Second", status="publish")
    wordpress.let_pass(100)
    wordpress.cron()
    assert len(there.calls) == 1
    wordpress.let_pass(20)
    wordpress.cron()
    assert [said["data"]["id"] for said in there.events()] == [first["id"], first["id"], second["id"]]


def test_the_newest_state_goes_in_place_of_what_waits(wordpress, listen):
    there = listen()
    there.answers = [(500, {})]
    post = wordpress.save(title="Old title", status="publish")
    wordpress.save(post["id"], title="New title")
    assert there.types() == ["article.published", "article.published"]
    assert there.events()[1]["data"]["title"] == "New title" and there.events()[1]["data"]["first_publish"]
    assert [state for _, state, _ in wordpress.outbox(post["id"])] == ["superseded", "sent"]


def test_what_may_have_arrived_is_taken_back_and_what_has_never_left_is_not(wordpress, listen):
    there = listen()
    there.answers = [(503, {"Retry-After": "60"})]
    left = wordpress.save(title="May be there", status="publish")
    stayed = wordpress.save(title="Never left", status="publish")
    wordpress.save(stayed["id"], status="draft")
    wordpress.save(left["id"], status="draft")
    wordpress.let_pass(60)
    wordpress.cron()
    assert there.types(left["id"]) == ["article.published", "article.unpublished"]
    assert there.types(stayed["id"]) == []
    wordpress.save(stayed["id"], status="publish")
    assert there.events(stayed["id"])[0]["data"]["first_publish"] is True


def test_trouble_with_one_article_does_not_hold_the_others(wordpress, listen):
    there = listen()
    there.answers = [(422, {})]
    wordpress.save(title="Refused", status="publish")
    wordpress.let_pass(5)
    there.answers = [(422, {})]
    other = wordpress.save(title="Fine", status="publish")
    assert len(there.calls) == 3 and wordpress.outbox(other["id"]) == [("article.published", "sent", 1)]


def test_after_a_day_it_is_given_up_and_said_until_a_person_acts(wordpress, listen):
    there = listen()
    there.answers = [(500, {}), (500, {}), (500, {})]
    post = wordpress.save(title="Lost for now", status="publish")
    wordpress.let_pass(24 * 3600)
    wordpress.cron()
    assert wordpress.outbox(post["id"])[-1][1] == "given_up" and len(there.calls) == 1
    shown = wordpress.panel(post["id"])
    assert shown["tone"] == "error" and not shown["moving"]
    cookies = wordpress.sign_in()
    page = wordpress.page("/wp-admin/index.php", cookies)[1]
    assert "given up after 1 attempts" in page
    retry = page.split('class="button" href="')[1].split('"')[0].replace("&#038;", "&").replace("&amp;", "&")
    assert wordpress.page(retry.removeprefix(wordpress.url))[0] in (302, 400)  # not signed in
    assert len(there.calls) == 1
    there.answers = []
    assert wordpress.page(retry.removeprefix(wordpress.url), cookies)[0] == 302
    assert wordpress.outbox(post["id"])[-1][1] == "sent"


def test_what_was_given_up_is_told_by_the_next_save(wordpress, listen):
    there = listen()
    there.answers = [(500, {})]
    post = wordpress.save(title="Again", status="publish")
    wordpress.let_pass(24 * 3600)
    wordpress.cron()
    wordpress.save(post["id"], title="Again")
    assert there.types() == ["article.published", "article.published"]
    assert wordpress.outbox(post["id"])[-1][1] == "sent"


def test_crier_moves_while_something_waits(wordpress, listen):
    first = listen()
    first.answers = [(500, {})]
    post = wordpress.save(title="Moved", status="publish")
    second = Listener()
    try:
        wordpress.configure(url=second.url)
        wordpress.let_pass(5)
        wordpress.cron()
        assert second.types(post["id"]) == ["article.published"] and len(first.calls) == 1
    finally:
        second.close()
