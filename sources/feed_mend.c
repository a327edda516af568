/* The course of mending a feed, and its text. Called by feed_xml.c. Each state takes what it can of
 * the text at hand and says how much that was; what is not whole yet (a tag, a reference) is kept until
 * more comes. Tags are in feed_mend_tag.c. */

#include "sources/feed_mend.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/feed_mend_internal.h"

#define SEEK_BYTES ((size_t)256 * 1024) /* of comments and junk before the root */
#define REFERENCE_BYTES 32 /* "&CounterClockwiseContourIntegral;" is too long by one */
#define SECTION_BYTES ((size_t)8192) /* of CDATA */
#define MORE SIZE_MAX                /* a state that cannot go on with what there is */

/* ---- text ---- */

enum class { PLAIN = 0, AMP, LESS, BRACKET, QUOTE, CONTROL, EF };
/* clang-format off */
static const unsigned char classes[256] = {
    /* 0 to 31, without tab, line feed and carriage return */
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL,
    CONTROL, PLAIN,   PLAIN,   CONTROL, CONTROL, PLAIN,   CONTROL, CONTROL,
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL,
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL,
    ['&'] = AMP, ['<'] = LESS, [']'] = BRACKET, ['"'] = QUOTE, [0xEF] = EF,
};
/* clang-format on */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of the reference at text, without looking further than it may be long; MORE: it is not whole. */
static size_t reference_len(const char *text, size_t len, bool last)
{
    size_t n = 1;

    while (n < len && n < REFERENCE_BYTES &&
           (is_alnum(text[n]) || (n == 1 && text[n] == '#'))) {
        n++;
    }
    if (n == len && n < REFERENCE_BYTES) {
        return last ? n : MORE;
    }
    return n < len && text[n] == ';' ? n + 1 : n;
}

static bool is_of_xml(const char *text, size_t len)
{
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) {
            return true;
        }
    }
    return false;
}

/* &#65; and &#x41; as XML has them, of a character that XML lets through as it is. */
static bool is_number_of_xml(const char *text, size_t len)
{
    bool hex = len > 4 && text[2] == 'x';
    uint32_t value = 0;

    if (len < 4 || text[1] != '#' || text[len - 1] != ';') {
        return false;
    }
    for (size_t i = hex ? 3 : 2; i < len - 1; i++) {
        char c = text[i];
        uint32_t digit = c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a' + 10);

        if (digit >= (hex ? 16U : 10U) || value > 0x110000) {
            return false;
        }
        value = value * (hex ? 16 : 10) + digit;
    }
    return value == '\t' || value == '\n' || value == '\r' || (value >= 0x20 && value < 0x7F) ||
           (value >= 0xA0 && value < 0xD800) || (value >= 0xE000 && value < 0xFFFE) ||
           (value >= 0x10000 && value <= 0x10FFFF);
}

/* A character that does not get through. Where it parted "]" from "]>", a blank does. */
static void drop(struct feed_mend *m)
{
    char before = m->out->len > 0 ? m->out->data[m->out->len - 1] : m->written;

    mend__count(m, MEND_CONTROLS);
    if (before == ']') {
        buf_addc(m->out, ' ');
    }
}

/* A character that begins with EF: byte order marks go, and the two that are no characters. */
static size_t put_ef(struct feed_mend *m, const char *text, size_t len, bool last)
{
    if (len < 3) {
        if (!last) {
            return MORE;
        }
        buf_add(m->out, text, len);
        return len;
    }
    if (memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        drop(m);
    } else if (memcmp(text, "\xEF\xBF\xBE", 3) == 0 || memcmp(text, "\xEF\xBF\xBF", 3) == 0) {
        buf_adds(m->out, "\xEF\xBF\xBD");
        mend__count(m, MEND_CONTROLS);
    } else {
        buf_add(m->out, text, 3);
    }
    return 3;
}

/* A character as XML has it. */
static void put_made(struct feed_mend *m, const char *made, size_t len)
{
    if (len == 1 && strchr("&<>\"", made[0]) != NULL) {
        text_escape_html(m->out, made, 1);
    } else if (len == 3 && made[0] == '\xEF') {
        (void)put_ef(m, made, len, true);
    } else {
        buf_add(m->out, made, len);
    }
}

