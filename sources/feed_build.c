/* A draft -> an item: dates, texts made plain, links made whole, the article as JSON, who it is. Called
 * by feed.c for each item that is kept. Title and summary are plain text here; the article's JSON may hold
 * HTML there, so their & and < are escaped once. */

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/feed_draft.h"

#define SUMMARY_BYTES ((size_t)4096) /* a longer description is the article itself */
#define PIXELS_MAX 1000000           /* as article_from_json() takes them */
#define KEYWORDS_MAX 400
#define VIDEO_MAX_MS (100 * MS_DAY)

/* ---- dates ---- */

static int64_t read_date(const struct feed_maker *maker, const char *text, bool *out_unreadable)
{
    int64_t at_ms;

    if (!text || text[strspn(text, " \t\r\n")] == '\0') {
        return 0;
    }
    if (!feed_date_parse(text, strlen(text), &maker->dates, &at_ms)) {
        *out_unreadable = true;
        return 0;
    }
    return at_ms;
}

void feed_build_dates(const struct feed_maker *maker,
                      const struct feed_draft *d,
                      struct feed_item *out)
{
    int64_t limit_ms = maker->now_ms + FEED_FUTURE_MS;

    out->published_at_ms = read_date(maker, d->published, &out->unreadable_date);
    out->updated_at_ms = read_date(maker, d->updated, &out->unreadable_date);
    if (out->published_at_ms == 0) {
        out->published_at_ms = out->updated_at_ms;
        out->updated_at_ms = 0;
    }
    out->future = out->published_at_ms > limit_ms || out->updated_at_ms > limit_ms;
    out->event.at_ms =
        out->updated_at_ms > out->published_at_ms ? out->updated_at_ms : out->published_at_ms;
}

static void put_date(json_t *article, const char *key, int64_t at_ms, int64_t limit_ms)
{
    char text[TIME_TEXT_BYTES];

    if (at_ms > 0 && at_ms <= limit_ms) {
        json_set_str(article, key, time_rfc3339(at_ms, text));
    }
}

/* ---- texts ---- */

/* Escaped, so that it is read as what it is; within max_bytes. */
static void put_escaped(json_t *article, const char *key, const char *plain, size_t max_bytes)
{
    size_t len = plain ? strlen(plain) : 0;
    struct buf escaped;

    if (len == 0) {
        return;
    }
    buf_init(&escaped, 6 * len + 1);
    text_escape_html(&escaped, plain, len);
    while (escaped.len > max_bytes) {
        len = text_prefix(TEXT_BYTES, plain, len, len * max_bytes / escaped.len);
        buf_clear(&escaped);
        text_escape_html(&escaped, plain, len);
    }
    json_set_str(article, key, buf_str(&escaped));
    buf_done(&escaped);
}

struct texts {
    char *title, *summary;
    const char *body; /* NULL; the draft's */
};

/* A description that is an article in itself, or an article without a description. */
static void make_texts(struct texts *t, const struct feed_draft *d)
{
    struct feed_words whole = d->summary;

    whole.cut = false;
    t->title = feed_title_dup(&d->title, ARTICLE_TITLE_BYTES);
    t->body = d->body.cut ? NULL : d->body.text;
    t->summary = feed_plain_dup(&whole, ARTICLE_SUMMARY_BYTES);
    if (t->summary && (strlen(t->summary) > SUMMARY_BYTES || d->summary.cut)) {
        if (!d->body.text && !d->summary.cut) {
            t->body = d->summary.text;
        }
        mem_free(t->summary);
        t->summary = NULL;
    }
    if (t->body && strlen(t->body) > ARTICLE_BODY_BYTES) {
        t->body = NULL;
    }
}

static void done_texts(struct texts *t)
{
    mem_free(t->title);
    mem_free(t->summary);
}

/* ---- lists ---- */

/* "desk@news.example (Ana Writer)" gives the name. */
static void add_author(json_t *list, const char *plain)
{
    const char *open = strchr(plain, '('), *close = open ? strchr(open, ')') : NULL;

    if (close && close > open + 1 && strchr(plain, '@') != NULL) {
        (void)json_array_append_new(list, json_stringn(open + 1, (size_t)(close - open - 1)));
    } else {
        (void)json_array_append_new(list, json_string(plain));
    }
}

static bool has_word(const json_t *list, const char *word)
{
    size_t i;
    json_t *v;

    json_array_foreach(list, i, v)
    {
        if (strcmp(json_string_value(v), word) == 0) {
            return true;
        }
    }
    return false;
}

static void add_word(json_t *list, const char *text, bool author)
{
    struct feed_words words = {.text = text, .markup = MARKUP_HTML};
    char *plain = feed_title_dup(&words, ARTICLE_WORD_BYTES);

    if (plain && json_array_size(list) < ARTICLE_LIST_MAX && !has_word(list, plain)) {
        if (author) {
            add_author(list, plain);
        } else {
            (void)json_array_append_new(list, json_string(plain));
        }
    }
    mem_free(plain);
}

