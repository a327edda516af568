#ifndef CRIER_TESTS_FUZZ_LEDGER_SAMPLE_H
#define CRIER_TESTS_FUZZ_LEDGER_SAMPLE_H

/* A ledger's file for the targets that spoil one: made by the ledger itself, kept in memory, written to
 * /dev/shm before each try; and every question there is, to be asked of what is left of it. Any answer is
 * fine that is one. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "queue/ledger.h"

#define SAMPLE_MAX (512 * 1024)
#define PATH "/dev/shm/crier-fuzz-ledger-%d.db"

static uint8_t sample[SAMPLE_MAX];
static size_t sample_len;
static char path[64], location[80];

static inline void no_wake(void *context)
{
    (void)context;
}

/* What is said of an article of that id, beside what all have in common. False: it was refused. */
static inline bool accept_as(
    struct ledger *l, const char *id, const char *guid, uint64_t n, struct ledger_accept a)
{
    static const struct accept_channel channel = {
        .name = "a", .adapter = "webhook", .not_after_ms = 9000, .matches = true};
    static const uint8_t hash[32] = {7};
    const struct accept_alias aliases[] = {{.kind = "id", .value = id},
                                           {.kind = "guid", .value = guid}};
    const uint64_t delivery = n + 1;
    bool good;

    a.req.kind = LEDGER_ACCEPT;
    a.source = "cms";
    a.aliases = aliases;
    a.alias_count = ARRAY_LEN(aliases);
    a.document = "{\"title\":\"T\"}";
    a.hash = a.face = hash;
    a.url = "https://news.example/1";
    a.title = "T";
    a.now_ms = 5000;
    a.new_article = n;
    a.delivery_ids = &delivery;
    a.channels = &channel;
    a.channel_count = 1;
    a.elsewhere_id = n + 10;
    a.elsewhere_ids = 10;
    good = ledger_run(l, &a.req, NULL) == ERR_NONE;
    ledger_request_done(&a.req);
    return good;
}

/* An article of that id, and the beginning of its delivery. False: it was refused. */
static inline bool accept_one(struct ledger *l, const char *id, const char *guid, uint64_t n)
{
    struct ledger_begin begin = {.req = {.kind = LEDGER_BEGIN},
                                 .id = {n + 1},
                                 .course = "publish",
                                 .step = "post",
                                 .publishes = true,
                                 .counts = true,
                                 .uses_quota = true,
                                 .attempt_id = n,
                                 .channel = "a",
                                 .now_ms = 5001};

    return accept_as(l, id, guid, n, (struct ledger_accept){.kind = ACCEPT_CONTENT}) &&
           ledger_run(l, &begin.req, NULL) == ERR_NONE;
}

/* The page of the article n has that guid for a name. */
static inline bool look_at_page(struct ledger *l, uint64_t n)
{
    static const struct accept_alias name = {.kind = "url", .value = "https://news.example/1"};
    struct ledger_gate r = {.req = {.kind = LEDGER_GATE},
                            .article = {n},
                            .page = "{\"title\":\"T\"}",
                            .names = &name,
                            .name_count = 1,
                            .delivery_id = n + 50,
                            .delivery_ids = 10,
                            .now_ms = 6000};
    bool good = ledger_run(l, &r.req, NULL) == ERR_NONE;

    ledger_request_done(&r.req);
    return good;
}

/* The next batch of the wave that delivery 101 is, and what became of all of it but its first member, who may
 * have it; false: there was none. */
