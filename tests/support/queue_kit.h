#ifndef CRIER_TESTS_SUPPORT_QUEUE_KIT_H
#define CRIER_TESTS_SUPPORT_QUEUE_KIT_H

/* For the tests of the ledger: a ledger in a scratch folder or in memory, and articles said in
 * one line. Header only, since each test is a program of its own. */

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/fault.h"
#include "base/mem.h"
#include "queue/ledger.h"
#include "queue/upkeep.h"

#define KIT_CHANNELS 8
#define KIT_NOW INT64_C(1795000000000)
#define KIT_URL "https://news.example/1"

struct kit {
    struct ledger *l;
    char dir[64];
    char path[96];
    char location[112];
    uint64_t next_id;
    int64_t now_ms;
    size_t dones; /* counted by kit_done */
};

/* One accept, said by what matters; the rest is made up from it. */
struct kit_article {
    const char *source;   /* NULL: "cms" */
    const char *id;       /* the source's; NULL: none */
    const char *url;      /* NULL: none as alias */
    const char *url2;     /* another; NULL: none */
    const char *guid;     /* NULL: none */
    const char *title;    /* NULL: a retraction, or with withdraw_at_ms a withdrawal */
    const char *channels; /* "a b !c": c does not match; NULL: "a" */
    const char *wanted_id, *replay_key, *reason;
    int64_t updated_at_ms;
    int64_t not_after_ms, own_ms;
    bool breaking, republish, correction, by_hand;
    const char *quiet;
    bool held;
    int64_t withdraw_at_ms, gate_until_ms;
    uint64_t inbox;
};
struct kit_accept {
    struct ledger_accept a;
    struct kit *kit;
    struct accept_alias aliases[4];
    struct accept_channel channels[KIT_CHANNELS];
    char names[KIT_CHANNELS][64];
    uint64_t ids[KIT_CHANNELS];
    uint8_t hash[SHA256_BYTES];
    char document[256];
};

/* Instead of what was there. */
static inline void kit_copy_file(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY), out = open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof bytes)) > 0) {
        assert_int_equal(write(out, bytes, (size_t)n), n);
    }
    assert_int_equal(n, 0);
    close(in);
    close(out);
}

static inline void kit_init(struct kit *k)
{
    memset(k, 0, sizeof *k);
    (void)snprintf(k->dir, sizeof k->dir, "/tmp/crier-queue-XXXXXX");
    assert_non_null(mkdtemp(k->dir));
    (void)snprintf(k->path, sizeof k->path, "%s/ledger.db", k->dir);
    (void)snprintf(k->location, sizeof k->location, "sqlite:%s", k->path);
    k->next_id = 1000;
    k->now_ms = KIT_NOW;
}

static inline void kit_open(struct kit *k)
{
    struct err why = {.code = ERR_NONE};

    if (ledger_open(&k->l, k->location, NULL, NULL, k->now_ms, &why)) {
        fail_msg("%s", why.text);
    }
}

static inline void kit_close(struct kit *k)
{
    ledger_close(k->l);
    k->l = NULL;
}

static inline void kit_reopen(struct kit *k)
{
    kit_close(k);
    kit_open(k);
}

static inline void kit_done_all(struct kit *k)
{
    static const char *const names[] = {
        "", "-wal", "-shm", ".lock", ".mark", ".v1.bak", ".v2.bak", ".v3.bak", ".v4.bak"};
    char path[160];

    kit_close(k);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", k->path, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(k->dir), 0);
}

/* A case gets a fresh ledger, on disk or in memory. */
static inline int kit_setup(void **state)
{
    struct kit *k = mem_zalloc(sizeof *k);

    kit_init(k);
    kit_open(k);
    *state = k;
    return 0;
}
static inline int kit_setup_memory(void **state)
{
    struct kit *k = mem_zalloc(sizeof *k);

    kit_init(k);
    (void)snprintf(k->location, sizeof k->location, "sqlite::memory:");
    kit_open(k);
    *state = k;
    return 0;
}
static inline int kit_teardown(void **state)
{
    struct kit *k = *state;

#if WITH_FAULTS
    fault_set(NULL);
#endif
    kit_done_all(k);
    mem_free(k);
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

/* Documents of the kit are no articles, and their marks are made up. */
static inline void kit_on_found(void *context, const struct ledger_finding *f)
{
    (void)context;
    if (strstr(f->what, "the stored article") == NULL &&
        strstr(f->what, "stored articles") == NULL) {
        fail_msg("%s %s: %s", f->table, f->row, f->what);
    }
}

static inline bool kit_go_on(void)
{
    return false;
}

/* `crier check --ledger` has nothing to say. */
static inline void kit_insist_clean(const char *location)
{
    struct ledger_size size;
    struct err why = {.code = ERR_NONE};

    if (ledger_check(location, kit_on_found, NULL, kit_go_on, &size, &why)) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(size.version, ledger_schema_version());
}

/* For cases on disk: whatever they did, the file is in order. */
static inline int kit_teardown_clean(void **state)
{
    struct kit *k = *state;

#if WITH_FAULTS
    fault_set(NULL);
#endif
    kit_insist_clean(k->location);
    return kit_teardown(state);
}

static inline void
kit_channels(struct kit *k, struct kit_accept *out, const struct kit_article *in)
{
    const char *p = in->channels ? in->channels : "a";

    while (*p) {
        size_t len = strcspn(p, " ");
        size_t n = out->a.channel_count++;
        bool matches = *p != '!';
        const char *name = matches ? p : p + 1;

        assert_true(n < KIT_CHANNELS);
        memcpy(out->names[n], name, len - (size_t)(name - p));
        out->channels[n] = (struct accept_channel){
            .name = out->names[n],
            .adapter = "webhook",
            .not_after_ms = in->not_after_ms,
            .own_ms = in->own_ms,
            .matches = matches,
        };
        out->ids[n] = k->next_id++;
        p += len;
        p += *p == ' ';
    }
}

static inline void kit_aliases(struct kit_accept *out, const struct kit_article *in)
{
    const struct accept_alias all[] = {{.kind = "id", .value = in->id},
                                       {.kind = "guid", .value = in->guid},
                                       {.kind = "url", .value = in->url},
                                       {.kind = "url", .value = in->url2}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].value) {
            out->aliases[out->a.alias_count++] = all[i];
        }
    }
}

