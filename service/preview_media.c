/* What `crier preview` shows of pictures and videos. Called by preview.c. The stand-in has what the article
 * says of the real one, and the first type of file that the channel takes; adapters look at no more. */

#include "service/preview_media.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "config/config.h"
#include "service/media.h"

#define TEXT_BYTES ((size_t)8192)
#define VIDEO_BYTES 1000000 /* one piece for whoever sends pieces */

static const char *pick_type(const struct media_wish *wish)
{
    static const char *const pictures[] = {
        "image/jpeg", "image/png", "image/gif", "image/webp"};
    static const char *const videos[] = {"video/mp4", "video/quicktime"};
    const char *const *types = wish->kind == MEDIA_VIDEO ? videos : pictures;
    size_t count = wish->kind == MEDIA_VIDEO ? ARRAY_LEN(videos) : ARRAY_LEN(pictures);

    for (size_t i = 0; i < count; i++) {
        if (wish->bounds.types == 0 || (wish->bounds.types & media_type_bit(types[i])) != 0) {
            return types[i];
        }
    }
    return types[0];
}

static void stand_in(struct preview_media *m, const struct article *a)
{
    static const char bytes[] = "picture";

    m->media =
        (struct media){.type = pick_type(&m->wish), .hash = "00000000000000000000000000000000"};
    if (m->wish.kind == MEDIA_VIDEO) {
        m->media.len = VIDEO_BYTES;
        m->media.file = m;
        m->media.width = a->video.width;
        m->media.height = a->video.height;
        m->media.duration_ms = a->video.duration_ms;
    } else {
        m->media.bytes = bytes;
        m->media.len = sizeof bytes - 1;
        m->media.width = a->images[m->wish.index].width;
        m->media.height = a->images[m->wish.index].height;
    }
}

/* Where the platform would be sent; which of the two it is depends on bytes we do not have. */
static bool set_address(struct preview_media *m, const struct config *config)
{
    const char *base = config->server.public_url;
    size_t len = base ? strlen(base) : 0;

    if (strncmp(m->of, "https://", strlen("https://")) == 0) {
        m->url = mem_strdup(m->of);
    } else if (base) {
        while (len > 0 && base[len - 1] == '/') {
            len--;
        }
        m->url = mem_printf("%.*s/media/…", (int)len, base);
    } else {
        media_no_address(m->wish.kind, m->error);
        return false;
    }
    m->media.url = m->url;
    m->media.bytes = NULL;
    m->media.file = NULL;
    return true;
}

void preview_media_lend(struct preview_media *m,
                        struct step_ctx *ctx,
                        const struct adapter *adapter,
                        const struct step *step,
                        const struct config *config)
{
    const struct article *a = ctx->article;

    preview_media_done(m);
    ctx->media = NULL;
    ctx->media_error = NULL;
    if (!media_wish_make(&m->wish, ctx, adapter, step)) {
        return;
    }
    m->of = m->wish.kind == MEDIA_VIDEO ? a->video.url : a->images[m->wish.index].url;
    stand_in(m, a);
    if (m->wish.by_address && !set_address(m, config)) {
        ctx->media_error = m->error;
        return;
    }
    ctx->media = &m->media;
}

void preview_media_done(struct preview_media *m)
{
    mem_free(m->url);
    *m = (struct preview_media){.of = NULL};
}

/* ---- in words ---- */

static void add_sizes(struct buf *out, const struct media_bounds *b, const char *what)
{
    char size[PARSE_TEXT_BYTES];
    const char *before = ", ";

    if (b->max_bytes > 0) {
        buf_addf(out,
                 "%s%s more than %s",
                 before,
                 what,
                 format_size_about((int64_t)b->max_bytes, size));
        before = " or";
        what = "";
    }
    if (b->max_pixels > 0) {
        buf_addf(out, "%s%s %lld pixels", before, what, (long long)b->max_pixels);
        before = " or";
        what = "";
    }
    if (b->max_edge > 0) {
        buf_addf(out, "%s%s a side of more than %lld", before, what, (long long)b->max_edge);
    }
}

static void add_picture(struct buf *out, const struct media_bounds *b)
{
    if (b->types != 0) {
        buf_adds(out, ", made a JPEG if it is none that the channel takes");
    }
    if (b->min_ratio_milli > 0 || b->max_ratio_milli > 0) {
        buf_adds(out, ", cut from its middle to");
        if (b->min_ratio_milli > 0) {
            buf_addf(out, " at least %g:1", (double)b->min_ratio_milli / 1000);
        }
        if (b->max_ratio_milli > 0) {
            buf_addf(out,
                     "%s at most %g:1",
                     b->min_ratio_milli > 0 ? " and" : "",
                     (double)b->max_ratio_milli / 1000);
        }
    }
    add_sizes(out, b, "resized if it has");
}

static void add_video(struct buf *out, const struct media_bounds *b)
{
    char length[PARSE_TEXT_BYTES];

    buf_adds(out, ", as it is");
    add_sizes(out, b, "left out if it has");
    if (b->max_duration_ms > 0) {
        buf_addf(out, ", or is longer than %s", format_duration(b->max_duration_ms, length));
    }
}

json_t *preview_media_text(const struct preview_media *m)
{
    struct buf text;
    json_t *v;

    if (!m->of) {
        return NULL;
    }
    if (m->error[0] != '\0') {
        return json_sprintf("none: %s", m->error);
    }
    buf_init(&text, TEXT_BYTES);
    buf_addf(&text, "the %s at %s", m->wish.kind == MEDIA_VIDEO ? "video" : "picture", m->of);
    if (m->wish.kind == MEDIA_VIDEO) {
        add_video(&text, &m->wish.bounds);
    } else {
        add_picture(&text, &m->wish.bounds);
    }
    if (m->wish.by_address) {
        buf_addf(&text,
                 "; the platform fetches it, there if it is public and needs no change, else "
                 "from %s",
                 "server.public_url");
    }
    v = json_stringn(buf_str(&text), text.len);
    buf_done(&text);
    return v;
}
