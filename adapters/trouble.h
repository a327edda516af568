#ifndef CRIER_ADAPTERS_TROUBLE_H
#define CRIER_ADAPTERS_TROUBLE_H

/* The rules from status to verdict that platforms share. An adapter handles what differs and
 * gives the rest to trouble_from_status(). service/courier.c gives failed exchanges to
 * trouble_from_transport(). */

#include "adapters/adapter.h"

/* For answers an adapter has no row for:
 *   2xx            the adapter's bug or a lie: UNKNOWN when the step publishes, else AGAIN
 *   3xx            REJECTED (POSTs are never redirected)
 *   401, 403       BLOCKED       404, 410, other 4xx  REJECTED
 *   408, 425       AGAIN         429                  AGAIN, SCOPE_CHANNEL, Retry-After
 *   503            AGAIN, SCOPE_HOST, Retry-After
 *   other 5xx      after a publishing step that is not repeatable: UNKNOWN, else AGAIN
 * detail holds the status and the beginning of the body, cleaned of control bytes. */
struct verdict trouble_from_status(const struct step *step, const struct http_response *res);
/* Of a publishing step that may be repeated, a lost request may still be worked on: two of one key
 * side by side can make two posts, so its repeat waits this long at least. */
#define TROUBLE_AFTER_LOSS_MS (5 * MS_SECOND)
struct verdict trouble_from_transport(const struct step *step,
                                      enum transport_outcome outcome,
                                      const char *error);
/* The beginning of what a platform said, on one line, fit for a detail: always UTF-8 without
 * control characters, at most TROUBLE_EXCERPT_BYTES. text may be NULL when len is 0. */
#define TROUBLE_EXCERPT_BYTES 160
void trouble_excerpt(char out[TROUBLE_EXCERPT_BYTES + 1], const char *text, size_t len);
/* The same appended, when out is empty: an answer nobody can read is better shown than left out. */
void trouble_say_body(struct buf *out, const struct http_response *res);
/* What an error body says under two names, appended as "first: second"; either may be missing.
 */
void trouble_say(struct buf *out, const json_t *body, const char *first, const char *second);
/* Where 503 is not said by the front door alone, but by something behind it too (large platforms of many
 * layers): *v is doubted after a publishing step that must not be repeated, and only where trouble_from_status()
 * made it, by this status. */
void trouble_doubt_503(const struct step *step,
                       const struct http_response *res,
                       struct verdict *v);
/* A row of an adapter's error table: first match wins. */
struct trouble_row {
    int status;         /* 0: any; then needle is set */
    const char *needle; /* substring of the error text, folded; NULL: any */
    enum verdict_kind kind;
    enum verdict_scope scope;
    const char *jump; /* with VERDICT_NEXT */
};
/* Ends a table: a row that says neither status nor text. */
#define TROUBLE_END                                                                            \
    {                                                                                          \
        .status = 0, .needle = NULL                                                            \
    }
/* True and *out set when a row matches; text is the platform's error text (may be NULL).
 * retry_after_ms goes into verdicts of kind AGAIN. */
bool trouble_match(const struct trouble_row *rows,
                   int status,
                   const char *text,
                   int64_t retry_after_ms,
                   struct verdict *out);

/* A web page where an answer should be: maintenance, or a guard in front of the server. Such an answer
 * says nothing about what was asked. */
bool trouble_is_page(const struct http_response *res);
/* AGAIN, of the host; after a publishing step that must not be repeated UNKNOWN, when its status
 * does not say no for certain. */
struct verdict trouble_from_page(const struct step *step, const struct http_response *res);

/* A row of the table of a platform that has a word (or a number) of its own for what is wrong. */
struct trouble_code {
    const char *code; /* exactly this one */
    enum verdict_kind
        kind; /* UNKNOWN: it may have been done; AGAIN where doing it again does no harm */
    enum verdict_scope scope;
    int64_t wait_ms; /* AGAIN: when the platform names no time */
    const char
        *hint; /* for whoever has to mend it, behind what the platform says; NULL: none */
    bool token_refused;
};
#define TROUBLE_CODE_END                                                                       \
    {                                                                                          \
        .code = NULL                                                                           \
    }
/* What a platform said of a request. */
struct trouble_said {
    int status;
    const char *code;    /* NULL: none */
    const char *message; /* for people; NULL: none */
    int64_t told_ms;     /* how long it wants us to wait; 0: it did not say */
};
/* True and *out set when a row has the code. */
bool trouble_by_code(const struct trouble_code *rows,
                     const struct step *step,
                     const struct trouble_said *said,
                     struct verdict *out);

#endif