/* A request ready to be submitted. out must stay where it is until it is done. */
static inline void kit_fill(struct kit *k, struct kit_accept *out, const struct kit_article *in)
{
    memset(out, 0, sizeof *out);
    out->kit = k;
    out->a = (struct ledger_accept){
        .req = {.kind = LEDGER_ACCEPT},
        .kind = in->title            ? ACCEPT_CONTENT
                : in->withdraw_at_ms ? ACCEPT_WITHDRAW
                                     : ACCEPT_RETRACT,
        .source = in->source ? in->source : "cms",
        .aliases = out->aliases,
        .wanted_id = in->wanted_id,
        .url = in->url ? in->url : "https://news.example/untold",
        .title = in->title,
        .updated_at_ms = in->updated_at_ms,
        .breaking = in->breaking,
        .republish = in->republish,
        .correction = in->correction,
        .by_hand = in->by_hand,
        .quiet = in->quiet,
        .held = in->held,
        .retract_at_ms = in->withdraw_at_ms,
        .gate_until_ms = in->gate_until_ms,
        .inbox = in->inbox,
        .reason = in->reason,
        .replay_key = in->replay_key,
        .now_ms = k->now_ms,
        .new_article = k->next_id++,
        .delivery_ids = out->ids,
        .channels = out->channels,
        .elsewhere = {.not_after_ms = in->not_after_ms, .own_ms = in->own_ms},
        .elsewhere_id = k->next_id,
        .elsewhere_ids = KIT_CHANNELS,
    };
    k->next_id += KIT_CHANNELS;
    kit_aliases(out, in);
    kit_channels(k, out, in);
    if (in->title) {
        crypto_sha256(in->title, strlen(in->title), out->hash);
        (void)snprintf(out->document,
                       sizeof out->document,
                       "{\"title\":\"%s\",\"url\":\"%s\"}",
                       in->title,
                       out->a.url);
        out->a.hash = out->a.face = out->hash;
        out->a.document = out->document;
    }
}

static inline enum err_code kit_run(struct kit *k, struct ledger_request *r)
{
    return ledger_run(k->l, r, NULL);
}

/* Accepts and insists. Free with kit_accept_done. */
static inline void kit_accept(struct kit *k, struct kit_accept *out, struct kit_article in)
{
    kit_fill(k, out, &in);
    if (kit_run(k, &out->a.req)) {
        fail_msg("accept: %s", out->a.req.why.text);
    }
}

static inline void kit_accept_done(struct kit_accept *a)
{
    ledger_request_done(&a->a.req);
}

static inline enum err_code kit_begin_step(struct kit *k,
                                           struct delivery_id id,
                                           const char *course,
                                           const char *step,
                                           bool repeatable,
                                           bool publishes)
{
    struct ledger_begin r = {
        .req = {.kind = LEDGER_BEGIN},
        .id = id,
        .course = course,
        .step = step,
        .repeatable = repeatable,
        .publishes = publishes,
        .record = "{\"n\":1}",
        .bucket = {.tokens = 7.5, .at_ms = k->now_ms},
        .counts = true,
        .attempt_id = k->next_id++,
        .now_ms = k->now_ms,
    };

    return kit_run(k, &r.req);
}

static inline void kit_begin(struct kit *k, struct delivery_id id)
{
    assert_int_equal(kit_begin_step(k, id, "publish", "post", false, true), ERR_NONE);
}

