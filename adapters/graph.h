#ifndef CRIER_ADAPTERS_GRAPH_H
#define CRIER_ADAPTERS_GRAPH_H

/* What the adapters of Meta's platforms share (Facebook, Instagram, Threads, WhatsApp): requests to a
 * Graph API, and the way from its error answers to verdicts. Meta answers 400 to nearly everything, so
 * `code` and `error_subcode` decide, never the status alone:
 *
 *   {"error": {"message", "type", "code", "error_subcode", "error_user_title", "error_user_msg",
 *              "is_transient", "fbtrace_id", "error_data": {"details"}}}
 *
 * An adapter brings a table of its own rows, which go before those that hold for all of them. What needs
 * more than a verdict (another container, another form of the post) it recognises by graph_row.means. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "base/secret.h"

#define GRAPH_TEXT_BYTES 161
struct graph_error {
    int status;
    int64_t code, subcode;        /* 0: not told */
    bool told;                    /* there was such an object */
    bool transient;               /* is_transient */
    char text[GRAPH_TEXT_BYTES];  /* what it says for people, on one line; "" */
    char trace[GRAPH_TEXT_BYTES]; /* fbtrace_id, which Meta's support asks for; "" */
};
/* Never fails: of anything else `told` is false. */
void graph_error_read(struct graph_error *out, const struct http_response *res);

enum graph_means {
    GRAPH_UNCLEAR =
        1, /* "try again later": may have been done. UNKNOWN of a publishing step that is not
                        * repeatable, else AGAIN */
    GRAPH_LATER,     /* nothing was done; AGAIN for this post */
    GRAPH_THROTTLED, /* too many calls: AGAIN for the channel, after the time told, or 15 minutes */
    GRAPH_PAUSED, /* the platform wants quiet: AGAIN for the channel after pause_ms; people are told */
    GRAPH_TOKEN,   /* the access token is not taken: BLOCKED, renewed once where it can be */
    GRAPH_BROKEN,  /* a permission, the account, the app: BLOCKED */
    GRAPH_REFUSED, /* this post, for good: REJECTED */
    GRAPH_GONE, /* what the request is about does not exist: REJECTED; an adapter may know better */
    GRAPH_OWN, /* this and more: an adapter's own meanings. As LATER, where it does not look */
};

/* First match wins. */
struct graph_row {
    int64_t code, subcode; /* 0: any */
    const char *needle;    /* substring of the text, folded; NULL: any */
    enum graph_means means;
    int64_t pause_ms; /* PAUSED; of LATER, THROTTLED and OWN: at least so long; 0 */
    const char *hint; /* what to do about it, for people; NULL */
};
/* Ends a table: a row that means nothing. */
#define GRAPH_END                                                                              \
    {                                                                                          \
        .means = 0                                                                             \
    }

/* The row for an error: of `rows` (NULL: none), then of those that hold everywhere. NULL: none does. */
const struct graph_row *graph_find(const struct graph_row *rows, const struct graph_error *e);
/* The verdict on an answer that is not the one hoped for, of any kind: by graph_find(), by is_transient,
 * else by its status. The detail is "400 190/463: text; hint (trace AbCd)". */
struct verdict graph_trouble(const struct graph_row *rows,
                             const struct step *step,
                             const struct http_response *res);
/* The same where the adapter has the row already, and one it chose may be of its own. row may be NULL. */
struct verdict graph_verdict(const struct graph_row *row,
                             const struct graph_error *e,
                             const struct step *step,
                             const struct http_response *res);
/* Code and subcode, subcode 0: any. */
bool graph_is(const struct graph_error *e, int64_t code, int64_t subcode);

/* How long we are to be quiet: estimated_time_to_regain_access (minutes, the longest of all) of
 * X-Business-Use-Case-Usage, or Retry-After. 0: not told. */
int64_t graph_regain_ms(const struct http_response *res);
/* The fullest of the budgets that X-App-Usage, X-Page-Usage and X-Business-Use-Case-Usage tell, in percent;
 * 0: none is told. */
int64_t graph_usage_percent(const struct http_response *res);

/* ---- requests ---- */

/* Method, address (api without its last slash, then the path), "Authorization: Bearer TOKEN" (NULL: none),
 * Accept. What goes into the path must be fit for it: graph_id(). */
void graph_request(struct http_request *req,
                   enum http_method method,
                   const char *api,
                   const char *token,
                   const char *path_format,
                   ...) PRINTF_LIKE(5, 6);
void graph_vrequest(struct http_request *req,
                    enum http_method method,
                    const char *api,
                    const char *token,
                    const char *path_format,
                    va_list args) PRINTF_LIKE(5, 0);
/* name=value at the end of the address, encoded. value NULL: nothing. */
void graph_query(struct http_request *req, const char *name, const char *value);
/* appsecret_proof in the address: hex of HMAC-SHA256(app secret, access token), which apps may demand.
 * Nothing where either is missing. */
void graph_prove(struct http_request *req, const struct secret *app_secret, const char *token);

/* Whether a text is an id as Meta makes them, digits with at most one "_" between them: fit for a path. */
#define GRAPH_ID_BYTES 64
bool graph_is_id(const char *text);
/* The `id` of an answer with status 2xx, a string or a number, copied to out; NULL when there is none. */
const char *
graph_answer_id(const struct http_response *res, const char *name, char out[GRAPH_ID_BYTES]);

/* "2026-11-23T15:00:00+0000", as Meta writes times; text may be NULL. */
bool graph_time(const char *text, int64_t *out_ms);
/* Whether two texts say the same, whatever blanks are between; NULL and empty ones never do. */
bool graph_same_text(const char *a, const char *b);

#endif
