/* What a mail server's reply means. Called by email_send.c. A table, first match wins: the enhanced
 * status code (RFC 3463, registry of RFC 5248) says more than the basic one, and both mean another
 * thing to another command: "no" to MAIL is about us, "no" to RCPT about one reader, "no" to the
 * message about what is in it, or about us again.
 *
 * Sources: RFC 5321 section 4.2, RFC 3463, RFC 4954 section 6; 5.7.26 is Gmail's and 5.7.515
 * Microsoft's word for mail that is not authenticated. */

#include "adapters/email_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/trouble.h"
#include "base/attr.h"

#define AT(stage) (1U << (stage))
#define ANYWHERE (~0U)
#define CONNECTING (AT(MAIL_GREETING) | AT(MAIL_HELLO) | AT(MAIL_STARTTLS) | AT(MAIL_NOOP))
#define CONTENT (AT(MAIL_DATA) | AT(MAIL_MESSAGE))
#define READER AT(MAIL_RECIPIENT)
#define ANY (-1)

/* Greylisting lets through who comes again after five minutes, mostly. */
#define GREY_WAIT_MS (5 * MS_MINUTE)
#define FULL_WAIT_MS (15 * MS_MINUTE)

struct row {
    unsigned stages;
    int from, to;        /* basic code */
    int subject, detail; /* x.subject.detail, or ANY */
    enum email_meaning meaning;
    enum verdict_scope scope;
    int64_t wait_ms;
};

// clang-format off
static const struct row rows[] = {
    {AT(MAIL_MESSAGE),  200, 299, ANY, ANY, EMAIL_TAKEN,        SCOPE_POST,    0},
    {AT(MAIL_NOOP),     200, 299, ANY, ANY, EMAIL_TAKEN,        SCOPE_POST,    0},
    {ANYWHERE,          421, 421, ANY, ANY, EMAIL_SERVER_LATER, SCOPE_HOST,    0}, /* it is closing */
    {ANYWHERE,          454, 454, ANY, ANY, EMAIL_SERVER_LATER, SCOPE_CHANNEL, 0}, /* TLS or login, for now */
    {CONNECTING,        400, 499, ANY, ANY, EMAIL_SERVER_LATER, SCOPE_HOST,    0},
    {CONNECTING,        500, 599, ANY, ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0},
    {AT(MAIL_LOGIN),    400, 499, ANY, ANY, EMAIL_SERVER_LATER, SCOPE_CHANNEL, 0},
    {AT(MAIL_LOGIN),    500, 599, ANY, ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0},
    /* TLS or a login is wanted, or another one. */
    {ANYWHERE,          530, 530, ANY, ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0},
    {ANYWHERE,          534, 535, ANY, ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0},
    {ANYWHERE,          538, 538, ANY, ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0},

    {AT(MAIL_SENDER),   400, 499, 3,   ANY, EMAIL_SERVER_LATER, SCOPE_HOST,    0}, /* its disk is full, or so */
    {AT(MAIL_SENDER),   400, 499, ANY, ANY, EMAIL_SERVER_LATER, SCOPE_CHANNEL, 0},
    {AT(MAIL_SENDER),   500, 599, 3,   4,   EMAIL_MESSAGE_NO,   SCOPE_POST,    0}, /* too big */
    {AT(MAIL_SENDER),   552, 552, ANY, ANY, EMAIL_MESSAGE_NO,   SCOPE_POST,    0},
    {AT(MAIL_SENDER),   500, 599, ANY, ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0},

    {READER | CONTENT,  400, 499, 7,   ANY, EMAIL_READER_LATER, SCOPE_POST,    GREY_WAIT_MS},
    {READER | CONTENT,  400, 499, 2,   ANY, EMAIL_READER_LATER, SCOPE_POST,    FULL_WAIT_MS},
    {READER | CONTENT,  400, 499, ANY, ANY, EMAIL_READER_LATER, SCOPE_POST,    0},

    {READER,            500, 504, 5,   ANY, EMAIL_US_NO,        SCOPE_CHANNEL, 0}, /* what we said is wrong: "hello" */
    {READER | CONTENT,  500, 599, 1,   7,   EMAIL_US_NO,        SCOPE_CHANNEL, 0}, /* the sender's address */
    {READER | CONTENT,  500, 599, 1,   8,   EMAIL_US_NO,        SCOPE_CHANNEL, 0},
    {READER | CONTENT,  500, 599, 1,   ANY, EMAIL_READER_NO,    SCOPE_POST,    0},
    {CONTENT,           500, 599, 2,   3,   EMAIL_MESSAGE_NO,   SCOPE_POST,    0}, /* too big */
    {CONTENT,           500, 599, 3,   4,   EMAIL_MESSAGE_NO,   SCOPE_POST,    0},
    {READER | CONTENT,  500, 599, 2,   ANY, EMAIL_READER_NO,    SCOPE_POST,    0}, /* the mailbox */
    {READER | CONTENT,  500, 599, 4,   ANY, EMAIL_READER_NO,    SCOPE_POST,    0}, /* the way there */
    {READER | CONTENT,  500, 599, 6,   ANY, EMAIL_MESSAGE_NO,   SCOPE_POST,    0}, /* a form it cannot take */
    {READER | CONTENT,  500, 599, 7,   ANY, EMAIL_POLICY_NO,    SCOPE_POST,    0},
    {READER | CONTENT,  554, 554, ANY, ANY, EMAIL_POLICY_NO,    SCOPE_POST,    0},
    {READER,            500, 599, ANY, ANY, EMAIL_READER_NO,    SCOPE_POST,    0},
    {CONTENT,           500, 504, ANY, ANY, EMAIL_MESSAGE_NO,   SCOPE_POST,    0},
    {CONTENT,           552, 552, ANY, ANY, EMAIL_MESSAGE_NO,   SCOPE_POST,    0},
    {CONTENT,           555, 555, ANY, ANY, EMAIL_MESSAGE_NO,   SCOPE_POST,    0},
    {CONTENT,           500, 599, ANY, ANY, EMAIL_POLICY_NO,    SCOPE_POST,    0},
};
// clang-format on