static void put_reference(struct feed_mend *m, const char *text, size_t len)
{
    size_t before = m->out->len;

    if (is_of_xml(text, len) || is_number_of_xml(text, len)) {
        buf_add(m->out, text, len);
    } else if (text_entity(m->out, text, len) == len) {
        char made[4] = "";
        size_t made_len = m->out->len - before;

        /* Not as it stands in text: what the number means may be markup. */
        memcpy(made, m->out->data + before, made_len < sizeof made ? made_len : sizeof made);
        buf_truncate(m->out, before);
        if (made_len == 0) {
            drop(m);
            return;
        }
        put_made(m, made, made_len);
        mend__count(m, text[1] == '#' ? MEND_CONTROLS : MEND_ENTITIES);
    } else {
        buf_truncate(m->out, before);
        buf_adds(m->out, "&amp;");
        buf_add(m->out, text + 1, len - 1);
        mend__count(m, MEND_AMPERSANDS);
    }
}

static size_t put_bracket(struct feed_mend *m, const char *text, size_t len, bool last)
{
    if (len < 3 && !last) {
        return MORE;
    }
    if (len >= 3 && memcmp(text, "]]>", 3) == 0) {
        buf_adds(m->out, "]]&gt;");
        mend__count(m, MEND_BRACKETS);
        return 3;
    }
    buf_addc(m->out, ']');
    return 1;
}

static size_t
put_special(struct feed_mend *m, const char *text, size_t len, bool in_value, bool last)
{
    size_t n;

    switch (classes[(unsigned char)text[0]]) {
    case AMP:
        n = reference_len(text, len, last);
        if (n != MORE) {
            put_reference(m, text, n);
        }
        return n;
    case BRACKET:
        return put_bracket(m, text, len, last);
    case EF:
        return put_ef(m, text, len, last);
    case CONTROL:
        drop(m);
        return 1;
    case LESS:
        buf_adds(m->out, "&lt;");
        mend__count(m, MEND_BRACKETS);
        return 1;
    default:
        buf_adds(m->out, in_value && text[0] == '"' ? "&quot;" : "\"");
        return 1;
    }
}

/* Text up to the next '<', which is left to the caller but in a value. */
static size_t
put_text(struct feed_mend *m, const char *text, size_t len, bool in_value, bool last)
{
    size_t at = 0, run = 0, n;

    while (at < len) {
        unsigned char class = classes[(unsigned char)text[at]];

        if (class == PLAIN || (class == QUOTE && !in_value)) {
            at++;
            continue;
        }
        buf_add(m->out, text + run, at - run);
        if (class == LESS && !in_value) {
            return at;
        }
        n = put_special(m, text + at, len - at, in_value, last);
        if (n == MORE) {
            return at;
        }
        at += n;
        run = at;
    }
    buf_add(m->out, text + run, at - run);
    return at;
}

void mend__text(struct feed_mend *m, const char *text, size_t len, bool in_value)
{
    (void)put_text(m, text, len, in_value, true);
}

/* ---- what is not text ---- */

/* Up to and with `end`; MORE: it is not there, and as much as cannot be its beginning is dropped. */
static size_t
skip_to(struct feed_mend *m, const char *text, size_t len, const char *end, bool *out_found)
{
    size_t end_len = strlen(end);
    const char *at = memmem(text, len, end, end_len);

    *out_found = at != NULL;
    if (at) {
        m->state = m->back;
        return (size_t)(at - text) + end_len;
    }
    return len < end_len ? MORE : len - (end_len - 1);
}

static size_t skip_comment(struct feed_mend *m, const char *text, size_t len)
{
    bool found;

    return skip_to(m, text, len, "-->", &found);
}

/* An XML declaration ends at its first '>', whatever is before that; so does the long tag. */
static size_t skip_to_greater(struct feed_mend *m, const char *text, size_t len)
{
    bool found;

    return skip_to(m, text, len, ">", &found);
}

