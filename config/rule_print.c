/* How one would write a rule, and each of its members: YAML in flow form, which is read as the same
 * rule again. Called for the ledger's reasons, `crier preview` and `crier check`. Owns nothing. */

#include "config/rule_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void rule__print_range(const struct range *range, struct buf *out)
{
    if (range->low == range->high) {
        buf_addf(out, "%lld", (long long)range->low);
    } else {
        buf_addf(out, "%lld..%lld", (long long)range->low, (long long)range->high);
    }
}

/* A character beyond ASCII that YAML does not take as it is, or takes for the end of a line: the C1
 * controls, the separators of lines and paragraphs, the byte order mark, noncharacters. *out is its
 * code point. */
static bool is_unprintable(const char *text, size_t bytes, uint32_t *out)
{
    uint32_t c = (unsigned char)text[0] & (0xFFu >> (bytes + 1));

    for (size_t i = 1; i < bytes; i++) {
        c = c << 6 | ((unsigned char)text[i] & 0x3Fu);
    }
    *out = c;
    return c < 0xA0 || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           (c >= 0xFDD0 && c <= 0xFDEF) || c == 0xFFFE || c == 0xFFFF;
}

/* Whether a word means itself without quotes. */
static bool is_bare(const char *word)
{
    static const char *const nothing[] = {"", "null", "Null", "NULL"};
    size_t bytes;
    uint32_t c;

    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        if (strcmp(word, nothing[i]) == 0) {
            return false;
        }
    }
    for (const char *at = word; *at != '\0'; at += bytes) {
        bool letter = (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z');
        bool sign = *at == '_' || (*at == '-' && at > word);

        bytes = text_character(at, strlen(at));
        must(bytes > 0);
        if (bytes > 1 ? is_unprintable(at, bytes, &c)
                      : !letter && !sign && !(*at >= '0' && *at <= '9')) {
            return false;
        }
    }
    return true;
}

/* A word as YAML in a flow list: bare when nothing in it could mean something. */
static void print_word(const char *word, struct buf *out)
{
    size_t bytes;
    uint32_t c;

    if (is_bare(word)) {
        buf_adds(out, word);
        return;
    }
    buf_addc(out, '"');
    for (const char *at = word; *at != '\0'; at += bytes) {
        bytes = text_character(at, strlen(at));
        must(bytes > 0);
        if (bytes == 1 && ((unsigned char)*at < ' ' || *at == 0x7F)) {
            buf_addf(out, "\\x%02x", (unsigned)*at);
        } else if (bytes > 1 && is_unprintable(at, bytes, &c)) {
            buf_addf(out, "\\u%04x", (unsigned)c);
        } else {
            /* What only looks like a reference has one more '$'. */
            buf_adds(out,
                     *at == '"' || *at == '\\'   ? "\\"
                     : strncmp(at, "${", 2) == 0 ? "$"
                                                 : "");
            buf_add(out, at, bytes);
        }
    }
    buf_addc(out, '"');
}

static void print_list(const struct strings *words, struct buf *out)
{
    buf_adds(out, words->count > 1 ? "[" : "");
    for (size_t i = 0; i < words->count; i++) {
        buf_adds(out, i > 0 ? ", " : "");
        print_word(words->v[i], out);
    }
    buf_adds(out, words->count > 1 ? "]" : "");
}

void rule__print_words(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    print_list((const struct strings *)(const void *)((const char *)r + m->words), out);
}

void rule__print_breaking(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    (void)m;
    buf_adds(out, r->breaking == 1 ? "true" : "false");
}

void rule__print_marked(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    (void)m;
    buf_adds(out, r->marked == 1 ? "true" : "false");
}

void rule__print_titles(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    struct strings sources = {mem_calloc(r->title_count, sizeof(char *)), r->title_count};

    (void)m;
    for (size_t i = 0; i < r->title_count; i++) {
        sources.v[i] = r->titles[i].source;
    }
    print_list(&sources, out);
    mem_free(sources.v);
}

void rule__print_urgencies(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    (void)m;
    buf_adds(out, r->urgency_count > 1 ? "[" : "");
    for (size_t i = 0; i < r->urgency_count; i++) {
        buf_adds(out, i > 0 ? ", " : "");
        rule__print_range(&r->urgencies[i], out);
    }
    buf_adds(out, r->urgency_count > 1 ? "]" : "");
}

void rule__print_age(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    char text[PARSE_TEXT_BYTES];

    (void)m;
    if (r->age.least_ms == 0 && r->age.most_ms != RULE_AGE_ANY) {
        buf_adds(out, format_duration(r->age.most_ms, text));
        return;
    }
    buf_addf(out, "%s..", format_duration(r->age.least_ms, text));
    if (r->age.most_ms != RULE_AGE_ANY) {
        buf_adds(out, format_duration(r->age.most_ms, text));
    }
}

void rule__print_not(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    (void)m;
    rule_print(r->negated, out);
}

static void print_rules(struct rule *const *v, size_t count, struct buf *out)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, i > 0 ? ", " : "");
        rule_print(v[i], out);
    }
    buf_addc(out, ']');
}

void rule__print_any(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    (void)m;
    print_rules(r->any, r->any_count, out);
}

void rule__print_all(const struct rule_member *m, const struct rule *r, struct buf *out)
{
    (void)m;
    print_rules(r->all, r->all_count, out);
}

void rule_print(const struct rule *r, struct buf *out)
{
    size_t start;

    buf_addc(out, '{');
    start = out->len;
    for (const struct rule_member *m = rule__members; m->name != NULL; m++) {
        if (m->asked(m, r)) {
            rule__comma(out, start);
            buf_addf(out, "%s: ", m->name);
            m->print(m, r, out);
        }
    }
    buf_addc(out, '}');
}
