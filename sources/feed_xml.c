/* libxml2's events -> trees. The text goes through feed_mend.c first, so libxml2 meets no DTD, no
 * entity but XML's own five, and no depth of its limits; its safe options hold all the same, and it is
 * asked to recover, in case something was overlooked.
 *
 * A frame stands for each element that is open: what it adds to (a node), or that it is markup inside a
 * text, or that nobody wants it. Nodes around the items live in one memory, those of the item in
 * another, which is emptied when it ends. */

#include "sources/feed_xml.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <libxml/parser.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/xml.h"

#define FRAMES_MAX 256 /* feed_mend.c has half of that */
#define HEAD_BYTES ((size_t)256 * 1024)
#define ATTRIBUTES_MAX 24
#define BASE_BYTES 4096
#define NAMESPACE_BYTES 128

struct frame {
    struct feed_node *node; /* NULL: not wanted */
    bool markup;
    const char *base, *lang;
};

struct feed_xml {
    struct feed_mend *mend;
    xmlParserCtxtPtr parser;
    struct buf mended;
    const char *url;
    feed_xml_item_fn *on_item;
    void *context;
    struct feed_arena head_memory, item_memory;
    struct feed_node head;
    struct frame frames[FRAMES_MAX];
    size_t depth;
    size_t item_depth;      /* 0: outside of items */
    struct feed_node *open; /* whose text is being read; NULL */
    struct buf text;
    enum feed_module root_module;
    char root_namespace[NAMESPACE_BYTES];
    bool cut;    /* what closes from here on is not the feed's doing */
    bool broken; /* libxml2 gave up */
};

static struct feed_arena *memory(struct feed_xml *x)
{
    return x->item_depth > 0 ? &x->item_memory : &x->head_memory;
}

/* ---- attributes, as SAX2 gives them: five pointers each ---- */

struct sax_attribute {
    const char *local, *prefix, *uri, *value;
    size_t len;
};

static struct sax_attribute attribute_at(const xmlChar **all, int i)
{
    const xmlChar **a = all + (size_t)i * 5;

    return (struct sax_attribute){(const char *)a[0],
                                  (const char *)a[1],
                                  (const char *)a[2],
                                  (const char *)a[3],
                                  (size_t)(a[4] - a[3])};
}

/* libxml2 leaves each & of a value as "&#38;" while it may not replace entities. */
static char *value_text(struct feed_arena *a, const char *value, size_t len)
{
    static const char escape[] = "&#38;";
    char *text = feed_arena_text(a, value, len), *to = text;

    for (const char *at = text; text && *at != '\0';) {
        bool escaped = strncmp(at, escape, sizeof escape - 1) == 0;

        *to++ = *at;
        at += escaped ? sizeof escape - 1 : 1;
    }
    if (text) {
        *to = '\0';
    }
    return text;
}

static void take_base(struct feed_xml *x, struct frame *f, const char *value)
{
    struct buf whole;

    buf_init(&whole, BASE_BYTES);
    if (url_resolve(&whole, f->base ? f->base : x->url, value)) {
        const char *copy = feed_arena_text(memory(x), buf_str(&whole), whole.len);

        f->base = copy ? copy : f->base;
    }
    buf_done(&whole);
}

static void take_xml_attribute(struct feed_xml *x, struct frame *f, struct sax_attribute a)
{
    if (strcmp(a.local, "base") == 0 || strcmp(a.local, "lang") == 0) {
        const char *value = value_text(memory(x), a.value, a.len);

        if (value && a.local[0] == 'b') {
            take_base(x, f, value);
        } else if (value) {
            f->lang = value;
        }
    }
}

static void take_attributes(struct feed_xml *x, struct frame *f, int count, const xmlChar **all)
{
    size_t n = count < ATTRIBUTES_MAX ? (size_t)count : ATTRIBUTES_MAX, kept = 0;
    struct feed_attribute *list =
        n > 0 ? feed_arena_take(memory(x), (n + 1) * sizeof *list) : NULL;

    for (size_t i = 0; i < n && list; i++) {
        struct sax_attribute a = attribute_at(all, (int)i);

        if (a.prefix && strcmp(a.prefix, "xml") == 0) {
            take_xml_attribute(x, f, a);
            continue;
        }
        list[kept].name = feed_arena_text(memory(x), a.local, strlen(a.local));
        list[kept].value = value_text(memory(x), a.value, a.len);
        kept += list[kept].name && list[kept].value;
    }
    if (list) {
        list[kept] = (struct feed_attribute){0};
        f->node->attributes = list;
    }
}

/* ---- text, and markup inside it ---- */

static void add_text(struct feed_xml *x, const char *text, size_t len)
{
    size_t room = x->text.max - x->text.len;

    if (!x->open) {
        return;
    }
    if (len > room) {
        x->open->cut = true;
        len = room;
    }
    buf_add(&x->text, text, len);
}

static void add_escaped(struct feed_xml *x, const char *text, size_t len)
{
    struct buf escaped;

    buf_init(&escaped, 6 * len + 1);
    text_escape_html(&escaped, text, len);
    add_text(x, buf_str(&escaped), escaped.len);
    buf_done(&escaped);
}

