/* The steps: one mail to one reader after the other, and what becomes of each. Called by the courier
 * through the courses in email.c. Owns nothing; who has the mail stands in the record
 * (email_readers.c), what it says is email_message.c's, what a reply means email_reply.c's.
 *
 * A course has two steps, which differ in what the ledger makes of a crash:
 *
 *   send        while more than one reader is left. May be repeated: whoever was at hand when the
 *               program stopped is left out and put in doubt, the others get theirs
 *   send_last   the last one that is left. Must not be repeated: a crash makes the delivery unknown
 *
 * After each answer the course goes back to `send`, which passes on to `send_last` by itself. Readers
 * that are refused are noted and the others go on. At the end of the walk, in this order:
 *
 *   somebody is to be tried later    again
 *   somebody may have it             unknown: on_unknown, or a person, says whether he gets it (again)
 *   nobody has it                    rejected; blocked when it was refused by policy throughout
 *   else                             done, and the detail says who was refused
 *
 * When no time is left to try again, what was sent stands: done, and the detail says who lacks it. */

#include "adapters/email_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mem.h"

#define SEND "send"
/* So many refusals by policy and nobody has it: it is about us, and more would make it worse. */
#define POLICY_ENOUGH 3
#define NAMED_MAX 2 /* of those refused, by address */
#define SAID_BYTES ((size_t)4096)

/* ---- requests ---- */

static void set_server(const struct email_settings *s, struct http_request *req)
{
    struct email_server server;

    must(email__server_read(&server, s->server));
    http_set_url(req,
                 "%s://%.*s:%d/%s",
                 s->tls == EMAIL_IMPLICIT ? "smtps" : "smtp",
                 (int)server.host_len,
                 server.host,
                 email__port(s, &server),
                 s->hello ? s->hello : "");
}

static MUST_USE enum err_code set_envelope(const struct email_settings *s,
                                           struct http_request *req,
                                           const char *to,
                                           struct err *why)
{
    static const enum mail_tls how[] = {
        [EMAIL_STARTTLS] = MAIL_TLS_REQUIRED,
        [EMAIL_IMPLICIT] = MAIL_TLS_REQUIRED,
        [EMAIL_OPPORTUNISTIC] = MAIL_TLS_IF_OFFERED,
        [EMAIL_NO_TLS] = MAIL_TLS_NONE,
    };
    struct email_mailbox from;
    enum err_code rc =
        email__mailbox_read(&from, "from", s->bounces ? s->bounces : s->from, why);

    if (rc) {
        return rc;
    }
    http_set_mail(req, from.address, to, how[s->tls]);
    if (s->user) {
        http_set_mail_login(req, s->user, &s->password);
    }
    email__mailbox_done(&from);
    return ERR_NONE;
}

static MUST_USE enum err_code build_mail(struct step_ctx *ctx,
                                         struct http_request *req,
                                         const struct email_mailbox *reader,
                                         struct err *why)
{
    const json_t *thread = json_object_get(ctx->record, EMAIL_THREAD);
    bool answers = ctx->course != COURSE_PUBLISH && email__had_first(ctx, reader->key);
    enum err_code rc = set_envelope(email__settings(ctx), req, reader->address, why);

    if (rc) {
        return rc;
    }
    set_server(email__settings(ctx), req);
    return email__message(ctx, reader, thread, answers, &req->body, why);
}

