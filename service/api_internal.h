#ifndef CRIER_SERVICE_API_INTERNAL_H
#define CRIER_SERVICE_API_INTERNAL_H

/* What the handlers of the API share: reading bodies and ids, refusing while the service
 * drains, and the one way in which most of them work: run a request of the ledger, then answer.
 */

#include <jansson.h>

#include "adapters/audience.h"
#include "queue/ledger.h"
#include "service/api.h"
#include "service/crier.h"
#include "service/intake.h"

#define API_JSON_DEPTH 32
#define API_LIMIT_DEFAULT 50
#define API_LIMIT_MAX 200

/* One ledger request on behalf of one HTTP request. The handler fills the request for its kind
 * and answers in `answer`, which is called with the request's results when it went well; when
 * it did not, `failed` is called if set, else a problem document goes out. */
struct channel;
struct api_call;
typedef void api_call_fn(struct api_call *call);
struct api_call {
    union { /* each begins with its struct ledger_request */
        struct ledger_request req;
        struct ledger_list list;
        struct ledger_article article;
        struct ledger_channels channels;
        struct ledger_move move;
        struct ledger_load load;
        struct ledger_drop drop;
        struct ledger_inbox_list inbox;
        struct ledger_members members;
        struct ledger_member_set member_set;
        struct ledger_waves waves;
        struct ledger_wave_say say;
    } u;
    struct crier *crier;
    struct door_request *request;
    api_call_fn *answer, *failed;
    void *kept; /* what in-parameters point into; freed with the call */
    void (*free_kept)(void *kept);
};
struct api_call *api__call_new(struct crier *c,
                               struct door_request *r,
                               enum ledger_kind kind,
                               api_call_fn *answer);
void api__call_submit(struct api_call *call);

/* False: there is no body, or it claims to be something else: refused already. */
bool api__has_json(struct door_request *r);
/* The body as JSON, new reference. NULL: refused already. For small bodies: it is read here and now. */
json_t *api__body(struct door_request *r);
/* The same, but no body at all gives an empty object; it must be an object. */
json_t *api__body_or_empty(struct door_request *r);
/* False: refused, since the service takes nothing in right now. */
bool api__takes_in(struct crier *c, struct door_request *r);
/* ?limit= and ?cursor= of a list; false: refused. */
bool api__page(struct door_request *r, struct ledger_list *list);
/* 400 with the words that would have been right (a new reference, taken), under `key`. */
void api__unknown_word(struct door_request *r,
                       const char *what,
                       const char *word,
                       const char *key,
                       json_t *words_taken);
/* The names of the configured channels; new reference. */
json_t *api__channel_names(struct crier *c);
/* The channel that the path names; NULL: 404 is said already. */
struct channel *api__channel(struct crier *c, struct door_request *r);

/* Adds "announced": true to each delivery that is done and made nothing public (api_deliveries.c). */
void api__tell_announced(json_t *deliveries);

/* Taking an article in, or back, on behalf of a request (api_take.c): answered with 202 and
 * intake_write(), or refused. What options point to is copied, but for only_channel. */
void api__take_body(struct crier *c,
                    struct door_request *r,
                    const struct intake_options *options);
void api__take_article(struct crier *c,
                       struct door_request *r,
                       const json_t *article,
                       const struct intake_options *options);
void api__take_back(struct crier *c,
                    struct door_request *r,
                    const char *id,
                    const struct intake_options *options,
                    const char *reason);
/* What was only recorded goes out; answered in the same way. */
void api__send_article(struct crier *c, struct door_request *r, const char *id);

/* The channel a path names; NULL: refused, there is none, or it has no audience (api_members.c). */
struct channel *api__audience(struct crier *c, struct door_request *r);
struct api_member { /* what a request about one points into */
    char channel[64], address[MEMBER_ADDRESS_BYTES];
    bool test;             /* what it shall be */
    struct config *config; /* of a list: holds the settings */
    const struct channel_settings *settings;
    bool masked, prepares;
};
/* The one that the path names, not looked for; NULL: it is no address, and that is answered. Yours, mem_free(). */
struct api_member *api__member(struct door_request *r, const struct channel *ch);

/* Members of a problem document: each fault of an article with its place; and one of them. New references. */
json_t *api__faults(const struct article_faults *faults);
json_t *api__pointed(const char *pointer, const char *detail);
#define API_EVENTS                                                                             \
    "published, updated, corrected, unpublished, drafted, deleted, retracted or ignored"

#endif
