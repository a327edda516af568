/* What a CMS posts to a hook: an article, or an envelope around one. Whatever it says, it is understood
 * in one way; what becomes an article has its document and its identity, and what does not says why.
 * A source that is not trusted with breaking news makes none. */

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "service/api_internal.h"

#define NOW_MS INT64_C(1795446245678)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_article(const struct intake_content *c)
{
    struct article *again = NULL;
    uint8_t hash[32];
    struct buf url;

    must(c->article != NULL && c->document != NULL);
    must(article_restore(&again, c->document, strlen(c->document), NULL) == ERR_NONE);
    article_hash(again, hash);
    must(memcmp(hash, c->hash, sizeof hash) == 0);
    article_unref(again);
    if (c->url != NULL) {
        buf_init(&url, 65536);
        must(url_identity(&url, c->url) && strcmp(buf_str(&url), c->url) == 0);
        buf_done(&url);
    }
}

static void check_content(const json_t *article, bool trusted)
{
    struct intake_content c = {.rc = ERR_NONE};

    intake_read(&c, article, trusted, NOW_MS);
    if (c.rc == ERR_NONE) {
        check_article(&c);
        must(trusted || c.article->breaking == -1);
    } else {
        must(c.rc == ERR_INVALID && c.why.text[0] != '\0' && c.faults.count > 0);
        must(text_valid(c.why.text, strlen(c.why.text)));
    }
    intake_content_done(&c);
}

static void check(const json_t *body)
{
    const json_t *event = json_object_get(body, "event");
    struct hook_said said;
    char *id;

    hook_read(&said, body);
    must(said.name != NULL);
    must(event != NULL || (said.event == HOOK_CONTENT && said.article == body));
    must(event == NULL || said.article == json_object_get(body, "article"));
    must(event == NULL || json_is_string(event) || said.event == HOOK_UNKNOWN);
    if (said.event == HOOK_CONTENT) {
        check_content(said.article, true);
        check_content(said.article, false);
    } else if (said.event == HOOK_GONE) {
        id = json_text_dup(json_object_get(said.article, "id"));
        (void)json_path_str(said.article, "url");
        (void)json_path_str(body, "reason");
        mem_free(id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;

    if (json_read(&body, (const char *)data, size, API_JSON_DEPTH, NULL) == ERR_NONE) {
        check(body);
    }
    json_decref(body);
    must(mem_live_count() == 0);
    return 0;
}
