/* Whose account this is, and whether our Pin is on the board after an outcome nobody knows. Courses verify and
 * test. A Pin that leads to the article, made since the delivery was, is ours. */

#include "adapters/pinterest_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/url.h"

#define PAGE_SIZE 25
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static const struct step harmless = {.repeatable = true};

enum err_code
pinterest__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *from = look_from(ctx);
    struct buf bookmark;

    (void)why;
    buf_init(&bookmark, 16384);
    if (from) {
        buf_adds(&bookmark, "&bookmark=");
        url_encode(&bookmark, from);
    }
    pinterest__request(ctx,
                       req,
                       HTTP_GET,
                       "/boards/%s/pins?page_size=%d%s",
                       pinterest__settings(ctx)->board,
                       PAGE_SIZE,
                       buf_str(&bookmark));
    buf_done(&bookmark);
    req->max_answer_bytes = PAGE_BYTES_MAX;
    return ERR_NONE;
}

/* Without a link (the article's was too long for one) title and description must do; with one they say nothing:
 * many Pins may have the same description. */
static const char *telling_text(const struct step_ctx *ctx, const json_t *pin)
{
    const char *title = record_str(pin, "title"), *sent = post_str(ctx, "title");
    const char *link = record_str(pin, "link");

    return (!link || !*link) && title && sent && strcmp(title, sent) == 0
               ? record_str(pin, "description")
               : NULL;
}

static struct look_post post_of(const struct step_ctx *ctx, const json_t *pin, char url[96])
{
    const char *id = record_str(pin, "id");

    (void)snprintf(url, 96, "https://www.pinterest.com/pin/%.31s/", id ? id : "");
    return (struct look_post){.id = pinterest__is_id(id) ? id : NULL,
                              .url = url,
                              .link = record_str(pin, "link"),
                              .text = telling_text(ctx, pin),
                              .at_ms = look_time(record_str(pin, "created_at"))};
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *body)
{
    static const char *const kept[] = {"title", "text", "alt", NULL};
    const char *bookmark = record_str(body, "bookmark");
    struct verdict v;
    bool older = false;
    json_t *pin;
    size_t i;

    json_array_foreach(json_object_get(body, "items"), i, pin)
    {
        char url[96];
        struct look_post post = post_of(ctx, pin, url);

        older = look_is_too_old(ctx, &post);
        if (!older && look_is_ours(ctx, &post)) {
            return look_found(ctx, &post, kept);
        }
    }
    v = look_further(ctx, "find_pin", bookmark, older || !bookmark);
    if (v.kind == VERDICT_ABSENT && pinterest__settings(ctx)->section) {
        return verdict_make(
            VERDICT_UNKNOWN,
            SCOPE_POST,
            0,
            "not in the board's list, which may lack Pins of a section: see for "
            "yourself");
    }
    return v;
}

struct verdict pinterest__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    struct verdict v = json_is_array(json_object_get(body, "items"))
                           ? look_through(ctx, body)
                           : pinterest__trouble(&harmless, res);

    json_decref(body);
    return v;
}

/* ---- test ---- */

enum err_code
pinterest__build_who(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    pinterest__request(ctx, req, HTTP_GET, "/user_account");
    return ERR_NONE;
}

struct verdict pinterest__read_who(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "username");

    if (!name) {
        json_decref(body);
        return pinterest__trouble(&harmless, res);
    }
    json_set_str(ctx->record, "who", name);
    json_decref(body);
    return verdict_next();
}

enum err_code
pinterest__build_board(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    pinterest__request(
        ctx, req, HTTP_GET, "/boards/%s/pins?page_size=1", pinterest__settings(ctx)->board);
    return ERR_NONE;
}

struct verdict pinterest__read_board(struct step_ctx *ctx, const struct http_response *res)
{
    const char *who = record_str(ctx->record, "who");

    if (res->status != 200) {
        return pinterest__trouble(&harmless, res);
    }
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "signed in as %.60s; the board is there. With Trial access Pins can be "
                        "seen by you alone",
                        who ? who : "?");
}
