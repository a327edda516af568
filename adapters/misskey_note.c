/* A note on a Misskey server: how long it may be, its picture, the note itself. The first steps of the
 * adapter's courses.
 *
 * There is no key of ours and no edit: a note is sent once and then looked for, and a changed article is
 * another note, in place of the first or in reply to it. */

#include "adapters/misskey_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/picture.h"
#include "adapters/record.h"
#include "base/json.h"

#define LEARNED_FOR_MS MS_DAY
#define CHARACTERS_MAX 1000000 /* a limit beyond that is no limit but a mistake */
#define ALT_BYTES_MAX ((size_t)64 * 1024)
#define PAGE_BYTES_MAX 4096
#define META_BYTES_MAX ((size_t)4 * 1024 * 1024)

bool misskey__nothing_to_do(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && misskey__settings(ctx)->on_update == MISSKEY_IGNORE;
}

/* ---- limits ---- */

static const json_t *learned(const struct step_ctx *ctx)
{
    const json_t *limits = json_object_get(ctx->account, "limits");
    const char *of = record_str(limits, "instance");

    return of && strcmp(of, misskey__settings(ctx)->instance) == 0 ? limits : NULL;
}

enum err_code
misskey__build_limits(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const json_t *limits = learned(ctx);
    int64_t age_ms = ctx->now_ms - record_int(limits, "at_ms");
    json_t *body;

    (void)why;
    if (misskey__nothing_to_do(ctx) || (limits && age_ms >= 0 && age_ms < LEARNED_FOR_MS)) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    (void)json_object_set_new(body, "detail", json_false());
    misskey__request(ctx, req, "meta", body);
    req->max_answer_bytes = META_BYTES_MAX;
    return ERR_NONE;
}

/* A server that does not tell is not asked at every note either. */
struct verdict misskey__read_limits(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    int64_t characters = record_int(body, "maxNoteTextLength");
    json_t *limits;

    if (res->status == 429) {
        json_decref(body);
        return misskey__trouble(res, false);
    }
    limits = json_object();
    json_set_str(limits, "instance", misskey__settings(ctx)->instance);
    record_set_int(limits, "at_ms", ctx->now_ms);
    if (characters > 0 && characters < CHARACTERS_MAX) {
        record_set_int(limits, "text_characters", characters);
    }
    (void)json_object_set_new(ctx->account, "limits", limits);
    json_decref(body);
    return verdict_next();
}

static MUST_USE enum err_code fix_texts(struct step_ctx *ctx, struct err *why)
{
    const struct misskey_settings *s = misskey__settings(ctx);
    struct text_rule rule = misskey__limits[MISSKEY_LIMIT_TEXT];
    int64_t told = record_int(learned(ctx), "text_characters");
    enum err_code rc;

    rule.max = (size_t)(told > 0 ? told : s->max_characters);
    rc = fit_record(ctx, "text", s->text, &rule, mustache_escape_none, why);
    if (rc || !s->cw) {
        return rc;
    }
    return fit_record(
        ctx, "cw", s->cw, &misskey__limits[MISSKEY_LIMIT_CW], mustache_escape_none, why);
}

/* ---- the picture ---- */

bool misskey__media_wanted(const struct step_ctx *ctx)
{
    return !misskey__nothing_to_do(ctx) &&
           misskey__settings(ctx)->media == MISSKEY_MEDIA_AUTO &&
           (picture_is_wanted(ctx) ||
            (record_flag(ctx->record, "media_again") && picture_url(ctx) &&
             !record_str(ctx->record, "media_id") && !record_str(ctx->record, "media_off")));
}

/* The same bytes again are the same file to the server: it compares. */
enum err_code
misskey__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct misskey_settings *s = misskey__settings(ctx);
    struct buf alt;

    (void)why;
    if (misskey__nothing_to_do(ctx) ||
        !picture_begin(ctx, req, misskey__media_wanted(ctx), MISSKEY_IMAGE_BYTES)) {
        req->skip = true;
        return ERR_NONE;
    }
    misskey__request(ctx, req, "drive/files/create", NULL);
    http_add_part_text(req, "i", s->token.text);
    buf_init(&alt, ALT_BYTES_MAX);
    picture_alt(ctx, &misskey__limits[MISSKEY_LIMIT_ALT], &alt);
    if (alt.len > 0) {
        http_add_part_text(req, "comment", buf_str(&alt));
    }
    http_add_part_text(req, "isSensitive", s->sensitive ? "true" : "false");
    http_add_part_bytes(req,
                        "file",
                        picture_file_name(ctx->media->type),
                        ctx->media->type,
                        ctx->media->bytes,
                        ctx->media->len);
    buf_done(&alt);
    return ERR_NONE;
}

