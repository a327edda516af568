#ifndef CRIER_ADAPTERS_PUSH_H
#define CRIER_ADAPTERS_PUSH_H

/* Messages that go to very many members, over few connections (service/lane.h): what an audience whose step
 * for `each_member` is served by lanes has instead of a build and a read of its own. Its step's build and read
 * are push_build() and push_read(), which do the same for one member, so that previews, dialogues and lanes are
 * one code.
 *
 * A plan is made once for a run of a wave, on the loop. It is not changed afterwards: several lanes use it at the
 * same time, each on a thread of its own. So all but `plan` and `done` is called on other threads, must touch
 * nothing but its arguments, and is where the time goes: no JSON, no allocation but in the buffers it is
 * given. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"

struct push_plan; /* each adapter has its own */

/* Who a member is, as struct member has it. */
struct push_subscription {
    char *address; /* mem_free() */
    uint8_t keys[MEMBER_KEYS_BYTES];
    size_t keys_len;
    int64_t key_id;
};

struct push {
    size_t many; /* members that one request may address */
    /* From the context of the step: the payload in all its forms, the values of headers. out is the caller's, for
     * done(). */
    enum err_code (*plan)(struct step_ctx *ctx, struct push_plan **out, struct err *why);
    void (*done)(struct push_plan *plan);
    /* Where messages to this member go: "https://host" or "https://host:port", appended. Members of one origin
     * share its connections. false: it has no address that can be used. */
    bool (*origin)(const struct push_plan *plan, const struct member *m, struct buf *out);
    /* Whom they share them with: channels of one origin do, unless this says another word for each (a connection to
     * Apple takes the tokens of one key). NULL: with everybody. */
    const char *(*apart)(const struct push_plan *plan);
    /* The name under which an origin is counted: "fcm", "mozilla", "apple", "windows", "apns", "huawei"; "other".
     * Static. */
    const char *(*service)(const char *origin);
    /* The hosts of those that have one for all the world: an endpoint there needs no proof that it is one. In small
     * letters, NULL-terminated; NULL: none. */
    const char *const *hosts;
    /* The headers that all messages to an origin have, for members of the same m->key_id; good until *until_ms
     * (wall clock; INT64_MAX: always) or until a member comes with `second`: then they are made anew, for all.
     * Names in small letters; Content-Length is the lane's. */
    void (*headers)(const struct push_plan *plan,
                    const struct member *m,
                    const char *origin,
                    int64_t now_ms,
                    struct http_headers *out,
                    int64_t *until_ms);
    /* One request, for `count` members (1..many) of one origin: its path with the query, and its body; both are
     * empty before. An error is one of the members alone, who are refused with `why`. */
    enum err_code (*compose)(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             struct buf *path,
                             struct buf *body,
                             struct err *why);
    /* What is in a body that cannot be read on its way: text, for previews; NULL: bodies can be. */
    void (*clear)(const struct push_plan *plan, struct buf *out);
    /* What an answer means: for each member in words[], and for the wave, as audience.h says; AGAIN with SCOPE_HOST
     * means its origin alone. Words are zeroed before: ACCEPTED, without an id. res->headers has those of
     * `answer_headers`; all of them when the status is not 2xx. A plan may count what it is told here, with
     * atomics, so that one odd answer is told from trouble that is everybody's. */
    struct verdict (*read)(const struct push_plan *plan,
                           const struct member *const *m,
                           size_t count,
                           const struct http_response *res,
                           struct member_word *words);
    const char *const *answer_headers; /* lower case, NULL-terminated; NULL: none */
    /* What no answer means. NULL: NOT_SENT: again; LOST: unknown. */
    struct verdict (*unanswered)(const struct push_plan *plan,
                                 enum transport_outcome outcome,
                                 const char *error,
                                 struct member_word *words,
                                 size_t count);
    /* What is prepared for a member while there is nothing to do, so that compose() need not (a key pair and the
     * secret it makes with the member's key); kept in the ledger, handed to compose() in m->prepared once, erased.
     * bytes 0: nothing is. false: of this member nothing can be. */
    size_t prepared_bytes;
    bool (*prepare)(const struct member *m, uint8_t *out);
    /* Whether these settings want that; NULL: always. */
    bool (*prepares)(const void *settings);
    /* Whether a reader could read what compose() makes: for a member of its own making, whose keys it alone has. It
     * may take its time, on the loop. NULL: messages are not encrypted for the member. */
    enum err_code (*self_test)(const struct push_plan *plan, struct err *why);
    /* What is handed in for a subscription, where that is more than {"token": …}; see push_subscription_read(). NULL:
     * it is not. */
    enum err_code (*subscription)(const void *settings,
                                  const json_t *given,
                                  struct push_subscription *out,
                                  struct err *why);
    /* What a page needs to make one: for browsers the public key, base64url, appended; NULL: nothing. */
    void (*public_key)(const void *settings, struct buf *out);
};

/* The build and read of a step, by the push of ctx->audience: for ctx->member or its sample. */
enum err_code push_build(struct step_ctx *ctx, struct http_request *out_req, struct err *why);
struct verdict push_read(struct step_ctx *ctx, const struct http_response *res);

/* The same request for a member of a plan that is made already. */
enum err_code push_build_planned(const struct push *push,
                                 const struct push_plan *plan,
                                 const struct member *m,
                                 int64_t now_ms,
                                 struct http_request *req,
                                 struct err *why);

/* The same of no answer. */
struct verdict
push_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error);

/* What a browser or an app hands in for a subscription, JSON. On an error *out is as it was; why: what was expected. */
MUST_USE enum err_code push_subscription_read(const struct audience *a,
                                              const void *settings,
                                              const json_t *given,
                                              struct push_subscription *out,
                                              struct err *why);

/* The id by which a later message replaces an earlier one about the same article: 32 characters of base64url of
 * SHA-256 of the article's id (a Topic, RFC 8030 section 5.4; a tag; a collapse id). */
#define PUSH_TOPIC_BYTES 33
void push_topic(char out[PUSH_TOPIC_BYTES], const char *article_id);
/* Seconds that a message is worth anything: from ctx->now_ms to the delivery's end, within min and max. */
int64_t push_ttl_s(const struct step_ctx *ctx, int64_t min_s, int64_t max_s);

#endif
