/* Tags of a feed: each is written again as XML wants it, and who stands inside whom is made to agree.
 * Called by feed_mend.c with tags that are whole. */

#include "sources/feed_mend_internal.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"

#define ATTRIBUTES_MAX 64

/* ---- names ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_in_name(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

size_t mend__name(const char *text, size_t len)
{
    size_t n = 0;

    if (len == 0 || !(is_letter(text[0]) || text[0] == ':' || (unsigned char)text[0] >= 0x80)) {
        return 0;
    }
    while (n < len &&
           (is_in_name(text[n]) || text[n] == ':' || (unsigned char)text[n] >= 0x80)) {
        n++;
    }
    return n;
}

bool mend__is_plain(const char *name, size_t len)
{
    bool colon = false, first = true;

    for (size_t i = 0; i < len; i++) {
        if (name[i] == ':' ? colon || first
            : first        ? !is_letter(name[i])
                           : !is_in_name(name[i])) {
            return false;
        }
        first = name[i] == ':';
        colon = colon || first;
    }
    return len > 0 && len < MEND_NAME_BYTES && !first;
}

/* FNV-1a; whoever makes names collide loses names of his own feed. */
static uint64_t hash(const char *text, size_t len, uint64_t h)
{
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    return h == 0 ? 1 : h;
}

/* Whether libxml2 may see a name with that hash: it has, or there is room for one more. */
static bool let_in(struct feed_mend *m, uint64_t h)
{
    size_t at = h % MEND_NAMES_ROOM;

    while (m->names[at] != 0 && m->names[at] != h) {
        at = (at + 1) % MEND_NAMES_ROOM;
    }
    if (m->names[at] == 0 && m->name_count < MEND_NAMES_MAX) {
        m->names[at] = h;
        m->name_count++;
    }
    return m->names[at] == h;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

static bool is_name(const struct mend_open *e, const char *name, size_t len)
{
    len = len < sizeof e->name ? len : sizeof e->name;
    return e->len == len && strncasecmp(e->name, name, len) == 0;
}

/* ---- who is inside whom ---- */

static void put_name(struct feed_mend *m, const char *name, size_t len)
{
    if (mend__is_plain(name, len) && let_in(m, hash(name, len, HASH_START))) {
        buf_add(m->out, name, len);
    } else {
        buf_addc(m->out, 'x'); /* nobody here knows what it means */
    }
}

static void close_top(struct feed_mend *m)
{
    const struct mend_open *e = &m->open[--m->depth];

    buf_adds(m->out, "</");
    put_name(m, e->name, e->len);
    buf_addc(m->out, '>');
}

void mend__close_all(struct feed_mend *m)
{
    while (m->depth > 0) {
        close_top(m);
    }
}

/* One more than the index of the innermost with that name; 0: none is open. */
static size_t find_open(const struct feed_mend *m, const char *name, size_t len)
{
    size_t i = m->depth;

    while (i > 0 && !is_name(&m->open[i - 1], name, len)) {
        i--;
    }
    return i;
}

/* The items of a feed, which do not nest. */
static bool is_item(const char *name, size_t len)
{
    static const char *const names[] = {"item", "entry", "url", "sitemap"};

    return mend__is_one_of(name, len, names, ARRAY_LEN(names));
}

/* Hold text only, of which none of their neighbours (themselves included) is a part. */
static bool holds_text(const char *name, size_t len)
{
    static const char *const names[] = {"title",
                                        "link",
                                        "guid",
                                        "pubDate",
                                        "category",
                                        "comments",
                                        "dc:date",
                                        "dc:creator",
                                        "description",
                                        "loc",
                                        "lastmod",
                                        "updated",
                                        "published",
                                        "id"};

    return mend__is_one_of(name, len, names, ARRAY_LEN(names));
}

static bool is_neighbour(const char *name, size_t len)
{
    static const char *const names[] = {"enclosure",
                                        "content",
                                        "content:encoded",
                                        "summary",
                                        "author",
                                        "source",
                                        "media:content",
                                        "media:group",
                                        "media:thumbnail",
                                        "dc:subject",
                                        "news:news",
                                        "changefreq",
                                        "priority",
                                        "itunes:author",
                                        "media:title"};

    return holds_text(name, len) || mend__is_one_of(name, len, names, ARRAY_LEN(names));
}

/* What must have ended when this begins. */
static void close_before(struct feed_mend *m, const char *name, size_t len)
{
    size_t item = is_item(name, len) ? find_open(m, name, len) : 0;

    while (item > 0 && m->depth >= item) {
        mend__count(m, MEND_UNCLOSED);
        close_top(m);
    }
    if (m->depth > 0 && is_neighbour(name, len)) {
        const struct mend_open *top = &m->open[m->depth - 1];

        if (holds_text(top->name, top->len)) {
            mend__count(m, MEND_UNCLOSED);
            close_top(m);
        }
    }
}

void mend__end_tag(struct feed_mend *m, const char *tag, size_t len)
{
    size_t n = mend__name(tag + 2, len - 2), at = find_open(m, tag + 2, n);

    if (at == 0) {
        mend__count(m, MEND_UNOPENED);
        return;
    }
    while (m->depth > at) {
        mend__count(m, MEND_UNCLOSED);
        close_top(m);
    }
    close_top(m);
}

/* ---- start tags ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A quote that is never closed would take everything up to the next tag's along. So where a value has
 * a '<', which XML forbids in it, the tag ended at the first '>' of the value, if it has one. */
size_t mend__tag_end(const char *text, size_t len, bool *out_closed)
{
    size_t greater = 0; /* behind the first '>' of the value */
    char quote = '\0', before = '\0';
    size_t i = 1;

    for (; i < len && i < MEND_TAG_BYTES; i++) {
        char c = text[i];

        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
            greater = quote != '\0' && c == '>' && greater == 0 ? i + 1 : greater;
            if (c == '<' && greater > 0) {
                break;
            }
        } else if ((c == '"' || c == '\'') && before == '=') {
            quote = c;
            greater = 0;
        } else if (c == '>') {
            *out_closed = true;
            return i + 1;
        } else if (c == '<') {
            *out_closed = false;
            return i;
        }
        before = is_blank(c) ? before : c;
    }
    *out_closed = true;
    return quote != '\0' && (i < len || len >= MEND_TAG_BYTES) ? greater : 0;
}

