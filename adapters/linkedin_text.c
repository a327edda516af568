/* The commentary of a LinkedIn post is not plain text but "little text": fifteen characters mean something there,
 * and one that is left unescaped (a bracket, mostly) can end the text at that place with no error. So all of
 * them are escaped, but for hashtags, which become the template LinkedIn has for them. The text is measured
 * as readers see it. */

#include "adapters/linkedin_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

static bool is_reserved(char c)
{
    return c != '\0' && strchr("\\|{}[]()<>#@*_~", c) != NULL;
}

static void escape(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_reserved(text[i])) {
            buf_addc(out, '\\');
        }
        buf_addc(out, text[i]);
    }
}

static bool begins_word(const char *text, size_t at)
{
    return at == 0 || strchr(" \t\n(", text[at - 1]) != NULL;
}

void linkedin__escape(struct buf *out, const char *text, size_t len)
{
    size_t word;

    for (size_t i = 0; i < len; i += 1 + word) {
        word = text[i] == '#' && begins_word(text, i)
                   ? text_hashtag_length(text + i + 1, len - i - 1)
                   : 0;
        if (word == 0) {
            escape(out, text + i, 1);
            continue;
        }
        buf_adds(out, "{hashtag|\\#|");
        escape(out, text + i + 1, word);
        buf_addc(out, '}');
    }
}

enum err_code linkedin__fix_text(struct step_ctx *ctx, struct err *why)
{
    struct buf commentary;
    enum err_code rc;
    const char *text;

    rc = fit_record(ctx,
                    "text",
                    linkedin__settings(ctx)->text,
                    &linkedin__limits[LINKEDIN_LIMIT_TEXT],
                    mustache_escape_none,
                    why);
    text = record_str(ctx->record, "text");
    if (rc || !text || record_str(ctx->record, "commentary")) {
        return rc;
    }
    buf_init(&commentary, 16 * TEXT_BYTES_MAX);
    linkedin__escape(&commentary, text, strlen(text));
    json_set_str(ctx->record, "commentary", buf_str(&commentary));
    buf_done(&commentary);
    return ERR_NONE;
}