struct verdict misskey__read_upload(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = misskey__id(body);
    struct verdict v = verdict_next();

    if (id) {
        picture_taken(ctx, id);
    } else {
        v = picture_trouble(ctx, misskey__trouble(res, false));
    }
    json_decref(body);
    return v;
}

/* ---- the note ---- */

static void set_reply(const struct step_ctx *ctx, json_t *body)
{
    char id[MISSKEY_ID_BYTES];

    if (ctx->course == COURSE_UPDATE && misskey__settings(ctx)->on_update == MISSKEY_REPLY) {
        json_set_str(
            body,
            "replyId",
            misskey__note_id(
                misskey__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), id));
    }
}

static json_t *note_body(const struct step_ctx *ctx)
{
    const struct misskey_settings *s = misskey__settings(ctx);
    const char *picture = record_str(ctx->record, "media_id");
    const char *cw = record_str(ctx->record, "cw");
    json_t *body = json_object(), *files;

    json_set_str(body, "text", record_str(ctx->record, "text"));
    json_set_str(body, "visibility", misskey__visibilities[s->visibility]);
    (void)json_object_set_new(body, "localOnly", json_boolean(s->local_only));
    if (cw && *cw) {
        json_set_str(body, "cw", cw);
    }
    if (picture) {
        files = json_array();
        (void)json_array_append_new(files, json_string(picture));
        (void)json_object_set_new(body, "fileIds", files);
    }
    set_reply(ctx, body);
    return body;
}

enum err_code
misskey__build_note(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const char *const all[] = {
        "remote_id", "remote_url", "text", "cw", "media_id", "media_url", "standing", NULL};
    char id[MISSKEY_ID_BYTES];
    enum err_code rc;

    if (misskey__nothing_to_do(ctx)) {
        record_keep(ctx, all);
        req->skip = true;
        return ERR_NONE;
    }
    if (ctx->course == COURSE_UPDATE &&
        !misskey__note_id(
            misskey__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the note that stands is not known");
    }
    rc = fix_texts(ctx, why);
    if (rc) {
        return rc;
    }
    misskey__request(ctx, req, "notes/create", note_body(ctx));
    return ERR_NONE;
}

/* The picture is gone from the drive: once more, then without it. */
static struct verdict picture_lost(struct step_ctx *ctx)
{
    bool update = ctx->course == COURSE_UPDATE;
    struct verdict v;

    if (record_flag(ctx->record, "media_again")) {
        picture_off(ctx, "the server lost the picture twice");
        v = verdict_jump(update ? "renew_note" : "create_note");
    } else {
        record_set_flag(ctx->record, "media_again", true);
        record_drop(ctx->record, "media_id");
        v = verdict_jump("upload_file");
    }
    v.refused = true;
    return v;
}

static struct verdict note_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (misskey__error_is(res, "NO_SUCH_FILE") && record_str(ctx->record, "media_id")) {
        return picture_lost(ctx);
    }
    v = misskey__trouble(res, true);
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "cw");
    }
    return v;
}

void misskey__take_note(struct step_ctx *ctx, const char *id)
{
    struct buf page;

    buf_init(&page, PAGE_BYTES_MAX);
    misskey__page(ctx, id, &page);
    post_set(ctx, id, buf_ok(&page) ? buf_str(&page) : NULL);
    misskey__note_standing(ctx, id);
    buf_done(&page);
}

struct verdict misskey__read_note(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = misskey__id(json_object_get(body, "createdNote"));
    struct verdict v = verdict_next(); /* an update goes on to what stood before */

    if (id) {
        misskey__take_note(ctx, id);
    } else {
        v = note_trouble(ctx, res);
    }
    json_decref(body);
    return v;
}
