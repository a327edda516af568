/* Whether a list of the account's posts holds the one of a delivery in doubt. Called by verify steps;
 * the list is read newest first, back to the time the delivery was made. */

#include "adapters/look.h"

#include <string.h>

#include "adapters/record.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"

#define PAGES_MAX 5
/* So long after a request was sent its post may still appear: who was cut off does not know how far it came, the
 * platform may fetch a picture first, and lists lag behind by seconds. */
#define WORKED_ON_MS (15 * MS_SECOND)
#define TEXT_BYTES_MAX ((size_t)1024 * 1024)

static bool same_place(const char *a, const char *b)
{
    struct buf one, other;
    bool same;

    if (!a || !b) {
        return false;
    }
    buf_init(&one, 2 * (size_t)ARTICLE_URL_BYTES);
    buf_init(&other, 2 * (size_t)ARTICLE_URL_BYTES);
    same = url_identity(&one, a) && url_identity(&other, b) && buf_ok(&one) && buf_ok(&other) &&
           strcmp(buf_str(&one), buf_str(&other)) == 0;
    buf_done(&other);
    buf_done(&one);
    return same;
}

static bool leads_to_article(const struct step_ctx *ctx, const char *url)
{
    return same_place(url, ctx->link) || same_place(url, ctx->article->url);
}

static bool mentions_article(const struct step_ctx *ctx, const char *text)
{
    size_t len = strlen(text), pos = 0, start, end;
    bool found = false;
    struct buf url;

    while (!found && text_next_link(text, len, pos, &start, &end)) {
        buf_init(&url, 2 * (size_t)ARTICLE_URL_BYTES);
        buf_add(&url, text + start, end - start);
        found = buf_ok(&url) && leads_to_article(ctx, buf_str(&url));
        buf_done(&url);
        pos = end;
    }
    return found;
}

static bool is_text_sent(const struct step_ctx *ctx, const char *text)
{
    const char *sent = post_str(ctx, "text");
    struct buf a, b;
    bool same;

    if (!sent || !*sent) {
        return false;
    }
    buf_init(&a, TEXT_BYTES_MAX);
    buf_init(&b, TEXT_BYTES_MAX);
    text_collapse(&a, text, strlen(text));
    text_collapse(&b, sent, strlen(sent));
    same = buf_ok(&a) && buf_ok(&b) && a.len > 0 && strcmp(buf_str(&a), buf_str(&b)) == 0;
    buf_done(&b);
    buf_done(&a);
    return same;
}

bool look_is_ours(const struct step_ctx *ctx, const struct look_post *post)
{
    return post->id && ((post->link && leads_to_article(ctx, post->link)) ||
                        (post->text &&
                         (mentions_article(ctx, post->text) || is_text_sent(ctx, post->text))));
}

static bool is_older(const struct step_ctx *ctx, const struct look_post *post, int64_t by_ms)
{
    return post->at_ms > 0 && post->at_ms < ctx->created_at_ms - by_ms;
}

bool look_is_too_old(const struct step_ctx *ctx, const struct look_post *post)
{
    return is_older(ctx, post, ADAPTER_CLOCK_WRONG_MS);
}

static void forget(struct step_ctx *ctx)
{
    record_drop(ctx->record, "look_pages");
    record_drop(ctx->record, "look_from");
}

struct verdict
look_found(struct step_ctx *ctx, const struct look_post *post, const char *const *kept)
{
    forget(ctx);
    if (is_older(ctx, post, ADAPTER_CLOCK_DIFFERENCE_MS)) {
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", ADAPTER_SEEMS_OLDER);
    }
    record_keep(ctx, kept);
    post_set(ctx, post->id, post->url);
    return verdict_done();
}

bool look_is_too_soon(const struct step_ctx *ctx, struct verdict *out)
{
    int64_t age_ms = ctx->now_ms - record_int(ctx->record, "sent_at_ms");

    if (age_ms < 0 || age_ms >= WORKED_ON_MS) {
        return false;
    }
    *out = verdict_make(VERDICT_AGAIN,
                        SCOPE_POST,
                        WORKED_ON_MS - age_ms,
                        "not there yet; the request may still be worked on");
    out->not_counted = true;
    return true;
}

struct verdict
look_further(struct step_ctx *ctx, const char *step, const char *from, bool reached)
{
    int64_t pages = record_int(ctx->record, "look_pages") + 1;
    struct verdict v;

    if (reached || !from || pages >= PAGES_MAX) {
        forget(ctx);
    }
    if (reached) {
        return look_is_too_soon(ctx, &v)
                   ? v
                   : verdict_make(VERDICT_ABSENT,
                                  SCOPE_POST,
                                  0,
                                  "the account's list holds no such post");
    }
    if (!from || pages >= PAGES_MAX) {
        return verdict_make(VERDICT_UNKNOWN,
                            SCOPE_POST,
                            0,
                            "the account has posted too much since to look through");
    }
    record_set_int(ctx->record, "look_pages", pages);
    json_set_str(ctx->record, "look_from", from);
    return verdict_jump(step);
}

const char *look_from(const struct step_ctx *ctx)
{
    return record_str(ctx->record, "look_from");
}

int64_t look_time(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    int64_t at_ms = 0;
    struct buf with_zone;

    if (len == 0 || time_parse_rfc3339(text, len, &at_ms)) {
        return at_ms;
    }
    buf_init(&with_zone, 64);
    buf_addf(&with_zone, "%sZ", text);
    if (!buf_ok(&with_zone) ||
        !time_parse_rfc3339(buf_str(&with_zone), with_zone.len, &at_ms)) {
        at_ms = 0;
    }
    buf_done(&with_zone);
    return at_ms;
}
