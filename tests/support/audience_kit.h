#ifndef CRIER_TESTS_SUPPORT_AUDIENCE_KIT_H
#define CRIER_TESTS_SUPPORT_AUDIENCE_KIT_H

/* For the tests of audiences and waves in the ledger: members of a browser's push, made by their number, and waves
 * to them, each said in one line. On top of queue_kit.h; header only, as that is. */

#include "tests/support/queue_kit.h"

#define AUDIENCE "push"
#define AUDIENCE_MAX 2000
#define KEYS_BYTES 81

/* What differs of members that are put together. */
struct audience_part {
    int first, count;  /* their numbers … */
    uint64_t first_id; /* 0: … are their ids as well (of lists below 100: in that order) */
    struct member_traits traits;
    bool keys;          /* made of the number */
    uint8_t other_keys; /* another number makes other ones */
    int64_t consent_ms; /* 0: 1 */
};

static inline void audience_address(char out[64], int number)
{
    (void)snprintf(out, 64, "https://push.example/%d", number);
}

static inline void audience_keys(uint8_t out[KEYS_BYTES], int number, uint8_t other)
{
    memset(out, 0, KEYS_BYTES);
    out[0] = 4;
    out[1] = other;
    out[60] = (uint8_t)number;
    out[61] = (uint8_t)(number >> 8);
}

static inline struct ledger_members_put audience_put(struct kit *k, struct audience_part p)
{
    static struct ledger_new_member m[AUDIENCE_MAX];
    static char addresses[AUDIENCE_MAX][64];
    static uint8_t keys[AUDIENCE_MAX][KEYS_BYTES];
    struct ledger_members_put r = {.req = {.kind = LEDGER_MEMBERS_PUT},
                                   .channel = AUDIENCE,
                                   .v = m,
                                   .count = (size_t)p.count,
                                   .first_id = p.first_id ? p.first_id : (uint64_t)p.first,
                                   .now_ms = k->now_ms};

    assert_true(p.count <= AUDIENCE_MAX);
    for (int i = 0; i < p.count; i++) {
        audience_address(addresses[i], p.first + i);
        audience_keys(keys[i], p.first + i, p.other_keys);
        m[i] = (struct ledger_new_member){.address = addresses[i],
                                          .opted_in_by = "page",
                                          .opted_in_at_ms = p.consent_ms ? p.consent_ms : 1,
                                          .keys = p.keys ? keys[i] : NULL,
                                          .keys_len = p.keys ? KEYS_BYTES : 0,
                                          .key_id = 7,
                                          .traits = p.traits};
    }
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

static inline struct ledger_members audience_counts(struct kit *k)
{
    struct ledger_members r = {
        .req = {.kind = LEDGER_MEMBERS}, .channel = AUDIENCE, .state = -1};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

static inline enum err_code
audience_set(struct kit *k, int number, enum ledger_member_change change)
{
    struct ledger_member_set r = {.req = {.kind = LEDGER_MEMBER_SET},
                                  .channel = AUDIENCE,
                                  .change = change,
                                  .why = "they said so",
                                  .now_ms = k->now_ms};
    char address[64];

    audience_address(address, number);
    r.address = address;
    return kit_run(k, &r.req);
}

static inline struct delivery_id audience_deliver(struct kit *k, const char *id)
{
    struct kit_accept a;
    struct delivery_id delivery;

    kit_accept(k, &a, (struct kit_article){.id = id, .title = "News", .channels = AUDIENCE});
    delivery = a.a.deliveries[0].id;
    kit_accept_done(&a);
    assert_int_equal(kit_begin_step(k, delivery, "publish", "message", true, true), ERR_NONE);
    return delivery;
}

/* r: what matters of it. */
static inline struct ledger_wave
audience_open_as(struct kit *k, struct delivery_id id, struct ledger_wave_open r)
{
    r.req = (struct ledger_request){.kind = LEDGER_WAVE_OPEN};
    r.id = id;
    r.channel = AUDIENCE;
    r.now_ms = k->now_ms;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r.wave;
}

static inline struct ledger_wave audience_open(struct kit *k, struct delivery_id id)
{
    return audience_open_as(k, id, (struct ledger_wave_open){.topics = MEMBER_TOPICS_ALL});
}

static inline struct ledger_wave_next
audience_next_as(struct kit *k, struct delivery_id id, struct ledger_wave_next r)
{
    r.req = (struct ledger_request){.kind = LEDGER_WAVE_NEXT};
    r.id = id;
    r.now_ms = k->now_ms;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

static inline struct ledger_wave_next
audience_next(struct kit *k, struct delivery_id id, size_t limit)
{
    return audience_next_as(k, id, (struct ledger_wave_next){.limit = limit});
}

/* All of the batch have it but those in v; frees the batch. */
static inline struct ledger_wave
audience_end_as(struct kit *k, struct ledger_wave_next *batch, struct ledger_wave_end r)
{
    r.req = (struct ledger_request){.kind = LEDGER_WAVE_END};
    r.id = batch->id;
    r.number = batch->number;
    r.accepted = (int64_t)batch->count - (int64_t)r.count;
    r.now_ms = k->now_ms;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    ledger_request_done(&batch->req);
    return r.wave;
}

static inline struct ledger_wave audience_end(struct kit *k, struct ledger_wave_next *batch)
{
    return audience_end_as(k, batch, (struct ledger_wave_end){.count = 0});
}

#endif
