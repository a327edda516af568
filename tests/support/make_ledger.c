/* Makes the sample of this schema version: tests/fixtures/ledger/v4.db. Run once per released
 * version, its file is committed and kept for ever, so that every later program is tried on it:
 *
 *   ninja -C build/dev make_ledger
 *   rm tests/fixtures/ledger/v4.db; build/dev/tests/make_ledger tests/fixtures/ledger/v4.db
 *
 * One article in every state that a file can hold, and a row in every table. */

#include "tests/support/queue_kit.h"

#include <sqlite3.h>

static struct delivery_id give(struct kit *k, const char *id, const char *title)
{
    struct kit_accept a;
    struct delivery_id delivery;
    char url[64], key[128];

    (void)snprintf(key, sizeof key, "%s: %s", id, title);
    (void)snprintf(url, sizeof url, "https://news.example/%s", id);
    kit_accept(k,
               &a,
               (struct kit_article){.id = id,
                                    .url = url,
                                    .title = title,
                                    .channels = "telegram",
                                    .replay_key = key,
                                    .breaking = id[0] == 'd',
                                    .reason = id[0] == 'd' ? "category Breaking" : NULL});
    delivery = a.a.deliveries[0].id;
    kit_accept_done(&a);
    return delivery;
}

static void fill(struct kit *k)
{
    static const enum delivery_state ends[] = {DELIVERY_AGAIN,
                                               DELIVERY_UNKNOWN,
                                               DELIVERY_REJECTED,
                                               DELIVERY_BLOCKED,
                                               DELIVERY_EXPIRED};
    struct ledger_move cancel = {
        .req = {.kind = LEDGER_MOVE}, .move = MOVE_CANCEL, .by = "api", .now_ms = k->now_ms};
    struct delivery_id id;

    give(k, "ready", "An article that waits");
    kit_deliver(k, give(k, "done", "An article that arrived"));
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        id = give(k, delivery_state_name(ends[i]), "An article that did not");
        kit_begin(k, id);
        kit_end(k, id, ends[i]);
    }
    cancel.id = give(k, "cancelled", "An article that was stopped");
    assert_int_equal(kit_run(k, &cancel.req), ERR_NONE);
    kit_begin(k, give(k, "in_flight", "An article on its way"));
    give(k, "in_flight", "Its second revision, held behind it");
}

/* What came with version 3, on a channel of its own. */
static void fill_v3(struct kit *k)
{
    struct ledger_source_save source = {.req = {.kind = LEDGER_SOURCE_SAVE},
                                        .name = "feed",
                                        .state = "{\"etag\":\"1\"}",
                                        .now_ms = k->now_ms};
    struct ledger_inbox_put put = {.req = {.kind = LEDGER_INBOX_PUT},
                                   .id = 5,
                                   .source = "cms",
                                   .body = "{}",
                                   .replay_key = "hook 5",
                                   .due_at_ms = k->now_ms,
                                   .why = "its title is not known",
                                   .now_ms = k->now_ms};
    struct accept_alias canonical = {.kind = "url",
                                     .value = "https://news.example/gated",
                                     .why = "canonical URL of the page"};
    struct ledger_gate gate = {.req = {.kind = LEDGER_GATE},
                               .page = "{\"title\":\"As the page has it\"}",
                               .note = "no picture",
                               .names = &canonical,
                               .name_count = 1,
                               .now_ms = k->now_ms};
    const struct kit_article articles[] = {
        {.id = "held",
         .title = "An article that a person shall see",
         .quiet = "40 at once",
         .held = true},
        {.id = "gated",
         .url = "https://news.example/gated",
         .title = "An article that waits for its page",
         .gate_until_ms = k->now_ms + 45000},
        {.source = "agency",
         .id = "merged",
         .wanted_id = "merged",
         .title = "The same by another name",
         .gate_until_ms = k->now_ms + 45000},
        {.id = "withdrawn", .title = "An article that is away for a moment"},
        {.id = "withdrawn", .withdraw_at_ms = k->now_ms + 120000, .reason = "back to draft"},
        {.id = "corrected", .title = "An article with a mistake"},
        {.id = "corrected", .title = "An article without one", .correction = true},
    };

    assert_int_equal(kit_run(k, &source.req), ERR_NONE);
    assert_int_equal(kit_run(k, &put.req), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(articles); i++) {
        struct kit_article in = articles[i];
        struct kit_accept a;

        in.channels = "mastodon";
        kit_accept(k, &a, in);
        gate.article = i == 2 ? a.a.article : gate.article;
        kit_accept_done(&a);
    }
    assert_int_equal(kit_run(k, &gate.req), ERR_NONE);
    ledger_request_done(&gate.req);
}

/* What came with version 4. */
static void fill_v4(struct kit *k)
{
    struct ledger_credential_put put = {.req = {.kind = LEDGER_CREDENTIAL_PUT},
                                        .channel = "mastodon",
                                        .origin = "",
                                        .sealed = "AQID",
                                        .now_ms = k->now_ms};

    static const struct ledger_fallback_to mastodon = {
        .channel = "mastodon", .adapter = "mastodon", .own_ms = 3600000};
    struct ledger_fallback fallback = {.req = {.kind = LEDGER_FALLBACK},
                                       .channel = "facebook",
                                       .why = "the token was revoked",
                                       .to = &mastodon,
                                       .to_count = 1,
                                       .now_ms = k->now_ms};
    struct ledger_release_channel release = {
        .req = {.kind = LEDGER_RELEASE_CHANNEL}, .channel = "facebook", .now_ms = k->now_ms};
    struct kit_accept a;

    assert_int_equal(kit_run(k, &put.req), ERR_NONE);
    kit_accept(k,
               &a,
               (struct kit_article){.id = "elsewhere",
                                    .title = "An article that goes out elsewhere",
                                    .channels = "facebook"});
    kit_begin_quota(k, a.a.deliveries[0].id);
    kit_end(k, a.a.deliveries[0].id, DELIVERY_BLOCKED);
    fallback.blocked = a.a.deliveries[0].id;
    fallback.delivery_id = k->next_id;
    k->next_id += FALLBACK_BATCH + 1;
    kit_accept_done(&a);
    assert_int_equal(kit_run(k, &fallback.req), ERR_NONE);
    kit_begin_quota(k, fallback.jobs[0].id);
    kit_end(k, fallback.jobs[0].id, DELIVERY_DONE);
    ledger_request_done(&fallback.req);
    assert_int_equal(kit_run(k, &release.req), ERR_NONE);
}