static inline bool send_batch(struct ledger *l, bool ends)
{
    struct ledger_wave_next next = {.req = {.kind = LEDGER_WAVE_NEXT},
                                    .id = {101},
                                    .limit = 2,
                                    .unknown_before_ms = 6000,
                                    .recent_since_ms = 1,
                                    .now_ms = 6000};
    static const struct ledger_wave_service service = {.name = "a", .times = {1}};
    struct ledger_wave_result results[2];
    struct ledger_wave_end end = {
        .req = {.kind = LEDGER_WAVE_END}, .id = {101}, .v = results, .now_ms = 6000};
    bool good = ledger_run(l, &next.req, NULL) == ERR_NONE && next.number > 0;

    for (size_t i = 0; good && i < next.count; i++) {
        results[i] = (struct ledger_wave_result){.member = next.v[i].id,
                                                 .outcome = i == 0 ? MEMBER_UNKNOWN
                                                                   : MEMBER_UNDELIVERABLE,
                                                 .due_at_ms = 5500};
    }
    end.count = next.count;
    end.number = next.number;
    end.services = &service;
    end.service_count = 1;
    good = good && (!ends || ledger_run(l, &end.req, NULL) == ERR_NONE);
    ledger_request_done(&next.req);
    return good;
}

static inline bool open_wave(struct ledger *l)
{
    struct ledger_wave_open open = {
        .req = {.kind = LEDGER_WAVE_OPEN}, .id = {101}, .channel = "a", .now_ms = 5000};

    return ledger_run(l, &open.req, NULL) == ERR_NONE;
}

/* Something for each who has keys and nothing yet. */
static inline bool prepare(struct ledger *l)
{
    static const uint8_t bytes[4 * 20] = {1};
    struct ledger_unprepared r = {
        .req = {.kind = LEDGER_UNPREPARED}, .channel = "a", .limit = 4};
    struct ledger_prepared_put put = {.req = {.kind = LEDGER_PREPARED_PUT},
                                      .channel = "a",
                                      .bytes = bytes,
                                      .each_bytes = 20,
                                      .now_ms = 5000};
    bool good = ledger_run(l, &r.req, NULL) == ERR_NONE;

    put.members = r.v;
    put.count = r.count;
    good = good && ledger_run(l, &put.req, NULL) == ERR_NONE;
    ledger_request_done(&r.req);
    return good;
}

/* Members, and a wave to them: a batch that ended, and one on its way. */
static inline bool fill_audience(struct ledger *l)
{
    static const uint8_t keys[81] = {4, 1};
    static const struct ledger_new_member members[] = {
        {.address = "+1",
         .opted_in_by = "form",
         .opted_in_at_ms = 1,
         .keys = keys,
         .keys_len = sizeof keys,
         .traits = {.topics = 1, .quiet_from = 60},
         .zone = "Europe/Berlin"},
        {.address = "+2", .language = "de", .opted_in_by = "form", .opted_in_at_ms = 1},
        {.address = "+3", .opted_in_by = "form", .opted_in_at_ms = 1},
        {.address = "+4", .opted_in_by = "form", .opted_in_at_ms = 1},
    };
    struct ledger_members_put put = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                     .channel = "a",
                                     .v = members,
                                     .count = ARRAY_LEN(members),
                                     .first_id = 1,
                                     .now_ms = 5000};

    return ledger_run(l, &put.req, NULL) == ERR_NONE && prepare(l) && open_wave(l) &&
           send_batch(l, true) && send_batch(l, false) && prepare(l);
}

/* Something of all that waits. */
static inline bool fill_waiting(struct ledger *l)
{
    struct ledger_source_save source = {
        .req = {.kind = LEDGER_SOURCE_SAVE}, .name = "feed", .state = "{}", .now_ms = 5000};
    struct ledger_inbox_put put = {.req = {.kind = LEDGER_INBOX_PUT},
                                   .id = 7,
                                   .source = "cms",
                                   .body = "{}",
                                   .replay_key = "k",
                                   .now_ms = 5000};

    return fill_audience(l) &&
           accept_as(l, "5", "e", 500, (struct ledger_accept){.quiet = "old", .held = true}) &&
           accept_as(l, "6", "f", 600, (struct ledger_accept){.gate_until_ms = 50000}) &&
           accept_as(l, "7", "g", 700, (struct ledger_accept){.gate_until_ms = 50000}) &&
           look_at_page(l, 700) &&
           accept_as(l,
                     "2",
                     "b",
                     800,
                     (struct ledger_accept){.kind = ACCEPT_WITHDRAW, .retract_at_ms = 5500}) &&
           ledger_run(l, &source.req, NULL) == ERR_NONE &&
           ledger_run(l, &put.req, NULL) == ERR_NONE;
}