/* "5.7.1 …" at the beginning of the text. False: there is none, or one of another class. */
static bool enhanced(const struct http_response *res, int *subject, int *detail)
{
    const char *text = res->body;
    int parts[3] = {0};
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t digits = 0;

        for (; at < res->body_len && text[at] >= '0' && text[at] <= '9'; at++) {
            parts[i] = parts[i] * 10 + (text[at] - '0');
            if (++digits > 3) {
                return false;
            }
        }
        if (digits == 0 || (i < 2 && (at >= res->body_len || text[at++] != '.'))) {
            return false;
        }
    }
    *subject = parts[1];
    *detail = parts[2];
    return parts[0] == res->status / 100;
}

static bool
row_matches(const struct row *r, const struct http_response *res, int subject, int detail)
{
    return (r->stages & AT(res->stage)) && res->status >= r->from && res->status <= r->to &&
           (r->subject == ANY || r->subject == subject) &&
           (r->detail == ANY || r->detail == detail);
}

void email__reply_read(struct email_reply *out, const struct http_response *res)
{
    char text[TROUBLE_EXCERPT_BYTES + 1];
    int subject = ANY - 1, detail = ANY - 1; /* which no row has */

    *out = (struct email_reply){.meaning = EMAIL_UNCLEAR};
    trouble_excerpt(text, res->body, res->body ? res->body_len : 0);
    (void)snprintf(out->said,
                   sizeof out->said,
                   "%d%s%s%s%s%s",
                   res->status,
                   text[0] ? " " : "",
                   text,
                   res->stage == MAIL_NO_STAGE ? "" : " (",
                   mail_stage_name(res->stage),
                   res->stage == MAIL_NO_STAGE ? "" : ")");
    if (!res->body || !enhanced(res, &subject, &detail)) {
        subject = detail = ANY - 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (row_matches(&rows[i], res, subject, detail)) {
            out->meaning = rows[i].meaning;
            out->scope = rows[i].scope;
            out->wait_ms = rows[i].wait_ms;
            return;
        }
    }
}