/* A browser's push: members with keys and topics, for some of whom something is prepared, and one that is gone. */
static void fill_v4_push(struct kit *k)
{
    static const char *const names[] = {"politics", "sport"};
    static const uint8_t keys[81] = {4, 1, 2, 3};
    static const uint8_t bytes[2 * 32] = {9};
    const struct ledger_new_member members[] = {
        {.address = "https://push.example/a",
         .opted_in_by = "page",
         .opted_in_at_ms = 1,
         .keys = keys,
         .keys_len = sizeof keys,
         .key_id = 7,
         .traits = {.topics = 2, .quiet_from = 1320, .quiet_to = 420},
         .zone = "Europe/Berlin"},
        {.address = "https://push.example/b",
         .opted_in_by = "page",
         .opted_in_at_ms = 1,
         .keys = keys,
         .keys_len = sizeof keys,
         .traits = {.test = true}},
        {.address = "https://push.example/c", .opted_in_by = "page", .opted_in_at_ms = 1},
    };
    struct ledger_topics topics = {
        .req = {.kind = LEDGER_TOPICS}, .channel = "push", .names = names, .count = 2};
    struct ledger_members_put put = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                     .channel = "push",
                                     .v = members,
                                     .count = 3,
                                     .first_id = 11,
                                     .now_ms = k->now_ms};
    struct ledger_unprepared unprepared = {
        .req = {.kind = LEDGER_UNPREPARED}, .channel = "push", .limit = 5};
    struct ledger_prepared_put prepared = {.req = {.kind = LEDGER_PREPARED_PUT},
                                           .channel = "push",
                                           .bytes = bytes,
                                           .count = 2,
                                           .each_bytes = 32,
                                           .now_ms = k->now_ms};

    assert_int_equal(kit_run(k, &topics.req), ERR_NONE);
    ledger_request_done(&topics.req);
    assert_int_equal(kit_run(k, &put.req), ERR_NONE);
    assert_int_equal(kit_run(k, &unprepared.req), ERR_NONE);
    assert_int_equal(unprepared.count, 2);
    prepared.members = unprepared.v;
    assert_int_equal(kit_run(k, &prepared.req), ERR_NONE);
    ledger_request_done(&unprepared.req);
}

/* A wave in the middle: a batch on its way, and one that was refused. */
static void fill_v4_audience(struct kit *k)
{
    const struct ledger_new_member members[] = {
        {.address = "+1", .opted_in_by = "form", .opted_in_at_ms = 1},
        {.address = "+2", .language = "de", .opted_in_by = "form", .opted_in_at_ms = 1},
        {.address = "+3", .opted_in_by = "form", .opted_in_at_ms = 1},
    };
    struct ledger_members_put put = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                     .channel = "whatsapp",
                                     .v = members,
                                     .count = 3,
                                     .first_id = 1,
                                     .now_ms = k->now_ms};
    struct ledger_wave_open open = {
        .req = {.kind = LEDGER_WAVE_OPEN}, .channel = "whatsapp", .now_ms = k->now_ms};
    const struct ledger_wave_result refused = {.member = 1, .outcome = MEMBER_REFUSED};
    const struct ledger_wave_service service = {.name = "meta", .refused = 1, .times = {1}};
    struct ledger_wave_next next = {
        .req = {.kind = LEDGER_WAVE_NEXT}, .limit = 1, .now_ms = k->now_ms};
    struct ledger_wave_end end = {.req = {.kind = LEDGER_WAVE_END},
                                  .number = 1,
                                  .v = &refused,
                                  .count = 1,
                                  .services = &service,
                                  .service_count = 1,
                                  .now_ms = k->now_ms};
    struct kit_accept a;

    assert_int_equal(kit_run(k, &put.req), ERR_NONE);
    kit_accept(k,
               &a,
               (struct kit_article){
                   .id = "wave", .title = "An article for many", .channels = "whatsapp"});
    open.id = next.id = end.id = a.a.deliveries[0].id;
    kit_accept_done(&a);
    assert_int_equal(kit_begin_step(k, open.id, "publish", "message", true, true), ERR_NONE);
    assert_int_equal(kit_run(k, &open.req), ERR_NONE);
    assert_int_equal(kit_run(k, &next.req), ERR_NONE);
    ledger_request_done(&next.req);
    assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    assert_int_equal(kit_run(k, &next.req), ERR_NONE);
    ledger_request_done(&next.req);
}

int main(int argc, char **argv)
{
    struct kit k = {.next_id = 1000, .now_ms = KIT_NOW};

    if (argc != 2) {
        return 2;
    }
    (void)snprintf(k.location, sizeof k.location, "sqlite:%s", argv[1]);
    kit_open(&k);
    fill(&k);
    fill_v3(&k);
    fill_v4(&k);
    fill_v4_push(&k);
    fill_v4_audience(&k);
    kit_close(&k);
    return 0;
}