static void start_markup(struct feed_xml *x, const char *local, int count, const xmlChar **all)
{
    x->open->has_markup = true;
    add_text(x, "<", 1);
    add_text(x, local, strlen(local));
    for (int i = 0; i < count; i++) {
        struct sax_attribute a = attribute_at(all, i);

        add_text(x, " ", 1);
        add_text(x, a.local, strlen(a.local));
        add_text(x, "=\"", 2);
        /* Their & is "&#38;" already. */
        for (size_t at = 0; at < a.len; at++) {
            const char *c = a.value + at;

            add_text(x, *c == '"' ? "&quot;" : c, *c == '"' ? 6 : 1);
        }
        add_text(x, "\"", 1);
    }
    add_text(x, ">", 1);
}

static void end_markup(struct feed_xml *x, const char *local)
{
    add_text(x, "</", 2);
    add_text(x, local, strlen(local));
    add_text(x, ">", 1);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A cut may have gone through a character. */
static size_t whole_characters(const char *text, size_t len)
{
    size_t back = 0;

    while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80) {
        back++;
    }
    size_t from = back < len ? len - 1 - back : 0;
    return len > 0 && text_character(text + from, len - from) == 0 ? from : len;
}

static void end_text(struct feed_xml *x, struct feed_node *node)
{
    const char *text = buf_str(&x->text);
    size_t len = node->cut ? whole_characters(text, x->text.len) : x->text.len;

    for (; len > 0 && is_blank(text[0]); text++) {
        len--;
    }
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    if (len > 0) {
        const char *copy = feed_arena_text(memory(x), text, len);

        node->cut = node->cut || !copy;
        node->text = copy ? copy : "";
    }
    buf_clear(&x->text);
    x->open = NULL;
}

/* ---- elements ---- */

/* uri: of the root, or what it says names without a prefix have (rdf:RDF). */
static void start_root(struct feed_xml *x, const char *local, const char *uri)
{
    bool atom = strcasecmp(local, "feed") == 0;
    bool sitemap = strcasecmp(local, "urlset") == 0 || strcasecmp(local, "sitemapindex") == 0;
    size_t len = uri ? strlen(uri) : 0;

    x->root_module = atom ? MOD_ATOM : sitemap ? MOD_SITEMAP : MOD_RSS;
    x->head.name = feed_name(strcasecmp(local, "rdf") == 0 ? MOD_RDF : x->root_module, local);
    if (len < sizeof x->root_namespace) {
        memcpy(x->root_namespace, uri ? uri : "", len + 1);
    }
}

static const char *default_namespace(int count, const xmlChar **namespaces)
{
    for (int i = 0; i < count; i++) {
        if (!namespaces[(size_t)i * 2]) {
            return (const char *)namespaces[(size_t)i * 2 + 1];
        }
    }
    return NULL;
}

static enum feed_name
name_of(const struct feed_xml *x, const char *local, const char *prefix, const char *uri)
{
    /* What has no prefix and the root's namespace is the format's own, whatever that is called. */
    if (!prefix && strcmp(uri ? uri : "", x->root_namespace) == 0) {
        return feed_name(x->root_module, local);
    }
    return feed_name(feed_module(uri, prefix, x->root_module), local);
}

static struct feed_node *
add_node(struct feed_xml *x, struct feed_node *parent, enum feed_name name)
{
    struct feed_node *node = feed_arena_take(memory(x), sizeof *node);

    if (!node) {
        return NULL;
    }
    *node = (struct feed_node){.name = name, .parent = parent, .text = ""};
    if (parent) {
        *(parent->last ? &parent->last->next : &parent->first) = node;
        parent->last = node;
    }
    return node;
}

static bool has_text(const struct feed_node *node)
{
    enum feed_use use = node ? feed_name_use(node->name) : USE_BOX;

    return use == USE_TEXT || use == USE_BOTH;
}

/* The node of an element: the root, an item, a child of its parent, or none. */
static struct feed_node *
node_of(struct feed_xml *x, const struct frame *parent, enum feed_name name)
{
    if (name == N_UNKNOWN) {
        return NULL;
    }
    if (feed_name_use(name) == USE_ITEM) {
        if (x->item_depth > 0) {
            return NULL;
        }
        x->item_depth = x->depth + 1;
        return add_node(x, NULL, name);
    }
    return parent->node ? add_node(x, parent->node, name) : NULL;
}

