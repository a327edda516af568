/* The ledger on a database file that somebody damaged: it may refuse, it never crashes. The
 * input changes bytes of a sample that the ledger itself has made: rows of three bytes offset,
 * one unused, one byte value. The file lives in /dev/shm, is written anew each time,
 * and removed at the end. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "queue/ledger.h"

#define SAMPLE_MAX (512 * 1024)
#define PATH "/dev/shm/crier-fuzz-ledger-%d.db"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t sample[SAMPLE_MAX];
static size_t sample_len;
static char path[64], location[80];

static void no_wake(void *context)
{
    (void)context;
}

/* A fresh sample made by the ledger itself: one article, delivered, and one on its way. */
static void accept_one(struct ledger *l, const char *id, uint64_t n)
{
    static const struct accept_channel channel = {
        .name = "a", .adapter = "webhook", .not_after_ms = 9000, .matches = true};
    static const uint8_t hash[32] = {7};
    const struct accept_alias alias = {"id", id};
    const uint64_t delivery = n + 1;
    struct ledger_accept a = {
        .req = {.kind = LEDGER_ACCEPT},
        .source = "cms",
        .aliases = &alias,
        .alias_count = 1,
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

    must(ledger_run(l, &a.req, NULL) == ERR_NONE);
    must(ledger_run(l, &begin.req, NULL) == ERR_NONE);
    ledger_request_done(&a.req);
}

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char name[80];

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void make_sample(void)
{
    struct ledger *l = NULL;
    FILE *f;

    (void)snprintf(path, sizeof path, PATH, (int)getpid());
    (void)snprintf(location, sizeof location, "sqlite:%s", path);
    must(atexit(remove_files) == 0);
    must(ledger_open(&l, location, no_wake, NULL, 5000, NULL) == ERR_NONE);
    accept_one(l, "1", 100);
    accept_one(l, "2", 200);
    ledger_close(l);
    f = fopen(path, "rb");
    must(f != NULL);
    sample_len = fread(sample, 1, sizeof sample, f);
    fclose(f);
}

static void write_damaged(const uint8_t *data, size_t len)
{
    static uint8_t copy[SAMPLE_MAX];
    FILE *f = fopen(path, "wb");

    must(f != NULL);
    memcpy(copy, sample, sample_len);
    for (; len >= 5; data += 5, len -= 5) {
        uint32_t at = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16;

        copy[at % sample_len] = data[4];
    }
    must(fwrite(copy, 1, sample_len, f) == sample_len);
    fclose(f);
}

static void ask(struct ledger *l, struct ledger_request *r)
{
    (void)ledger_run(l, r, NULL); /* any answer is fine */
    ledger_request_done(r);
}

static void ask_everything(struct ledger *l)
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

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        ask(l, all[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ledger *l = NULL;
    struct err why;

    if (sample_len == 0) {
        make_sample();
    }
    write_damaged(data, len);
    if (ledger_open(&l, location, no_wake, NULL, 6000, &why) == ERR_NONE) {
        ask_everything(l);
        ledger_close(l);
    }
    must(mem_live_count() == 0);
    return 0;
}
