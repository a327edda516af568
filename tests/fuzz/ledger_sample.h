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

/* An article of that id, and the beginning of its delivery. False: it was refused. */
static inline bool accept_one(struct ledger *l, const char *id, const char *guid, uint64_t n)
{
    static const struct accept_channel channel = {
        .name = "a", .adapter = "webhook", .not_after_ms = 9000, .matches = true};
    static const uint8_t hash[32] = {7};
    const struct accept_alias aliases[] = {{"id", id}, {"guid", guid}};
    const uint64_t delivery = n + 1;
    struct ledger_accept a = {
        .req = {.kind = LEDGER_ACCEPT},
        .source = "cms",
        .aliases = aliases,
        .alias_count = ARRAY_LEN(aliases),
        .document = "{\"title\":\"T\"}",
        .hash = hash,
        .face = hash,
        .url = "https://news.example/1",
        .title = "T",
        .now_ms = 5000,
        .new_article = n,
        .delivery_ids = &delivery,
        .channels = &channel,
        .channel_count = 1,
    };
    struct ledger_begin begin = {.req = {.kind = LEDGER_BEGIN},
                                 .id = {delivery},
                                 .course = "publish",
                                 .step = "post",
                                 .publishes = true,
                                 .counts = true,
                                 .attempt_id = n,
                                 .channel = "a",
                                 .now_ms = 5001};

    bool accepted = ledger_run(l, &a.req, NULL) == ERR_NONE;
    bool begun = accepted && ledger_run(l, &begin.req, NULL) == ERR_NONE;

    ledger_request_done(&a.req);
    return begun;
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
    struct ledger_request *const all[] = {&due.req,
                                          &load.req,
                                          &channels.req,
                                          &articles.req,
                                          &deliveries.req,
                                          &article.req,
                                          &events.req,
                                          &end.req,
                                          &move.req,
                                          &expire.req,
                                          &prune.req};

    (void)accept_one(l, "1", "c", 300); /* the first again, under one more name */
    (void)accept_one(l, "3", "d", 400);
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