static inline void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char name[80];

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

/* The first time only. */
static inline void make_sample(void)
{
    struct ledger *l = NULL;
    FILE *f;

    if (sample_len > 0) {
        return;
    }
    (void)snprintf(path, sizeof path, PATH, (int)getpid());
    (void)snprintf(location, sizeof location, "sqlite:%s", path);
    must(atexit(remove_files) == 0);
    must(ledger_open(&l, location, no_wake, NULL, 5000, NULL) == ERR_NONE);
    must(accept_one(l, "1", "a", 100) && accept_one(l, "2", "b", 200));
    must(fill_waiting(l));
    ledger_close(l);
    f = fopen(path, "rb");
    must(f != NULL);
    sample_len = fread(sample, 1, sizeof sample, f);
    fclose(f);
}

static inline void write_file(const uint8_t *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    must(f != NULL && fwrite(bytes, 1, len, f) == len);
    fclose(f);
}

static inline void ask(struct ledger *l, struct ledger_request *r)
{
    (void)ledger_run(l, r, NULL); /* any answer is fine */
    ledger_request_done(r);
}

static inline void ask_audience(struct ledger *l)
{
    static const struct ledger_wave_news news[] = {
        {.delivery = {101}, .member = 1, .status = MEMBER_WAS_DELIVERED},
        {.delivery = {101},
         .member = 3,
         .status = MEMBER_WAS_FAILED,
         .outcome = MEMBER_UNSUBSCRIBED},
    };
    struct ledger_members members = {
        .req = {.kind = LEDGER_MEMBERS}, .channel = "a", .limit = 3, .state = -1};
    struct ledger_wave_told told = {.req = {.kind = LEDGER_WAVE_TOLD},
                                    .channel = "a",
                                    .v = news,
                                    .count = ARRAY_LEN(news),
                                    .now_ms = 6000};
    struct ledger_member_set erase = {.req = {.kind = LEDGER_MEMBER_SET},
                                      .channel = "a",
                                      .address = "+2",
                                      .change = MEMBER_ERASE,
                                      .now_ms = 6000};

    static const char *const names[] = {"x", "y"};
    struct ledger_topics topics = {
        .req = {.kind = LEDGER_TOPICS}, .channel = "a", .names = names, .count = 2};
    struct ledger_members_back back = {
        .req = {.kind = LEDGER_MEMBERS_BACK}, .channel = "a", .state = -1, .now_ms = 6000};
    struct ledger_waves waves = {.req = {.kind = LEDGER_WAVES}, .limit = 5};
    struct ledger_wave_say stop = {.req = {.kind = LEDGER_WAVE_SAY},
                                   .id = {101},
                                   .word = WAVE_STOP,
                                   .by = "cli",
                                   .now_ms = 6000};

    (void)open_wave(l);
    ask(l, &topics.req);
    ask(l, &members.req);
    ask(l, &told.req);
    (void)send_batch(l, true);
    ask(l, &erase.req);
    (void)prepare(l);
    (void)send_batch(l, true);
    ask(l, &waves.req);
    ask(l, &back.req);
    ask(l, &stop.req);
}