struct attributes { /* names that are written already */
    const char *names[ATTRIBUTES_MAX];
    size_t lens[ATTRIBUTES_MAX];
    size_t count;
};

/* Whether it may be written: once of each name. */
static bool take_name(struct attributes *seen, const char *name, size_t len)
{
    if (!mend__is_plain(name, len) || seen->count == ATTRIBUTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->lens[i] == len && memcmp(seen->names[i], name, len) == 0) {
            return false;
        }
    }
    seen->names[seen->count] = name;
    seen->lens[seen->count++] = len;
    return true;
}

struct value {
    const char *text;
    size_t len;
    bool quoted;
};

/* url="a.jpg width="5": the quote that ends the value begins the next. What was meant ends at a blank. */
static size_t without_next(const char *value, size_t len)
{
    const char *blank = len > 0 && value[len - 1] == '=' ? memchr(value, ' ', len) : NULL;

    return blank ? (size_t)(blank - value) : len;
}

/* The value at text, behind the '='; returns what it takes up. */
static size_t read_value(const char *text, size_t len, struct value *out)
{
    const char *close;
    size_t n = 0;

    if (len > 0 && (text[0] == '"' || text[0] == '\'')) {
        close = memchr(text + 1, text[0], len - 1);
        n = close ? (size_t)(close - text - 1) : len - 1;
        *out = (struct value){text + 1, without_next(text + 1, n), close};
        if (out->len < n) {
            out->quoted = false;
            return out->len + 1;
        }
        return close ? n + 2 : len;
    }
    while (n < len && !is_blank(text[n])) {
        n++;
    }
    *out = (struct value){text, n, false};
    return n;
}

static size_t blanks(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && is_blank(text[n])) {
        n++;
    }
    return n;
}

/* Of an attribute: its name; libxml2 keeps the values of namespace declarations, too. */
static uint64_t hash_of(const char *name, size_t len, const struct value *value)
{
    uint64_t h = hash(name, len, HASH_START);

    return len >= 5 && memcmp(name, "xmlns", 5) == 0 ? hash(value->text, value->len, h) : h;
}

/* One attribute at text; returns what it takes up, at least a byte. */
static size_t
put_attribute(struct feed_mend *m, struct attributes *seen, const char *text, size_t len)
{
    size_t name = mend__name(text, len), at = name + blanks(text + name, len - name);
    struct value value = {.text = ""};

    if (at < len && text[at] == '=') {
        at++;
        at += blanks(text + at, len - at);
        at += read_value(text + at, len - at, &value);
    } else if (name == 0) {
        at = 1;
    }
    bool fresh = take_name(seen, text, name);
    if (!value.quoted || !fresh) {
        /* Names that are no ASCII go without a word: they may be right. */
        m->counts[MEND_ATTRIBUTES] += name == 0 || (unsigned char)text[0] < 0x80;
    }
    if (!fresh || !let_in(m, hash_of(text, name, &value))) {
        return at;
    }
    buf_addc(m->out, ' ');
    buf_add(m->out, text, name);
    buf_adds(m->out, "=\"");
    mend__text(m, value.text, value.len, true);
    buf_addc(m->out, '"');
    return at;
}

static void put_attributes(struct feed_mend *m, const char *text, size_t len)
{
    struct attributes seen = {.count = 0};
    size_t at = 0;

    for (;;) {
        at += blanks(text + at, len - at);
        if (at == len) {
            return;
        }
        at += put_attribute(m, &seen, text + at, len - at);
    }
}

static void open_element(struct feed_mend *m, const char *name, size_t len)
{
    struct mend_open *e = &m->open[m->depth++];

    e->len = len < sizeof e->name ? len : sizeof e->name;
    memcpy(e->name, name, e->len);
}

void mend__start_tag(struct feed_mend *m, const char *tag, size_t len, bool closed)
{
    const char *name = tag + 1;
    size_t n = mend__name(name, len - 1), end = closed ? len - 1 : len;
    bool empty = end > n + 1 && tag[end - 1] == '/';

    if (!closed) {
        mend__count(m, MEND_UNCLOSED);
    }
    close_before(m, name, n);
    if (m->depth == MEND_DEPTH_MAX) {
        mend__count(m, MEND_DEEP);
        return;
    }
    buf_addc(m->out, '<');
    put_name(m, name, n);
    put_attributes(m, name + n, (empty ? end - 1 : end) - n - 1);
    buf_adds(m->out, empty ? "/>" : ">");
    if (!empty) {
        open_element(m, name, n);
    }
}
