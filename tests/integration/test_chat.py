"""Discord and Slack, each by both ways in: a webhook, which knows nothing of what it posted, and a bot,
which can look. What may have been posted is found by the bots and waits for a person at the webhooks."""

import json
import time

import pytest
from harness import chat_channels, exchange, wait_for

CHANNELS = ("discord", "discord-bot", "slack", "slack-hook")
# What publishes, and where it stands.
PUBLISHES = {
    "discord": "/api/v10/webhooks/",
    "discord-bot": "/api/v10/channels/323456789012345678/messages",
    "slack": "/api/chat.postMessage",
    "slack-hook": "/services/",
}
PLACES = {
    "discord": ("discord", "223456789012345679"),
    "discord-bot": ("discord", "323456789012345678"),
    "slack": ("slack", "C0123456789"),
    "slack-hook": ("slack", "B0123456789"),
}
CHANGES = ("discord", "discord-bot", "slack")  # what they posted
LOOKS = ("discord-bot", "slack")
BLIND = ("discord", "slack-hook")
LOST = ("cut_after", "cut_published", "error_published", "garbage", "garbage_published")
WERE_POSTED = ("cut_published", "error_published", "garbage_published")


@pytest.fixture
def make_crier(make_crier, platform):
    def make(change=None, **more):
        def chat_only(settings):
            settings["channels"] = chat_channels(platform)
            if change:
                change(settings)
        return make_crier(chat_only, **more)
    return make


def posts_of(platform, channel, standing=True):
    name, place = PLACES[channel]
    return [p for p in platform.posts(name, standing) if p["place"] == place]


def attempts_of(platform, channel):
    return [r for r in platform.requests(PUBLISHES[channel]) if r["method"] == "POST"]


def fault(platform, channel, kind, **more):
    return platform.fault(PUBLISHES[channel], kind, method="POST", **more)


def test_an_article_reaches_both_by_both_ways(crier, platform, article):
    accepted = crier.send(article())
    done = {d["channel"]: d for d in crier.await_done(accepted["id"])}
    for channel in CHANNELS:
        post, = posts_of(platform, channel)
        assert article()["title"] in post["text"] and article()["summary"] in post["text"], channel
        assert post["image"] and post["alt"], channel
        assert article()["title"] in done[channel]["text"], channel
    for channel, link in (("discord", "https://discord.com/channels/223456789012345600/223456789012345679/"),
                          ("discord-bot", "https://discord.com/channels/223456789012345600/323456789012345678/"),
                          ("slack", "https://example.slack.com/archives/C0123456789/p")):
        assert done[channel]["link"].startswith(link)
        assert done[channel]["remote_id"]
    assert not done["slack-hook"].get("link")