/* A DOCTYPE: up to the '>' that stands neither in quotes nor in a comment nor between the brackets. */
static size_t skip_declaration(struct feed_mend *m, const char *text, size_t len)
{
    struct mend_declaration *d = &m->declaration;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        d->tail = d->tail << 8 | (unsigned char)c;
        if (d->comment) {
            d->comment = (d->tail & 0xFFFFFF) != 0x2D2D3E; /* "-->" */
        } else if (d->quote != '\0') {
            d->quote = c == d->quote ? '\0' : d->quote;
        } else if (c == '"' || c == '\'') {
            d->quote = c;
        } else if (d->tail == 0x3C212D2D) { /* "<!--" */
            d->comment = true;
        } else if (c == '[' || c == ']') {
            d->inside = c == '[';
            m->counts[MEND_DOCTYPE] = 1;
        } else if (c == '>' && !d->inside) {
            m->state = m->back;
            return i + 1;
        }
    }
    return len;
}

/* Between two characters, when the section is long enough. */
static void split_section(struct feed_mend *m, const char *text, size_t at, size_t *run)
{
    if (m->section + (at - *run) < SECTION_BYTES || ((unsigned char)text[at] & 0xC0) == 0x80) {
        return;
    }
    buf_add(m->out, text + *run, at - *run);
    buf_adds(m->out, "]]><![CDATA[");
    m->section = 0;
    *run = at;
}

/* Up to `until`, without what XML does not let through. Returns what it took. */
static size_t put_section(struct feed_mend *m, const char *text, size_t until, size_t len)
{
    size_t at = 0, run = 0, n;

    while (at < until) {
        unsigned char class = classes[(unsigned char)text[at]];

        split_section(m, text, at, &run);
        if (class != CONTROL && class != EF) {
            at++;
            continue;
        }
        buf_add(m->out, text + run, at - run);
        m->section += at - run;
        n = put_special(m, text + at, len - at, false, m->last);
        if (n == MORE) {
            return at;
        }
        at += n;
        run = at;
    }
    buf_add(m->out, text + run, at - run);
    m->section += at - run;
    return at;
}

static size_t take_cdata(struct feed_mend *m, const char *text, size_t len)
{
    const char *end = memmem(text, len, "]]>", 3);
    size_t kept = m->last ? 0 : 2; /* "]]" may be the beginning of its end */
    size_t until = end ? (size_t)(end - text) : len > kept ? len - kept : 0;
    size_t at = put_section(m, text, until, len);

    if (!end || at < until) {
        return at > 0 ? at : MORE;
    }
    buf_adds(m->out, "]]>");
    m->state = STATE_CONTENT;
    return at + 3;
}

static bool starts(const char *text, size_t len, const char *with)
{
    size_t n = strlen(with);

    return len >= n && strncasecmp(text, with, n) == 0;
}

static void turn(struct feed_mend *m, enum mend_state to)
{
    m->back = m->state;
    m->state = to;
}

/* What begins with "<!" or "<?". */
static size_t enter(struct feed_mend *m, const char *text, size_t len)
{
    static const char cdata[] = "<![CDATA[";

    if (starts(text, len, "<!--")) {
        turn(m, STATE_COMMENT);
        return 4;
    }
    if (starts(text, len, "<?")) {
        /* Known by its name only, so that "<?xml" is seen. */
        if (len < 6 && !m->last) {
            return MORE;
        }
        turn(m, starts(text, len, "<?xml") ? STATE_LONG_TAG : STATE_INSTRUCTION);
        return 2;
    }
    if (len < sizeof cdata - 1 && !m->last) {
        return MORE;
    }
    if (starts(text, len, cdata)) {
        if (m->state == STATE_CONTENT) {
            buf_adds(m->out, cdata);
            m->state = STATE_CDATA;
            m->section = 0;
        }
        return sizeof cdata - 1;
    }
    if (starts(text, len, "<!doctype")) {
        m->declaration = (struct mend_declaration){0};
        turn(m, STATE_DECLARATION);
        return 9;
    }
    turn(m, STATE_LONG_TAG); /* "<!ELEMENT", or nothing that is known */
    return 2;
}

