/* Articles as a stranger might send them. What is accepted is valid text within its bounds, and
 * written back and read again it is the same; what is refused says where and why. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/article.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define NOW_MS INT64_C(1795446245678)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max, bool required)
{
    must(!required || (text != NULL && *text != '\0'));
    must(text == NULL || (strlen(text) <= max && text_valid(text, strlen(text))));
}

static void check_strings(const struct strings *s)
{
    must(s->count <= ARTICLE_LIST_MAX);
    for (size_t i = 0; i < s->count; i++) {
        check_text(s->v[i], ARTICLE_WORD_BYTES, true);
    }
}

static void check_accepted(const struct article *a)
{
    struct url_parts parts;

    check_text(a->id, ARTICLE_WORD_BYTES, false);
    check_text(a->url, ARTICLE_URL_BYTES, true);
    must(url_parse(&parts, a->url));
    check_text(a->title, ARTICLE_TITLE_BYTES, true);
    check_text(a->summary, ARTICLE_SUMMARY_BYTES, false);
    check_text(a->body, ARTICLE_BODY_BYTES, false);
    check_strings(&a->authors);
    check_strings(&a->categories);
    check_strings(&a->tags);
    must(a->image_count <= ARTICLE_LIST_MAX);
    for (size_t i = 0; i < a->image_count; i++) {
        check_text(a->images[i].url, ARTICLE_URL_BYTES, true);
        check_text(a->images[i].alt, ARTICLE_SUMMARY_BYTES, false);
    }
    must(a->urgency >= 0 && a->urgency <= 9 && a->breaking >= -1 && a->breaking <= 1);
}

/* The way through the ledger and back changes nothing that counts. */
static void check_round_trip(const struct article *a)
{
    struct buf text;
    uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
    struct article *b = NULL;

    buf_init(&text, SIZE_MAX / 2);
    article_write(&text, a);
    must(article_restore(&b, buf_str(&text), text.len, NULL) == ERR_NONE);
    article_hash(a, before);
    article_hash(b, after);
    must(memcmp(before, after, sizeof before) == 0);
    must(a->not_after_ms == b->not_after_ms && a->updated_at_ms == b->updated_at_ms);
    article_unref(b);
    buf_done(&text);
}

static void check_refused(const struct article_faults *faults)
{
    must(faults->count > 0 && faults->count <= ARTICLE_FAULTS_MAX);
    for (size_t i = 0; i < faults->count; i++) {
        const struct article_fault *f = &faults->v[i];

        must(f->what[0] != '\0' && (f->where[0] == '/' || f->where[0] == '\0'));
        must(text_valid(f->where, strlen(f->where)) && text_valid(f->what, strlen(f->what)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct article_faults faults;
    struct article *a = NULL;
    json_t *v = NULL;

    if (json_read(&v, (const char *)data, size, 32, NULL)) {
        return 0;
    }
    if (article_from_json(&a, v, NOW_MS, &faults, NULL)) {
        must(a == NULL);
        check_refused(&faults);
    } else {
        check_accepted(a);
        check_round_trip(a);
    }
    article_unref(a);
    json_decref(v);
    must(mem_live_count() == 0);
    return 0;
}
