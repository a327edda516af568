/* A page, read. Called by service/ on its reading thread; owns nothing beyond the call. libxml2's
 * HTML parser is fed piece by piece and tells of each element as it comes, so no tree is built; it
 * is fed no more when the elements are nested too deep or are too many, since its time grows with
 * their product. What the elements mean is in page_tags.c and page_jsonld.c. */

#include <string.h>
#include <strings.h>

#include <libxml/HTMLparser.h>

#include "base/json_put.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sources/page_internal.h"
#include "sources/xml.h"

#define PIECE_BYTES 4096
#define DEPTH_MAX 1000
#define ELEMENTS_MAX 60000
#define SCRIPT_BYTES ((size_t)256 * 1024)

static void begin_text(struct page_reader *r, enum page_reading what)
{
    buf_clear(&r->text);
    r->reading = what;
}

static bool is_json_script(const char *const *attributes)
{
    const char *type = page__attribute(attributes, "type");

    return type && strncasecmp(type, "application/ld+json", 19) == 0;
}

static void begin_html(struct page_reader *r, const char *const *attributes)
{
    page__keep(r, SLOT_LANG, page__attribute(attributes, "lang"));
    for (size_t i = 0; attributes && attributes[i]; i += 2) {
        if (strcasecmp(attributes[i], "amp") == 0 || strcmp(attributes[i], "⚡") == 0) {
            r->facts->is_amp = true;
        }
    }
}

static bool word_in(const char *words, const char *word)
{
    return words && link_rel_has(words, strlen(words), word);
}

/* Many pages have a form to sign in; only a page that has nothing else asks for a password. The field
 * of that name is WordPress's, on an article that is protected by one. */
static void read_input(struct page_reader *r, const char *const *attributes)
{
    const char *name = page__attribute(attributes, "name");

    if (word_in(page__attribute(attributes, "type"), "password")) {
        r->asks_password = true;
    }
    if (name && strcmp(name, "post_password") == 0) {
        r->facts->password = true;
    }
}

static void
begin_element(struct page_reader *r, const char *name, const char *const *attributes)
{
    if (strcmp(name, "meta") == 0) {
        page__read_meta(r, attributes);
    } else if (strcmp(name, "link") == 0) {
        page__read_link(r, attributes);
    } else if (strcmp(name, "html") == 0) {
        begin_html(r, attributes);
    } else if (strcmp(name, "base") == 0) {
        page__keep(r, SLOT_BASE, page__attribute(attributes, "href"));
    } else if (strcmp(name, "title") == 0 && !r->slots[SLOT_TITLE]) {
        begin_text(r, READING_TITLE);
    } else if (strcmp(name, "script") == 0 && is_json_script(attributes)) {
        begin_text(r, READING_SCRIPT);
    } else if (strcmp(name, "input") == 0) {
        read_input(r, attributes);
    }
}

static void on_start(void *context, const xmlChar *name, const xmlChar **attributes)
{
    struct page_reader *r = context;

    r->depth++;
    r->elements++;
    r->enough = r->enough || r->depth > DEPTH_MAX || r->elements > ELEMENTS_MAX;
    begin_element(r, (const char *)name, (const char *const *)(const void *)attributes);
}

static void on_end(void *context, const xmlChar *name)
{
    struct page_reader *r = context;

    r->depth -= r->depth > 0 ? 1 : 0;
    if (r->reading == READING_TITLE && strcmp((const char *)name, "title") == 0) {
        page__keep(r, SLOT_TITLE, buf_str(&r->text));
        r->reading = READING_NOTHING;
    } else if (r->reading == READING_SCRIPT && strcmp((const char *)name, "script") == 0) {
        if (buf_ok(&r->text)) {
            page__read_script(r, buf_str(&r->text), r->text.len);
        }
        r->reading = READING_NOTHING;
    }
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct page_reader *r = context;

    if (r->reading != READING_NOTHING && len > 0) {
        buf_add(&r->text, text, (size_t)len);
    }
}