static inline void ask_everything(struct ledger *l)
{
    struct ledger_due due = {
        .req = {.kind = LEDGER_DUE}, .channel = "a", .now_ms = 6000, .limit = 10};
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}, .id = {101}};
    struct ledger_channels channels = {.req = {.kind = LEDGER_CHANNELS}};
    struct ledger_list articles = {.req = {.kind = LEDGER_ARTICLES}, .state = -1, .limit = 10};
    struct ledger_list deliveries = {
        .req = {.kind = LEDGER_DELIVERIES}, .state = 5, .limit = 10};
    struct ledger_article article = {.req = {.kind = LEDGER_ARTICLE},
                                     .url = "https://news.example/1"};
    struct ledger_events events = {.req = {.kind = LEDGER_EVENTS}, .limit = 10};
    struct ledger_end end = {.req = {.kind = LEDGER_END},
                             .id = {101},
                             .attempt_id = 100,
                             .verdict = "done",
                             .now_ms = 6000,
                             .to = DELIVERY_DONE,
                             .post_stands = true};
    struct ledger_move move = {
        .req = {.kind = LEDGER_MOVE}, .move = MOVE_POSTED, .id = {201}, .now_ms = 6000};
    struct ledger_expire expire = {.req = {.kind = LEDGER_EXPIRE}, .now_ms = 99000};
    struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .before_ms = 99000};
    struct ledger_withdrawn withdrawn = {.req = {.kind = LEDGER_WITHDRAWN}, .limit = 10};
    struct ledger_gated gated = {.req = {.kind = LEDGER_GATED}, .limit = 10};
    struct ledger_sources sources = {.req = {.kind = LEDGER_SOURCES}};
    struct ledger_credentials credentials = {.req = {.kind = LEDGER_CREDENTIALS}};
    struct ledger_quota quota = {.req = {.kind = LEDGER_QUOTA}};
    static const struct ledger_fallback_to to = {
        .channel = "b", .adapter = "x", .own_ms = 1000};
    struct ledger_fallback fallback = {.req = {.kind = LEDGER_FALLBACK},
                                       .channel = "a",
                                       .why = "blocked",
                                       .blocked = {201},
                                       .to = &to,
                                       .to_count = 1,
                                       .delivery_id = 5000,
                                       .now_ms = 6000};
    struct ledger_release_channel release = {
        .req = {.kind = LEDGER_RELEASE_CHANNEL}, .channel = "a", .now_ms = 6000};
    struct ledger_inbox_list inbox = {.req = {.kind = LEDGER_INBOX_LIST}, .limit = 10};
    struct ledger_list held = {
        .req = {.kind = LEDGER_ARTICLES}, .state = -1, .limit = 10, .held = true};
    struct ledger_drop drop = {.req = {.kind = LEDGER_DROP}, .article = {500}, .now_ms = 6000};
    struct ledger_request *const all[] = {
        &withdrawn.req, &gated.req,      &sources.req,  &credentials.req, &inbox.req,
        &held.req,      &drop.req,       &due.req,      &load.req,        &channels.req,
        &articles.req,  &deliveries.req, &article.req,  &events.req,      &end.req,
        &move.req,      &quota.req,      &fallback.req, &release.req,     &expire.req,
        &prune.req};

    (void)accept_one(l, "1", "c", 300); /* the first again, under one more name */
    (void)accept_one(l, "3", "d", 400);
    (void)look_at_page(l, 600);
    (void)accept_as(
        l, "6", "g", 910, (struct ledger_accept){.inbox = 7}); /* two names: they merge */
    (void)accept_as(
        l, "2", "b", 940, (struct ledger_accept){.kind = ACCEPT_CONTENT}); /* back */
    (void)accept_as(l,
                    "6",
                    "f",
                    970,
                    (struct ledger_accept){.kind = ACCEPT_WITHDRAW, .retract_at_ms = 7000});
    (void)accept_as(l,
                    "6",
                    "f",
                    1000,
                    (struct ledger_accept){.kind = ACCEPT_RETRACT, .retract_at_ms = 7000});
    (void)accept_as(
        l, "5", "e", 1030, (struct ledger_accept){.kind = ACCEPT_SEND, .only_revision = 1});
    ask_audience(l);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        ask(l, all[i]);
    }
}

/* Opens what is left, asks, closes, and opens it again: what the first run has written is read. */
static inline void try_file(void)
{
    struct ledger *l = NULL;
    struct err why = {.code = ERR_NONE};

    for (int i = 0; i < 2; i++) {
        if (ledger_open(&l, location, no_wake, NULL, 6000, &why) != ERR_NONE) {
            must(why.text[0] != '\0');
            return;
        }
        ask_everything(l);
        ledger_close(l);
    }
}

#endif