static void on_start(void *context,
                     const xmlChar *local_name,
                     const xmlChar *prefix,
                     const xmlChar *uri,
                     int namespace_count,
                     const xmlChar **namespaces,
                     int count,
                     int defaulted,
                     const xmlChar **attributes)
{
    struct feed_xml *x = context;
    const char *local = (const char *)local_name;
    struct frame *f = &x->frames[x->depth];
    struct frame none = {.node = NULL}, *parent = x->depth > 0 ? f - 1 : &none;

    (void)defaulted;
    must(x->depth < FRAMES_MAX);
    *f = (struct frame){.base = parent->base, .lang = parent->lang};
    if (x->depth == 0) {
        start_root(x,
                   local,
                   prefix ? default_namespace(namespace_count, namespaces) : (const char *)uri);
        f->node = &x->head;
    } else if (parent->markup || (x->open && feed_name_use(x->open->name) == USE_TEXT)) {
        f->markup = true;
        start_markup(x, local, count, attributes);
    } else {
        f->node =
            node_of(x, parent, name_of(x, local, (const char *)prefix, (const char *)uri));
    }
    x->depth++;
    if (!f->node) {
        return;
    }
    take_attributes(x, f, count, attributes);
    f->node->base = f->base;
    f->node->lang = f->lang;
    if (has_text(f->node)) {
        if (x->open) {
            end_text(x, x->open); /* an image that holds elements: it is no text */
        }
        x->open = f->node;
        /* What comes behind a long text shall have room, too. */
        x->text.max = (memory(x)->max - memory(x)->used) / 2;
    }
}

static void end_item(struct feed_xml *x, const struct feed_node *item)
{
    if (!x->cut && item) {
        x->on_item(x->context, &x->head, item);
    }
    feed_arena_clear(&x->item_memory);
    x->item_depth = 0;
}

static void
on_end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct feed_xml *x = context;
    struct frame *f = &x->frames[--x->depth];

    (void)prefix, (void)uri;
    if (f->markup) {
        end_markup(x, (const char *)local);
    } else if (x->item_depth == x->depth + 1) {
        end_item(x, f->node);
    } else if (f->node && f->node == x->open) {
        end_text(x, f->node);
    }
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct feed_xml *x = context;
    const struct frame *f = x->depth > 0 ? &x->frames[x->depth - 1] : NULL;

    if (!x->open || !f || (!f->markup && f->node != x->open)) {
        return;
    }
    if (f->markup) {
        add_escaped(x, (const char *)text, (size_t)len);
    } else {
        add_text(x, (const char *)text, (size_t)len);
    }
}

/* feed_mend.c lets none through but its own. */
static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    struct feed_xml *x = context;

    (void)data;
    x->cut = x->cut || strcmp((const char *)target, "cut") == 0;
}

/* ---- the course ---- */

static xmlParserCtxtPtr new_parser(struct feed_xml *x)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
        .ignorableWhitespace = on_text,
        .processingInstruction = on_instruction,
    };
    xmlParserCtxtPtr parser;

    xmlInitParser();
    parser = xmlCreatePushParserCtxt(&handler, x, NULL, 0, NULL);
    must(parser != NULL);
    (void)xmlCtxtUseOptions(parser, xml_parse_options() | XML_PARSE_RECOVER);
    return parser;
}

struct feed_xml *
feed_xml_new(const char *url, size_t max_item_bytes, feed_xml_item_fn *on_item, void *context)
{
    struct feed_xml *x = mem_zalloc(sizeof *x);

    x->mend = feed_mend_new();
    buf_init(&x->mended, SIZE_MAX / 2); /* six times a piece, and a tag */
    x->url = url;
    x->on_item = on_item;
    x->context = context;
    x->head.text = "";
    feed_arena_init(&x->head_memory, HEAD_BYTES);
    feed_arena_init(&x->item_memory, max_item_bytes);
    buf_init(&x->text, max_item_bytes);
    x->parser = new_parser(x);
    return x;
}

void feed_xml_free(struct feed_xml *x)
{
    if (!x) {
        return;
    }
    xmlFreeParserCtxt(x->parser);
    feed_mend_free(x->mend);
    buf_done(&x->mended);
    buf_done(&x->text);
    feed_arena_done(&x->head_memory);
    feed_arena_done(&x->item_memory);
    mem_free(x);
}

void feed_xml_push(struct feed_xml *x, const char *text, size_t len, bool last)
{
    feed_mend_push(x->mend, text, len, last, &x->mended);
    if (x->mended.len > 0 || last) {
        (void)xmlParseChunk(x->parser, buf_str(&x->mended), (int)x->mended.len, last);
        x->broken = x->parser->disableSAX != 0;
    }
    buf_clear(&x->mended);
}

enum feed_mend_verdict feed_xml_verdict(const struct feed_xml *x)
{
    return feed_mend_verdict(x->mend);
}

const struct feed_node *feed_xml_head(const struct feed_xml *x)
{
    return &x->head;
}

const char *feed_xml_namespace(const struct feed_xml *x)
{
    return x->root_namespace;
}

bool feed_xml_complete(const struct feed_xml *x)
{
    return feed_mend_ended(x->mend) && !x->broken;
}

void feed_xml_damage(const struct feed_xml *x, struct buf *out)
{
    static const char *const names[] = {
#define X(name, text) [name] = (text),
        FEED_MENDS(X)
#undef X
    };

    for (size_t i = 0; i < MEND_KINDS; i++) {
        if (feed_mend_count(x->mend, (enum feed_mend_kind)i) > 0) {
            buf_addf(out, "%s%s", out->len > 0 ? ", " : "", names[i]);
        }
    }
    if (x->broken) {
        buf_addf(out, "%snot readable to the end", out->len > 0 ? ", " : "");
    }
}