/* The same of a post that counts towards a quota. */
static inline void kit_begin_quota(struct kit *k, struct delivery_id id)
{
    struct ledger_begin r = {
        .req = {.kind = LEDGER_BEGIN},
        .id = id,
        .course = "publish",
        .step = "post",
        .publishes = true,
        .uses_quota = true,
        .record = "{}",
        .counts = true,
        .attempt_id = k->next_id++,
        .now_ms = k->now_ms,
    };

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
}

/* Ends the attempt at hand; what can be told by `to` alone is made up from it. */
static inline struct ledger_end
kit_end_request(struct kit *k, struct delivery_id id, enum delivery_state to)
{
    return (struct ledger_end){
        .req = {.kind = LEDGER_END},
        .id = id,
        .attempt_id = k->next_id - 1,
        .verdict = to == DELIVERY_DONE ? "done" : "again",
        .detail = to == DELIVERY_DONE ? NULL : "trouble",
        .status = to == DELIVERY_DONE ? 200 : 500,
        .sent_ms = 12,
        .now_ms = k->now_ms,
        .to = to,
        .due_at_ms = to == DELIVERY_AGAIN ? k->now_ms + 1000 : 0,
        .failure = to == DELIVERY_AGAIN,
        .exposed = to == DELIVERY_DONE || to == DELIVERY_UNKNOWN,
        .course = "publish",
        .record = "{\"remote_id\":\"r1\"}",
        .remote_id = to == DELIVERY_DONE ? "r1" : NULL,
        .remote_url = to == DELIVERY_DONE ? "https://there.example/r1" : NULL,
        .text = to == DELIVERY_DONE ? "as sent" : NULL,
        .post_stands = to == DELIVERY_DONE,
    };
}

static inline void kit_end(struct kit *k, struct delivery_id id, enum delivery_state to)
{
    struct ledger_end r = kit_end_request(k, id, to);

    if (kit_run(k, &r.req)) {
        fail_msg("end: %s", r.req.why.text);
    }
}

/* From ready to done. */
static inline void kit_deliver(struct kit *k, struct delivery_id id)
{
    kit_begin(k, id);
    kit_end(k, id, DELIVERY_DONE);
}

static inline enum delivery_state kit_state(struct kit *k, struct delivery_id id)
{
    struct ledger_load r = {.req = {.kind = LEDGER_LOAD}, .id = id};

    if (kit_run(k, &r.req)) {
        fail_msg("load: %s", r.req.why.text);
    }
    ledger_request_done(&r.req);
    return r.state;
}

static inline void kit_expect(struct kit *k, struct delivery_id id, enum delivery_state want)
{
    assert_string_equal(delivery_state_name(kit_state(k, id)), delivery_state_name(want));
}

/* One number, asked of the file itself. */
static inline int64_t kit_count(struct kit *k, enum delivery_state state, const char *channel)
{
    struct ledger_channels r = {.req = {.kind = LEDGER_CHANNELS}};
    int64_t count = 0;

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    for (size_t i = 0; i < r.count; i++) {
        if (!channel || strcmp(r.v[i].name, channel) == 0) {
            count += r.v[i].by_state[state];
        }
    }
    ledger_request_done(&r.req);
    return count;
}

/* The article as the API shows it; new reference. */
static inline json_t *kit_show(struct kit *k, const char *id)
{
    struct ledger_article r = {.req = {.kind = LEDGER_ARTICLE}, .id = id};
    json_t *out;

    if (kit_run(k, &r.req)) {
        fail_msg("show %s: %s", id, r.req.why.text);
    }
    out = json_incref(r.out);
    ledger_request_done(&r.req);
    return out;
}

/* The delivery of this revision there; NULL: none. */
static inline const struct accept_delivery *kit_on(const struct kit_accept *a,
                                                   const char *channel)
{
    for (size_t i = 0; i < a->a.delivery_count; i++) {
        if (strcmp(a->a.deliveries[i].channel, channel) == 0) {
            return &a->a.deliveries[i];
        }
    }
    return NULL;
}

static inline size_t kit_due(struct kit *k, const char *channel, struct ledger_due *out)
{
    *out = (struct ledger_due){
        .req = {.kind = LEDGER_DUE},
        .channel = channel,
        .now_ms = k->now_ms,
        .limit = 100,
    };
    assert_int_equal(kit_run(k, &out->req), ERR_NONE);
    return out->count;
}

/* Where revision 1 stands when revision 2 comes, and what becomes of both. */
struct kit_meet {
    enum delivery_state first_at;
    bool exposed;
    enum delivery_state first_then, second;
};

static inline struct delivery_id
kit_bring_to(struct kit *k, struct kit_accept *a, const struct kit_meet *row)
{
    struct delivery_id id = a->a.deliveries[0].id;
    struct ledger_end end;

    if (row->first_at == DELIVERY_READY) {
        return id;
    }
    kit_begin(k, id);
    if (row->first_at != DELIVERY_IN_FLIGHT) {
        end = kit_end_request(k, id, row->first_at);
        end.exposed = row->exposed;
        assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    }
    return id;
}

#endif