static void parse(struct page_reader *r, const char *text, size_t len)
{
    htmlSAXHandler sax = {
        .startElement = on_start,
        .endElement = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
    };
    htmlParserCtxtPtr parser =
        htmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

    must(parser != NULL); /* no memory */
    (void)htmlCtxtUseOptions(parser, xml_html_options() | HTML_PARSE_IGNORE_ENC);
    while (len > 0 && !r->enough) {
        size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;

        (void)htmlParseChunk(parser, text, (int)piece, 0);
        text += piece;
        len -= piece;
    }
    (void)htmlParseChunk(parser, "", 0, 1);
    if (parser->myDoc) {
        xmlFreeDoc(parser->myDoc);
    }
    htmlFreeParserCtxt(parser);
}

static void images_done(struct article_image *images, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(images[i].url);
        mem_free(images[i].alt);
        mem_free(images[i].credit);
    }
}

static void reader_done(struct page_reader *r)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        mem_free(r->slots[i]);
    }
    images_done(r->og, r->og_count);
    images_done(r->ld, r->ld_count);
    strings_done(&r->og_tags);
    strings_done(&r->ld_tags);
    strings_done(&r->ld_authors);
    for (size_t i = 0; i < r->script_count; i++) {
        json_decref(r->scripts[i]);
    }
    buf_done(&r->text);
}

void page_read(struct page_facts *out, const struct page_input *in)
{
    struct page_reader r = {.facts = out};
    struct buf text;

    *out = (struct page_facts){.for_free = -1};
    buf_init(&r.text, SCRIPT_BYTES);
    buf_init(&text, 4 * PAGE_BYTES);
    page__to_utf8(&text, in);
    parse(&r, buf_str(&text), text.len);
    buf_done(&text);
    page__read_headers(&r, in);
    page__settle(&r, in);
    reader_done(&r);
}

void page_facts_done(struct page_facts *f)
{
    char *const texts[] = {f->url,
                           f->canonical,
                           f->og_url,
                           f->amp_url,
                           f->title,
                           f->summary,
                           f->language,
                           f->section,
                           f->site,
                           f->type,
                           f->correction};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mem_free(texts[i]);
    }
    images_done(f->images, f->image_count);
    mem_free(f->images);
    strings_done(&f->authors);
    strings_done(&f->tags);
    for (size_t i = 0; i < f->link_count; i++) {
        mem_free(f->links[i].rel);
        mem_free(f->links[i].href);
        mem_free(f->links[i].type);
        mem_free(f->links[i].title);
    }
    mem_free(f->links);
    *f = (struct page_facts){0};
}

/* ---- as JSON ---- */

static void put_words(struct buf *out, const char *key, const struct strings *words)
{
    if (words->count == 0) {
        return;
    }
    json_put_open(out, key, '[');
    for (size_t i = 0; i < words->count; i++) {
        json_put_text(out, NULL, words->v[i]);
    }
    json_put_close(out, ']');
}

static void put_images(struct buf *out, const struct page_facts *f)
{
    if (f->image_count == 0) {
        return;
    }
    json_put_open(out, "images", '[');
    for (size_t i = 0; i < f->image_count; i++) {
        const struct article_image *image = &f->images[i];

        json_put_open(out, NULL, '{');
        json_put_text(out, "url", image->url);
        json_put_text(out, "alt", image->alt);
        if (image->width > 0 && image->height > 0) {
            json_put_int(out, "width", image->width);
            json_put_int(out, "height", image->height);
        }
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
}

static void put_time(struct buf *out, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    if (at_ms > 0) {
        json_put_text(out, key, time_rfc3339(at_ms, text));
    }
}

static void put_if(struct buf *out, const char *key, bool value)
{
    if (value) {
        json_put_bool(out, key, true);
    }
}

void page_write(struct buf *out, const struct page_facts *f)
{
    json_put_open(out, NULL, '{');
    json_put_text(out, "url", f->url);
    json_put_text(out, "canonical", f->canonical);
    json_put_text(out, "title", f->title);
    json_put_text(out, "summary", f->summary);
    json_put_text(out, "language", f->language);
    put_images(out, f);
    put_words(out, "authors", &f->authors);
    put_words(out, "tags", &f->tags);
    json_put_text(out, "section", f->section);
    put_time(out, "published_at", f->published_at_ms);
    put_time(out, "updated_at", f->updated_at_ms);
    json_put_text(out, "type", f->type);
    json_put_text(out, "correction", f->correction);
    if (f->for_free >= 0) {
        json_put_bool(out, "free", f->for_free == 1);
    }
    put_if(out, "noindex", f->noindex);
    put_if(out, "advertisement", f->advertisement);
    json_put_close(out, '}');
}
