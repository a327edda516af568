/* The vocabulary of the contract: verdicts as values and names, courses as names, and what a
 * post is known by. Called by every adapter, by service/courier.c and by the ledger's tables of
 * names. */

#include "adapters/adapter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/text.h"

static const char *const verdict_names[] = {
    [VERDICT_NEXT] = "next",
    [VERDICT_DONE] = "done",
    [VERDICT_AGAIN] = "again",
    [VERDICT_UNKNOWN] = "unknown",
    [VERDICT_REJECTED] = "rejected",
    [VERDICT_BLOCKED] = "blocked",
    [VERDICT_ABSENT] = "absent",
};

static const char *const course_names[] = {
    [COURSE_PUBLISH] = "publish",
    [COURSE_UPDATE] = "update",
    [COURSE_RETRACT] = "retract",
    [COURSE_VERIFY] = "verify",
    [COURSE_TEST] = "test",
};

const char *verdict_name(enum verdict_kind kind)
{
    must((size_t)kind < ARRAY_LEN(verdict_names));
    return verdict_names[kind];
}

struct verdict verdict_next(void)
{
    return (struct verdict){.kind = VERDICT_NEXT};
}

struct verdict verdict_jump(const char *step)
{
    return (struct verdict){.kind = VERDICT_NEXT, .jump = step};
}

struct verdict verdict_done(void)
{
    return (struct verdict){.kind = VERDICT_DONE};
}

PRINTF_LIKE(2, 0) static void set_detail(struct verdict *v, const char *format, va_list args)
{
    (void)vsnprintf(v->detail, sizeof v->detail, format, args);
    (void)text_drop_halves(v->detail);
}

struct verdict verdict_make(enum verdict_kind kind,
                            enum verdict_scope scope,
                            int64_t retry_after_ms,
                            const char *format,
                            ...)
{
    struct verdict v = {.kind = kind, .scope = scope, .retry_after_ms = retry_after_ms};
    va_list args;

    va_start(args, format);
    set_detail(&v, format, args);
    va_end(args);
    return v;
}

struct verdict verdict_token_refused(const char *format, ...)
{
    struct verdict v = {.kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL, .token_refused = true};
    va_list args;

    va_start(args, format);
    set_detail(&v, format, args);
    va_end(args);
    return v;
}

const char *course_name(enum course c)
{
    must((size_t)c < ARRAY_LEN(course_names));
    return course_names[c];
}

bool course_parse(const char *name, enum course *out)
{
    for (size_t i = 0; i < ARRAY_LEN(course_names); i++) {
        if (strcmp(name, course_names[i]) == 0) {
            *out = (enum course)i;
            return true;
        }
    }
    return false;
}

void post_set(struct step_ctx *ctx, const char *remote_id, const char *remote_url)
{
    json_set_str(ctx->record, "remote_id", remote_id);
    json_set_str(ctx->record, "remote_url", remote_url);
}

const char *post_str(const struct step_ctx *ctx, const char *name)
{
    return ctx->post ? json_path_str(ctx->post, name) : NULL;
}

const char *post_id(const struct step_ctx *ctx)
{
    return post_str(ctx, "remote_id");
}

struct media_bounds adapter_media_bounds(const struct adapter *a, const struct step_ctx *ctx)
{
    struct media_bounds bounds = {.max_bytes = a->media_max_bytes};

    if (a->media_bounds) {
        a->media_bounds(ctx, &bounds);
    }
    return bounds;
}