static size_t take_instruction(struct feed_mend *m, const char *text, size_t len)
{
    bool found;

    return skip_to(m, text, len, "?>", &found);
}

/* ---- before the root ---- */

bool mend__is_one_of(const char *name, size_t len, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == len && strncasecmp(list[i], name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* With any prefix. */
static bool is_root(const char *name, size_t len)
{
    static const char *const roots[] = {
        "rss", "rdf", "feed", "urlset", "sitemapindex", "channel"};
    const char *colon = memchr(name, ':', len);
    size_t local = colon ? len - (size_t)(colon + 1 - name) : len;

    return mend__is_one_of(name + (len - local), local, roots, ARRAY_LEN(roots));
}

static bool is_of_page(const char *name, size_t len)
{
    static const char *const names[] = {"html", "head", "body"};

    return mend__is_one_of(name, len, names, ARRAY_LEN(names));
}

static size_t seek_tag(struct feed_mend *m, const char *text, size_t len)
{
    size_t n = mend__name(text + 1, len - 1);

    if (n + 1 == len && !m->last) {
        return MORE;
    }
    if (is_root(text + 1, n) && mend__is_plain(text + 1, n)) {
        m->verdict = MEND_FEED;
        m->state = STATE_CONTENT;
        return 0;
    }
    if (is_of_page(text + 1, n)) {
        m->verdict = MEND_HTML;
    }
    m->counts[MEND_JUNK] = 1;
    return 1;
}

static size_t seek(struct feed_mend *m, const char *text, size_t len)
{
    static const char page[] = "<!doctype html";
    size_t n = strspn(text, " \t\r\n");

    if (n > 0) {
        return n;
    }
    if (text[0] != '<') {
        const char *less = memchr(text, '<', len);

        if (text[0] == '\xEF' && len < 3 && !m->last) {
            return MORE;
        }
        /* A byte order mark, or two, is no junk that anybody could do something about. */
        if (!starts(text, len, "\xEF\xBB\xBF")) {
            m->counts[MEND_JUNK] = 1;
            return less ? (size_t)(less - text) : len;
        }
        return 3;
    }
    if (len < 2) {
        return m->last ? 1 : MORE;
    }
    if (text[1] == '!' || text[1] == '?') {
        if (len < sizeof page - 1 && !m->last && strncasecmp(text, page, len) == 0) {
            return MORE;
        }
        m->verdict = starts(text, len, page) ? MEND_HTML : m->verdict;
        return enter(m, text, len);
    }
    return seek_tag(m, text, len);
}

/* ---- the root and what is in it ---- */

static size_t take_tag(struct feed_mend *m, const char *text, size_t len)
{
    bool closed = false;
    size_t n = mend__tag_end(text, len, &closed);

    if (n == 0 && len < MEND_TAG_BYTES) {
        return m->last ? len : MORE; /* half a tag at the end says nothing */
    }
    if (n == 0) {
        mend__count(m, MEND_LONG);
        turn(m, STATE_LONG_TAG);
        return 1;
    }
    if (text[1] == '/') {
        mend__end_tag(m, text, n);
    } else {
        mend__start_tag(m, text, n, closed);
    }
    if (m->depth == 0) {
        m->state = STATE_BEHIND;
    }
    return n;
}

static size_t take_content(struct feed_mend *m, const char *text, size_t len)
{
    if (text[0] != '<') {
        size_t n = put_text(m, text, len, false, m->last);

        return n > 0 ? n : MORE;
    }
    if (len < 3 && !m->last) {
        return MORE;
    }
    if (len == 1 || (len == 2 && text[1] == '/')) { /* half a tag at the end */
        return len;
    }
    if (len > 1 && (text[1] == '!' || text[1] == '?')) {
        return enter(m, text, len);
    }
    size_t slash = len > 1 && text[1] == '/' ? 2 : 1;
    if (len > slash && mend__name(text + slash, len - slash) > 0) {
        return take_tag(m, text, len);
    }
    buf_adds(m->out, "&lt;");
    mend__count(m, MEND_BRACKETS);
    return 1;
}

/* Comments may follow, and white space. */
static size_t pass_behind(struct feed_mend *m, const char *text, size_t len)
{
    size_t n = strspn(text, " \t\r\n");

    if (n > 0) {
        return n;
    }
    if (text[0] == '<' && len < 4 && !m->last) {
        return MORE;
    }
    if (starts(text, len, "<!--") || starts(text, len, "<?")) {
        return enter(m, text, len);
    }
    m->counts[MEND_BEHIND] = 1;
    return len;
}

static size_t step(struct feed_mend *m, const char *text, size_t len)
{
    switch (m->state) {
    case STATE_PROLOG:
        return seek(m, text, len);
    case STATE_CONTENT:
        return take_content(m, text, len);
    case STATE_CDATA:
        return take_cdata(m, text, len);
    case STATE_COMMENT:
        return skip_comment(m, text, len);
    case STATE_INSTRUCTION:
        return take_instruction(m, text, len);
    case STATE_DECLARATION:
        return skip_declaration(m, text, len);
    case STATE_LONG_TAG:
        return skip_to_greater(m, text, len);
    case STATE_BEHIND:
        break;
    }
    return pass_behind(m, text, len);
}

/* ---- the course ---- */

static bool is_wanted(const struct feed_mend *m)
{
    return m->verdict == MEND_SEEKING || m->verdict == MEND_FEED;
}

static bool goes_on(const struct feed_mend *m)
{
    return is_wanted(m) && m->damage <= MEND_DAMAGE_MAX;
}

static void end_feed(struct feed_mend *m)
{
    bool begun = m->depth > 0 || m->state == STATE_BEHIND || m->back == STATE_BEHIND;

    if (is_wanted(m) && !begun) { /* nothing, or half a root tag */
        m->verdict = MEND_NOTHING;
    }
    if (m->verdict != MEND_FEED || m->depth == 0) {
        return;
    }
    mend__count(m, m->damage > MEND_DAMAGE_MAX ? MEND_HOPELESS : MEND_CUT);
    if (m->state == STATE_CDATA) {
        buf_adds(m->out, "]]>");
    }
    buf_adds(m->out, "<?cut?>");
    mend__close_all(m);
}

void feed_mend_push(
    struct feed_mend *m, const char *text, size_t len, bool last, struct buf *out)
{
    size_t at = 0, n;

    m->out = out;
    m->last = last;
    buf_add(&m->kept, text, len);
    while (at < m->kept.len && goes_on(m)) {
        n = step(m, m->kept.data + at, m->kept.len - at);
        if (n == MORE) {
            break;
        }
        at += n;
        if (m->verdict == MEND_SEEKING) {
            m->sought += n;
            m->verdict = m->sought > SEEK_BYTES ? MEND_NOTHING : m->verdict;
        }
    }
    /* What comes when nothing is read any more is not kept. */
    at = goes_on(m) ? at : m->kept.len;
    memmove(m->kept.data, m->kept.data + at, m->kept.len - at);
    buf_truncate(&m->kept, m->kept.len - at);
    if (last) {
        end_feed(m);
    }
    m->written = out->len > 0 ? out->data[out->len - 1] : m->written;
}

struct feed_mend *feed_mend_new(void)
{
    struct feed_mend *m = mem_zalloc(sizeof *m);

    buf_init(&m->kept, SIZE_MAX / 2); /* a piece, and the longest tag */
    return m;
}

void feed_mend_free(struct feed_mend *m)
{
    if (m) {
        buf_done(&m->kept);
        mem_free(m);
    }
}

enum feed_mend_verdict feed_mend_verdict(const struct feed_mend *m)
{
    return m->verdict;
}

bool feed_mend_ended(const struct feed_mend *m)
{
    return m->state == STATE_BEHIND || (m->depth == 0 && m->back == STATE_BEHIND);
}

size_t feed_mend_count(const struct feed_mend *m, enum feed_mend_kind kind)
{
    return m->counts[kind];
}