def test_nobody_is_mentioned_by_what_an_article_says(crier, platform, article):
    title = "@everyone <!channel> read: a *bold* claim & <@U0123456789>"
    accepted = crier.send(article(title=title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")))
    crier.await_done(accepted["id"])
    for channel in ("discord", "discord-bot"):
        post, = posts_of(platform, channel)
        assert post["extra"]["allowed_mentions"] == {"parse": []}
        assert title in post["text"]
    for channel in ("slack", "slack-hook"):
        post, = posts_of(platform, channel)
        sent = json.dumps(post["extra"]["source"])
        assert "<!channel>" not in sent and "<@U" not in sent
        assert title in post["text"]


def test_mentions_are_the_settings_matter(make_crier, platform, article):
    def change(settings):
        settings["channels"] = {"discord": dict(settings["channels"]["discord"], mention=["everyone", "423456789012345678"],
                                                mention_when="breaking", silent_unless_breaking=True)}
    crier = make_crier(change)
    crier.await_done(crier.send(article())["id"])
    crier.await_done(crier.send(article(id="quiet", url="https://news.example/quiet", title="Quiet", breaking=False))["id"])
    loud, quiet = posts_of(platform, "discord")
    assert loud["extra"]["content"] == "@everyone <@&423456789012345678>" and not loud["extra"]["flags"]
    assert loud["extra"]["allowed_mentions"] == {"parse": ["everyone"], "roles": ["423456789012345678"]}
    assert not quiet["extra"]["content"] and quiet["extra"]["flags"] == 4096
    assert quiet["extra"]["allowed_mentions"] == {"parse": []}


def test_a_correction_changes_what_stands_and_says_where_it_cannot(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    crier.send(article(title="Corrected: three allies criticise growing ties", summary="A new lead."))
    for channel in CHANGES:
        crier.await_done(accepted["id"], channel=channel, revision=2)
        post, = posts_of(platform, channel)
        assert "Corrected: three allies" in post["text"] and "A new lead." in post["text"] and post["edits"]
    refused, = crier.await_state(accepted["id"], "rejected", channel="slack-hook", revision=2)
    assert "cannot be changed" in refused["detail"]
    assert crier.channel("slack-hook")["health"] == "ok"
    post, = posts_of(platform, "slack-hook")
    assert not post["edits"]


def test_a_retraction_takes_down_what_it_can_and_says_what_not(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    answer = crier.retract(accepted["id"], "not true")
    assert [c["channel"] for c in answer["cannot"]] == ["slack-hook"]
    assert "cannot be deleted" in answer["cannot"][0]["why"]
    for channel in CHANGES:
        crier.await_done(accepted["id"], channel=channel, revision=2)
        assert posts_of(platform, channel) == []
    crier.await_state(accepted["id"], "rejected", channel="slack-hook", revision=2)
    assert len(posts_of(platform, "slack-hook")) == 1


def test_what_a_workspace_does_not_let_us_delete_is_changed(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    platform.control("keep", keep=True)
    crier.retract(accepted["id"])
    crier.await_done(accepted["id"], channel="slack", revision=2)
    post, = posts_of(platform, "slack")
    assert post["text"] == f"_Withdrawn:_ ~{article()['title']}~"


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("channel", LOOKS)
def test_a_bot_makes_one_post_of_a_lost_answer(crier, platform, article, clock, channel, kind):
    fault(platform, channel, kind)
    accepted = crier.send(article())
    if channel == "slack" and kind not in WERE_POSTED:  # it may still be worked on
        wait_for(lambda: "worked on" in (crier.deliveries(accepted["id"], channel)[0]["detail"] or ""))
        assert crier.states(accepted["id"])[channel] == "unknown" and len(attempts_of(platform, channel)) == 1
        clock.advance(crier, "15s")
    done, = crier.await_done(accepted["id"], channel=channel, seconds=30)
    post, = posts_of(platform, channel)
    assert done["remote_id"].endswith(post["id"]) and done["link"]
    if channel == "slack" and kind in WERE_POSTED:  # found, not sent again
        assert len(attempts_of(platform, channel)) == 1
        assert platform.requests("/api/conversations.history")
    crier.retract(accepted["id"])
    wait_for(lambda: posts_of(platform, channel) == [])


def test_a_bot_looks_through_pages_of_a_busy_channel(make_crier, platform, article):
    def change(settings):
        settings["queue"]["verify_after"] = "3s"  # others post meanwhile
    crier = make_crier(change)
    fault(platform, "slack", "cut_published")
    accepted = crier.send(article())
    wait_for(lambda: posts_of(platform, "slack"))
    for n in range(40):  # a page of this stand-in has 15
        exchange(platform.faces["slack"], "POST", "/api/chat.postMessage",
                 json.dumps({"channel": "C0123456789", "text": f"chatter {n}", "metadata": {}}).encode(),
                 {"Authorization": "Bearer xoxb-another", "Content-Type": "application/json"})
    crier.await_done(accepted["id"], channel="slack", seconds=30)
    assert len([p for p in posts_of(platform, "slack") if article()["title"] in p["text"]]) == 1
    cursors = [r["query"] for r in platform.requests("/api/conversations.history") if "cursor=" in r["query"]]
    assert cursors


def test_a_discord_bot_whose_nonce_is_forgotten_looks_first(crier, platform, article, clock):
    fault(platform, "discord-bot", "cut_published")
    platform.fault(PUBLISHES["discord-bot"], "status", method="POST", status=429, retry_after=120)
    accepted = crier.send(article())
    wait_for(lambda: len(attempts_of(platform, "discord-bot")) == 2, 30)
    crier.await_state(accepted["id"], "again", channel="discord-bot")
    clock.advance(crier, "10m")
    done, = crier.await_done(accepted["id"], channel="discord-bot", seconds=30)
    post, = posts_of(platform, "discord-bot")
    assert done["remote_id"] == post["id"]
    assert len(attempts_of(platform, "discord-bot")) == 2  # the third request was a look


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("channel", BLIND)
def test_a_webhooks_lost_answer_waits_for_a_person(crier, platform, article, channel, kind):
    fault(platform, channel, kind)
    accepted = crier.send(article())
    held, = crier.await_state(accepted["id"], "unknown", channel=channel)
    crier.await_done(accepted["id"], channel="discord-bot")
    time.sleep(0.7)
    assert len(attempts_of(platform, channel)) == 1
    assert crier.states(accepted["id"])[channel] == "unknown" and held["detail"]
    assert crier.channel(channel)["backlog"]["unknown"] == 1
    assert len(posts_of(platform, channel)) == (1 if kind in WERE_POSTED else 0)


@pytest.mark.parametrize("channel", BLIND)
def test_on_unknown_retry_sends_again_by_itself(make_crier, platform, article, channel):
    def change(settings):
        settings["channels"][channel]["on_unknown"] = "retry"
    crier = make_crier(change)
    fault(platform, channel, "cut_after")
    accepted = crier.send(article())
    crier.await_done(accepted["id"], channel=channel)
    assert len(posts_of(platform, channel)) == 1


def test_an_unknown_outcome_is_settled_by_hand(crier, platform, article):
    for channel in BLIND:
        fault(platform, channel, "cut_published")
    accepted = crier.send(article())
    held = {c: crier.await_state(accepted["id"], "unknown", channel=c)[0]["id"] for c in BLIND}
    post, = posts_of(platform, "discord")
    status, body, _ = crier.call("POST", f"/v1/deliveries/{held['discord']}/resolve", {"outcome": "posted"})
    assert status == 422 and "CHANNEL/ID" in body["detail"]
    link = f"https://discord.com/channels/223456789012345600/{post['place']}/{post['id']}"
    status, body, _ = crier.call("POST", f"/v1/deliveries/{held['discord']}/resolve", {"outcome": "posted", "link": link})
    assert (status, body["state"]) == (200, "done")
    # Of what an incoming webhook posted there is nothing to name.
    status, body, _ = crier.call("POST", f"/v1/deliveries/{held['slack-hook']}/resolve", {"outcome": "posted"})
    assert (status, body["state"]) == (200, "done")
    crier.retract(accepted["id"])
    wait_for(lambda: posts_of(platform, "discord") == [])
    crier.await_state(accepted["id"], "rejected", channel="slack-hook", revision=2)


@pytest.mark.parametrize("channel", CHANNELS)
def test_429_is_obeyed_in_full(crier, platform, article, channel):
    fault(platform, channel, "status", status=429, retry_after=2)
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    first, second = attempts_of(platform, channel)
    assert second["at"] - first["at"] >= 1.9
    assert len(posts_of(platform, channel)) == 1


def test_a_ban_by_cloudflare_stops_all_channels_of_the_host(make_crier, platform, article):
    def change(settings):
        hook = settings["channels"]["discord"]
        url = hook["webhook_url"].replace("223456789012345678", "523456789012345678")
        settings["channels"] = {"discord": hook, "second": dict(hook, webhook_url=url)}
    crier = make_crier(change)
    crier.await_done(crier.send(article(id="before", url="https://news.example/before"))["id"])
    platform.fault("/api/v10/webhooks/223456789012345678", "status", status=429, method="POST",
                   body="<!DOCTYPE html><title>Access denied</title> error code: 1015")
    accepted = crier.send(article())
    waiting, = crier.await_state(accepted["id"], "again", channel="discord")
    assert "Cloudflare" in waiting["detail"]
    wait_for(lambda: crier.channel("second")["health"] == "backing_off")


@pytest.mark.parametrize("channel", CHANNELS)
def test_revoked_credentials_stop_the_channel_and_keep_its_articles(crier, platform, article, channel):
    name = PLACES[channel][0]
    platform.control("revoke", platform=name)
    accepted = crier.send(article())
    held, = crier.await_state(accepted["id"], "blocked", channel=channel)
    assert any(word in held["detail"] for word in ("Unknown Webhook", "Unauthorized", "token_revoked", "no_service"))
    shown = crier.channel(channel)
    assert shown["health"] == "blocked" and shown["last_error"]
    assert posts_of(platform, channel) == []
    status, answer, _ = crier.call("POST", f"/v1/channels/{channel}/test", {"probe": True})
    assert (status, answer["verdict"]) == (200, "blocked"), answer
    platform.control("restore", platform=name)
    status, body, _ = crier.call("POST", f"/v1/channels/{channel}/resume")
    assert status == 200, body
    crier.await_done(accepted["id"], channel=channel)
    assert len(posts_of(platform, channel)) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_probe_proves_the_credentials_and_posts_nothing(crier, platform, channel):
    status, answer, _ = crier.call("POST", f"/v1/channels/{channel}/test", {"probe": True})
    assert (status, answer["verdict"]) == (200, "done"), answer
    assert answer["detail"] and platform.posts() == []


def test_a_picture_slack_cannot_fetch_does_not_hold_up_the_news(crier, platform, article):
    story = article(images=[{"url": platform.picture("broken.jpg"), "alt": "A page instead"}])
    accepted = crier.send(story)
    crier.await_done(accepted["id"])
    for channel in ("slack", "slack-hook"):
        post, = posts_of(platform, channel)
        assert not post["image"]
        assert len(attempts_of(platform, channel)) == 2


@pytest.mark.parametrize("channel", CHANNELS)
def test_killed_while_the_platform_had_it(crier, platform, article, channel):
    accepted = crier.send(article(id="warm", url="https://news.example/warm", title="Warm"))
    crier.await_done(accepted["id"])
    fault(platform, channel, "delay", seconds=3)  # it works on, whoever has hung up
    accepted = crier.send(article())
    before = len(attempts_of(platform, channel))
    wait_for(lambda: any(article()["title"][:20] in (r["body"] or "") for r in attempts_of(platform, channel)))
    crier.kill()
    crier.start()
    time.sleep(3)  # it is through with it; what may still be worked on is not looked for at once
    assert crier.call("POST", "/test/clock", {"advance": "12s"}, check=False)[0] == 200
    if channel in BLIND:
        held, = crier.await_state(accepted["id"], "unknown", channel=channel)
        assert held["detail"]
        time.sleep(0.5)
        assert len(attempts_of(platform, channel)) <= before + 1
    else:
        crier.await_done(accepted["id"], channel=channel, seconds=30)
    assert len([p for p in posts_of(platform, channel) if article()["title"] in p["text"]]) <= 1


EVERY = """
  hook: {{type: discord, webhook_url: "{hook}", thread_id: 123456789012345678, card: auto, text: "{{{{title}}}}",
         title: "{{{{title}}}}", description: "{{{{summary}}}}", footer: "{{{{site}}}}", image: small, color: "#1a5fb4",
         breaking_color: "#C01C28", mention: [everyone, here, 123456789012345678], mention_when: breaking, silent: no,
         silent_unless_breaking: yes, username: News, avatar_url: https://news.example/logo.png, rate: 5/2s}}
  forum: {{type: discord, webhook_url: "{hook}", thread_name: "{{{{title}}}}", mention: here}}
  bot: {{type: discord, token: MTIz.a-b.c_d, channel: 123456789012345678, card: never, text: "{{{{title}}}} {{{{url}}}}",
        image: never, api_base: https://discord.example/api/v10}}
  slack-bot: {{type: slack, token: xoxb-1-2-a, channel: C0123456789, header: "{{{{title}}}}", text: "<{{{{url}}}}|{{{{summary}}}}>",
              footer: "{{{{site}}}}", notification: "<!here> {{{{title}}}}", image: small, button: Read, unfurl_links: yes,
              retraction: "~{{{{title}}}}~", username: News, icon_url: https://news.example/logo.png, api_base: https://slack.example/api}}
  slack-hook: {{type: slack, webhook_url: "https://hooks.slack.com/services/T0/B0/x", image: never}}
"""


def test_every_setting_is_taken_and_one_way_in_is_wanted(make_crier, tmp_path):
    crier = make_crier(start=False)
    head = f"site: {{name: N, url: https://news.example}}\nserver: {{listen: 127.0.0.1:8480}}\nledger: sqlite:{tmp_path}/x.db\nchannels:"
    path = tmp_path / "every.yaml"
    path.write_text(head + EVERY.format(hook="https://discord.com/api/webhooks/1/a"))
    answer = crier.run("check", "-c", str(path), settings=False)
    assert answer.returncode == 0 and "5 channels" in answer.stdout, answer.stdout
    path.write_text(head + """
  none: {type: discord}
  both: {type: slack, token: xoxb-1, channel: C0123456789, webhook_url: "https://hooks.slack.com/services/T0/B0/x"}
  many: {type: discord, webhook_url: "https://discord.com/api/webhooks/1/a", mention: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}
""")
    answer = crier.run("check", "-c", str(path), settings=False)
    assert answer.returncode == 1
    lines = {line.split(":")[1]: line for line in answer.stdout.splitlines()}
    assert "needed, or token and channel" in lines["5"] and "not beside token" in lines["6"] and "mention" in lines["7"], lines