static void add_keywords(json_t *list, const char *text)
{
    /* One that says the same word a million times is not read to the end. */
    for (size_t i = 0; *text != '\0' && i < KEYWORDS_MAX; i++) {
        size_t len = strcspn(text, ",;");
        char *word = mem_strndup(text, len);

        add_word(list, word, false);
        mem_free(word);
        text += len + (text[len] != '\0');
    }
}

static void put_list(json_t *article, const char *key, json_t *list)
{
    if (json_array_size(list) > 0) {
        (void)json_object_set(article, key, list);
    }
    json_decref(list);
}

static void put_lists(json_t *article, const struct feed_draft *d)
{
    json_t *authors = json_array(), *categories = json_array(), *tags = json_array();

    for (size_t i = 0; i < d->authors.count; i++) {
        add_word(authors, d->authors.v[i], true);
    }
    for (size_t i = 0; i < d->categories.count; i++) {
        add_word(categories, d->categories.v[i], false);
    }
    for (size_t i = 0; i < d->tags.count; i++) {
        add_word(tags, d->tags.v[i], false);
    }
    for (size_t i = 0; i < d->keywords.count; i++) {
        add_keywords(tags, d->keywords.v[i]);
    }
    put_list(article, "authors", authors);
    put_list(article, "categories", categories);
    put_list(article, "tags", tags);
}

/* ---- pictures and films ---- */

static void put_number(json_t *object, const char *key, int64_t value, int64_t max)
{
    if (value > 0 && value <= max) {
        (void)json_object_set_new(object, key, json_integer(value));
    }
}

static char *resolve(const struct feed_maker *maker,
                     const struct feed_draft *d,
                     const struct feed_reference *at)
{
    const char *base = at->base ? at->base : d->base;

    return at->ref ? feed_url_dup(base ? base : maker->url, at->ref) : NULL;
}

static void
put_words(json_t *object, const char *key, const struct feed_words *words, size_t max)
{
    char *plain = feed_plain_dup(words, max);

    json_set_str(object, key, plain);
    mem_free(plain);
}

/* At the end of the last try: the first picture in the text. */
static void
put_picture(json_t *article, const struct feed_maker *maker, const struct feed_draft *d)
{
    const char *texts[] = {d->body.text,
                           d->summary.markup == MARKUP_HTML ? d->summary.text : NULL};
    struct feed_picture picture = d->picture;
    char *url = resolve(maker, d, &picture.at);
    struct buf memory[2];

    buf_init(&memory[0], SIZE_MAX / 2);
    buf_init(&memory[1], SIZE_MAX / 2);
    for (size_t i = 0; i < 2 && !url; i++) {
        if (texts[i] && feed_image_find(texts[i], &picture, memory)) {
            url = resolve(maker, d, &picture.at);
        }
    }
    if (url) {
        json_t *image = json_object(), *images = json_array();
        struct feed_words credit = {.text = picture.credit, .markup = MARKUP_HTML};

        json_set_str(image, "url", url);
        put_words(image, "alt", &picture.alt, ARTICLE_SUMMARY_BYTES);
        put_words(image, "credit", &credit, ARTICLE_WORD_BYTES);
        put_number(image, "width", picture.width, PIXELS_MAX);
        put_number(image, "height", picture.height, PIXELS_MAX);
        (void)json_array_append_new(images, image);
        (void)json_object_set_new(article, "images", images);
    }
    mem_free(url);
    buf_done(&memory[0]);
    buf_done(&memory[1]);
}

static void
put_film(json_t *article, const struct feed_maker *maker, const struct feed_draft *d)
{
    char *url = resolve(maker, d, &d->film.at), *thumbnail;

    if (!url) {
        return;
    }
    json_t *film = json_object();
    thumbnail = resolve(maker, d, &d->film.thumbnail);
    json_set_str(film, "url", url);
    json_set_str(film, "thumbnail_url", thumbnail);
    put_words(film, "title", &d->film.title, ARTICLE_TITLE_BYTES);
    put_number(film, "width", d->film.width, PIXELS_MAX);
    put_number(film, "height", d->film.height, PIXELS_MAX);
    put_number(film, "duration_ms", d->film.duration_ms, VIDEO_MAX_MS);
    (void)json_object_set_new(article, "video", film);
    mem_free(thumbnail);
    mem_free(url);
}

/* ---- who it is ---- */

static void put_links(struct source_event *event,
                      const struct feed_maker *maker,
                      const struct feed_draft *d)
{
    for (size_t i = 0; i < d->link_count; i++) {
        char *url = resolve(maker, d, &d->links[i]);

        if (!event->url) {
            event->url = url;
        } else if (url && strcmp(event->url, url) == 0) {
            mem_free(url);
        } else {
            feed_url_add(&event->urls, url);
        }
    }
}