/* What the ledger and the API show: the same for all readers. */
static MUST_USE enum err_code note_text(struct step_ctx *ctx, struct err *why)
{
    enum err_code rc;
    struct buf text;

    if (record_str(ctx->record, "text")) {
        return ERR_NONE;
    }
    buf_init(&text, HTTP_BODY_BYTES);
    rc = email__plain(ctx, &text, why);
    if (!rc) {
        json_set_str(ctx->record, "text", buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

static MUST_USE enum err_code may_send(const struct step_ctx *ctx, struct err *why)
{
    if (ctx->course == COURSE_RETRACT && !email__settings(ctx)->retraction_notice) {
        return err_set(
            why,
            ERR_UNSUPPORTED,
            "a mail cannot be taken back; retraction_notice: true sends a notice instead");
    }
    return ERR_NONE;
}

static MUST_USE enum err_code
nobody_left(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    size_t doubt = email__readers_count(ctx, EMAIL_IN_DOUBT);

    if (doubt == 0) {
        req->skip = true;
        return ERR_NONE;
    }
    /* The list got shorter while somebody was at hand. */
    email__readers_told(ctx);
    return err_set(
        why,
        ERR_CONFLICT,
        "%zu of the readers may have it or not, and there is nobody else to write to",
        doubt);
}

static MUST_USE enum err_code
build(struct step_ctx *ctx, struct http_request *req, bool last, struct err *why)
{
    struct email_mailbox reader;
    enum err_code rc = may_send(ctx, why);
    size_t count;

    if (rc) {
        return rc;
    }
    email__readers_open(ctx);
    if (!email__readers_next(ctx, &reader, &count)) {
        req->skip = !last;
        return last ? nobody_left(ctx, req, why) : ERR_NONE;
    }
    if (!last && count == 1) {
        req->skip = true;
    } else {
        rc = note_text(ctx, why);
        rc = rc ? rc : build_mail(ctx, req, &reader, why);
        email__readers_begin(ctx, reader.key, last);
    }
    email__mailbox_done(&reader);
    return rc;
}

enum err_code email__build_more(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return build(ctx, req, false, why);
}

enum err_code email__build_last(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return build(ctx, req, true, why);
}

/* ---- what is said of it ---- */

static void add_names(struct buf *out, json_t *of, const char *what)
{
    const char *key;
    size_t n = 0;
    json_t *v;

    if (json_object_size(of) == 0) {
        return;
    }
    buf_addf(out, "%s%s ", out->len ? "; " : "", what);
    json_object_foreach(of, key, v)
    {
        const char *said = json_path_str(v, "said");

        if (n++ < NAMED_MAX) {
            buf_addf(out, n > 1 ? ", %s" : "%s", key);
            if (said) {
                buf_addf(out, ": %.80s", said);
            }
        }
    }
    if (n > NAMED_MAX) {
        buf_addf(out, " and %zu more", n - NAMED_MAX);
    }
}

/* "sent to 2 of 3; refused: a@b.example: 550 5.1.1 No such user". */
static void add_so_far(struct step_ctx *ctx, struct buf *out)
{
    size_t from = out->len;
    struct buf text;

    buf_init(&text, SAID_BYTES);
    buf_addf(&text,
             "sent to %zu of %zu",
             email__readers_count(ctx, EMAIL_SENT),
             email__readers_total(ctx));
    add_names(&text, json_object_get(ctx->record, EMAIL_IN_DOUBT), "in doubt:");
    add_names(&text, json_object_get(ctx->record, EMAIL_REFUSED), "refused:");
    add_names(&text, json_object_get(ctx->record, EMAIL_LATER), "later:");
    buf_addf(out, "%s%s", from > 0 ? "; " : "", buf_str(&text));
    buf_done(&text);
}

static struct verdict conclude(struct step_ctx *ctx,
                               enum verdict_kind kind,
                               enum verdict_scope scope,
                               int64_t wait_ms)
{
    struct verdict v;
    struct buf text;

    buf_init(&text, SAID_BYTES);
    add_so_far(ctx, &text);
    v = verdict_make(kind, scope, wait_ms, "%s", buf_str(&text));
    buf_done(&text);
    return v;
}

/* Whatever goes on, begins with the step that knows which one is due; and what most have may stay as it
 * is when there is no time left, even with one of them in doubt. */
static struct verdict goes_on(struct step_ctx *ctx, struct verdict v)
{
    v.jump = SEND;
    v.stands = v.kind == VERDICT_AGAIN && email__readers_count(ctx, EMAIL_SENT) > 0;
    return v;
}

/* Stopped half-way: it says why, and then how far it came. */
static struct verdict interrupted(struct step_ctx *ctx,
                                  enum verdict_kind kind,
                                  enum verdict_scope scope,
                                  int64_t wait_ms,
                                  const char *said)
{
    char excerpt[TROUBLE_EXCERPT_BYTES + 1];
    struct verdict v;
    struct buf text;

    trouble_excerpt(excerpt, said, strlen(said));
    buf_init(&text, SAID_BYTES);
    buf_adds(&text, excerpt);
    if (email__readers_count(ctx, EMAIL_SENT) + email__readers_count(ctx, EMAIL_IN_DOUBT) > 0) {
        add_so_far(ctx, &text);
    }
    v = verdict_make(kind, scope, wait_ms, "%s", buf_str(&text));
    buf_done(&text);
    return goes_on(ctx, v);
}

static struct verdict unknown(struct step_ctx *ctx)
{
    email__readers_told(ctx);
    return goes_on(ctx, conclude(ctx, VERDICT_UNKNOWN, SCOPE_POST, 0));
}

/* ---- the end of the walk ---- */

static int64_t longest_wait(const struct step_ctx *ctx)
{
    int64_t longest = 0;
    const char *key;
    json_t *v;

    json_object_foreach(json_object_get(ctx->record, EMAIL_LATER), key, v)
    {
        int64_t wait = record_int(v, "wait_ms");

        longest = wait > longest ? wait : longest;
    }
    return longest;
}

static bool all_by_policy(const struct step_ctx *ctx)
{
    const char *key;
    json_t *v;

    json_object_foreach(json_object_get(ctx->record, EMAIL_REFUSED), key, v)
    {
        if (!record_flag(v, "policy")) {
            return false;
        }
    }
    return email__readers_count(ctx, EMAIL_REFUSED) > 0;
}

/* Nobody has it. Whoever mends what is wrong, or asks for it again, wants all of them tried. */
static struct verdict nobody_has_it(struct step_ctx *ctx)
{
    struct verdict v;

    if (all_by_policy(ctx)) {
        v = goes_on(ctx, conclude(ctx, VERDICT_BLOCKED, SCOPE_CHANNEL, 0));
        email__readers_forgive(ctx);
        return v;
    }
    v = conclude(ctx, VERDICT_REJECTED, SCOPE_POST, 0);
    record_drop(ctx->record, EMAIL_REFUSED);
    return v;
}

static struct verdict walk_over(struct step_ctx *ctx)
{
    if (email__readers_count(ctx, EMAIL_LATER) > 0) {
        return goes_on(ctx, conclude(ctx, VERDICT_AGAIN, SCOPE_POST, longest_wait(ctx)));
    }
    if (email__readers_count(ctx, EMAIL_IN_DOUBT) > 0) {
        return unknown(ctx);
    }
    if (email__readers_count(ctx, EMAIL_SENT) == 0) {
        return nobody_has_it(ctx);
    }
    return conclude(ctx, VERDICT_DONE, SCOPE_POST, 0);
}

static struct verdict next_reader(struct step_ctx *ctx)
{
    return email__readers_left(ctx) > 0 ? verdict_jump(SEND) : walk_over(ctx);
}

/* ---- answers ---- */

static void file_sent(struct step_ctx *ctx, const struct email_reply *reply)
{
    const json_t *thread = json_object_get(ctx->record, EMAIL_THREAD);
    const char *to = email__readers_at_hand(ctx);
    struct email_mailbox reader;
    struct buf id;

    if (to && !record_str(ctx->record, "remote_id") && ctx->course == COURSE_PUBLISH &&
        email__mailbox_read(&reader, "to", to, NULL) == ERR_NONE) {
        buf_init(&id, SAID_BYTES);
        email__message_id(&id, ctx->key, &reader, record_str(thread, "domain"));
        post_set(ctx, buf_str(&id), NULL);
        buf_done(&id);
        email__mailbox_done(&reader);
    }
    email__readers_file(ctx, EMAIL_SENT, json_string(reply->said));
}

static void file_refused(struct step_ctx *ctx, const struct email_reply *reply)
{
    json_t *v = json_object();

    json_set_str(v, "said", reply->said);
    record_set_flag(v, "policy", reply->meaning == EMAIL_POLICY_NO);
    email__readers_file(ctx, EMAIL_REFUSED, v);
}

static void file_later(struct step_ctx *ctx, const struct email_reply *reply)
{
    json_t *v = json_object();

    json_set_str(v, "said", reply->said);
    record_set_int(v, "wait_ms", reply->wait_ms);
    email__readers_file(ctx, EMAIL_LATER, v);
}

static struct verdict message_refused(struct step_ctx *ctx, const struct email_reply *reply)
{
    if (email__readers_count(ctx, EMAIL_SENT) > 0 ||
        email__readers_count(ctx, EMAIL_IN_DOUBT) > 0) {
        file_refused(ctx, reply); /* others took it: it is this one's server that does not */
        return next_reader(ctx);
    }
    email__readers_drop_at_hand(ctx);
    return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", reply->said);
}

static struct verdict policy_refused(struct step_ctx *ctx, const struct email_reply *reply)
{
    file_refused(ctx, reply);
    if (email__readers_count(ctx, EMAIL_SENT) == 0 && all_by_policy(ctx) &&
        email__readers_count(ctx, EMAIL_REFUSED) >= POLICY_ENOUGH) {
        return nobody_has_it(ctx);
    }
    return next_reader(ctx);
}

/* A server that sends us away in the middle may mean this reader: next time the others come first. */
static struct verdict
server_later(struct step_ctx *ctx, const struct email_reply *reply, enum mail_stage stage)
{
    if (stage >= MAIL_RECIPIENT && email__readers_left(ctx) > 1) {
        file_later(ctx, reply);
    } else {
        email__readers_drop_at_hand(ctx);
    }
    return interrupted(ctx, VERDICT_AGAIN, reply->scope, reply->wait_ms, reply->said);
}

static struct verdict blocked(struct step_ctx *ctx, const struct email_reply *reply)
{
    email__readers_drop_at_hand(ctx);
    return interrupted(ctx, VERDICT_BLOCKED, SCOPE_CHANNEL, 0, reply->said);
}

struct verdict email__read(struct step_ctx *ctx, const struct http_response *res)
{
    struct email_reply reply;

    email__reply_read(&reply, res);
    switch (reply.meaning) {
    case EMAIL_TAKEN:
        file_sent(ctx, &reply);
        return next_reader(ctx);
    case EMAIL_READER_NO:
        file_refused(ctx, &reply);
        return next_reader(ctx);
    case EMAIL_POLICY_NO:
        return policy_refused(ctx, &reply);
    case EMAIL_READER_LATER:
        file_later(ctx, &reply);
        return next_reader(ctx);
    case EMAIL_MESSAGE_NO:
        return message_refused(ctx, &reply);
    case EMAIL_SERVER_LATER:
        return server_later(ctx, &reply, res->stage);
    case EMAIL_US_NO:
        return blocked(ctx, &reply);
    case EMAIL_UNCLEAR:
        break;
    }
    /* It said neither yes nor no behind the message. */
    email__readers_file(ctx, EMAIL_IN_DOUBT, json_true());
    return next_reader(ctx);
}

/* ---- no answer ---- */

/* Whoever was at hand may have it. The others come after a pause: a server that loses one connection
 * may lose the next, and each of them is a reader in doubt. */
static struct verdict lost(struct step_ctx *ctx, const char *error)
{
    email__readers_file(ctx, EMAIL_IN_DOUBT, json_true());
    if (email__readers_left(ctx) == 0 && email__readers_count(ctx, EMAIL_LATER) == 0) {
        return unknown(ctx);
    }
    return interrupted(ctx, VERDICT_AGAIN, SCOPE_POST, TROUBLE_AFTER_LOSS_MS, error);
}

static struct verdict not_sent(struct step_ctx *ctx, const char *error)
{
    email__readers_drop_at_hand(ctx);
    return interrupted(ctx, VERDICT_AGAIN, SCOPE_HOST, 0, error);
}

struct verdict
email__unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    return outcome == TRANSPORT_NOT_SENT ? not_sent(ctx, error) : lost(ctx, error);
}

/* ---- the test ---- */

enum err_code email__build_noop(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    set_server(email__settings(ctx), req);
    return set_envelope(email__settings(ctx), req, NULL, why);
}

struct verdict email__read_noop(struct step_ctx *ctx, const struct http_response *res)
{
    struct email_reply reply;

    (void)ctx;
    email__reply_read(&reply, res);
    switch (reply.meaning) {
    case EMAIL_TAKEN:
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "%s", reply.said);
    case EMAIL_SERVER_LATER:
    case EMAIL_READER_LATER:
    case EMAIL_UNCLEAR:
        return verdict_make(VERDICT_AGAIN, reply.scope, reply.wait_ms, "%s", reply.said);
    default:
        return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", reply.said);
    }
}