static void digest_hex(const struct buf *text, char out[SHA256_HEX_BYTES])
{
    uint8_t digest[SHA256_BYTES];

    crypto_sha256(buf_str(text), text->len, digest);
    (void)crypto_hex(digest, sizeof digest, out);
}

static void add_part(struct buf *b, const char *text)
{
    buf_adds(b, text);
    buf_add(b, "", 1);
}

/* guid, else normalised link, else a digest. */
static char *make_key(const struct feed_item *item, const struct texts *t, const char *guid)
{
    char hex[SHA256_HEX_BYTES], time[TIME_TEXT_BYTES];
    struct buf text;
    char *key = NULL;

    buf_init(&text, SIZE_MAX / 2);
    if (guid && strlen(guid) <= ARTICLE_WORD_BYTES) {
        return mem_strdup(guid);
    }
    if (guid) {
        buf_adds(&text, guid);
    } else if (item->event.url && url_identity(&text, item->event.url)) {
        key = text.len <= FEED_KEY_BYTES / 2 ? buf_detach(&text, NULL) : NULL;
    } else {
        add_part(&text, t->title);
        add_part(&text, t->summary);
        add_part(&text, time_rfc3339(item->published_at_ms, time));
    }
    if (!key) {
        digest_hex(&text, hex);
        key = mem_printf("sha256:%s", hex);
    }
    buf_done(&text);
    return key;
}

static uint64_t make_fingerprint(json_t *article)
{
    static const char *const members[] = {"title",
                                          "summary",
                                          "url",
                                          "images",
                                          "video",
                                          "categories",
                                          "tags",
                                          "urgency",
                                          "breaking"};
    uint8_t digest[SHA256_BYTES];
    uint64_t value = 0;
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const json_t *v = json_object_get(article, members[i]);

        if (v) {
            json_write(&text, v);
        }
        buf_add(&text, "", 1);
    }
    crypto_sha256(buf_str(&text), text.len, digest);
    buf_done(&text);
    for (int i = 0; i < 8; i++) {
        value = value << 8 | digest[i];
    }
    return value;
}

/* Ends trimmed; NULL: none. */
static char *guid_dup(const char *guid)
{
    size_t len = guid ? strlen(guid) : 0;

    for (; len > 0 && strchr(" \t\r\n", *guid) != NULL; guid++) {
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", guid[len - 1]) != NULL) {
        len--;
    }
    return len > 0 ? mem_strndup(guid, len) : NULL;
}

static json_t *make_article(const struct feed_maker *maker,
                            const struct feed_draft *d,
                            const struct feed_item *item,
                            const struct texts *t,
                            const char *language)
{
    json_t *article = json_object();
    int64_t limit_ms = maker->now_ms + FEED_FUTURE_MS;
    char *tag = feed_language_dup(d->language);

    tag = tag ? tag : feed_language_dup(language);
    put_escaped(article, "title", t->title, ARTICLE_TITLE_BYTES);
    json_set_str(article, "url", item->event.url);
    put_escaped(article, "summary", t->summary, ARTICLE_SUMMARY_BYTES);
    json_set_str(article, "body", t->body);
    json_set_str(article, "language", tag);
    put_picture(article, maker, d);
    put_film(article, maker, d);
    put_lists(article, d);
    put_date(article, "published_at", item->published_at_ms, limit_ms);
    put_date(article, "updated_at", item->updated_at_ms, limit_ms);
    put_number(article, "urgency", d->urgency, 9);
    if (d->breaking >= 0) {
        (void)json_object_set_new(article, "breaking", json_boolean(d->breaking));
    }
    mem_free(tag);
    return article;
}

bool feed_build_item(const struct feed_maker *maker,
                     const struct feed_draft *d,
                     const char *language,
                     struct feed_item *out)
{
    char *guid = guid_dup(d->guid);
    struct texts texts;

    make_texts(&texts, d);
    put_links(&out->event, maker, d);
    bool usable = guid || out->event.url || texts.title || texts.summary;
    if (usable) {
        out->key = make_key(out, &texts, guid);
        out->removed = d->removed;
        out->event.kind = d->removed ? EVENT_DELETED : EVENT_PUBLISHED;
        if (d->removed) {
            out->event.why = mem_strdup("the feed says it is deleted");
        } else {
            out->event.article = make_article(maker, d, out, &texts, language);
            out->fingerprint = make_fingerprint(out->event.article);
        }
        if (guid && strlen(guid) <= ARTICLE_WORD_BYTES) {
            out->event.guid = guid;
            guid = NULL;
        }
    }
    done_texts(&texts);
    mem_free(guid);
    return usable;
}
