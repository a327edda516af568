/* What a rule means: does it match, why, and how one would write it. Called by the fan-out for
 * every article and channel, and by config_is_breaking(). Owns a rule's memory; rule_parse.c
 * makes it.
 *
 * All members must hold, a list holds when one of its words does. Matching and explaining walk
 * the same members in the same order, so that an explanation names what really matched. */

#include "config/rule.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/rule_internal.h"

struct rule *rule__new(void)
{
    struct rule *r = mem_zalloc(sizeof(*r));

    r->breaking = -1;
    return r;
}

static void free_rules(struct rule **v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rule_free(v[i]);
    }
    mem_free(v);
}

void rule_free(struct rule *r)
{
    if (r == NULL) {
        return;
    }
    strings_done(&r->categories);
    strings_done(&r->tags);
    strings_done(&r->languages);
    strings_done(&r->sources);
    strings_done(&r->authors);
    for (size_t i = 0; i < r->title_count; i++) {
        regfree(&r->titles[i].compiled);
        mem_free(r->titles[i].source);
    }
    mem_free(r->titles);
    mem_free(r->urgencies);
    rule_free(r->negated);
    free_rules(r->any, r->any_count);
    free_rules(r->all, r->all_count);
    mem_free(r);
}

/* ---- matching: each finds what holds, NULL or -1 when nothing does ---- */

static const char *find_word(const struct strings *wanted, const struct strings *have)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (strings_has(have, wanted->v[i])) {
            return wanted->v[i];
        }
    }
    return NULL;
}

static const char *find_name(const struct strings *wanted, const char *have)
{
    for (size_t i = 0; have != NULL && i < wanted->count; i++) {
        if (text_same_fold(wanted->v[i], have)) {
            return wanted->v[i];
        }
    }
    return NULL;
}

/* "de" covers "de-AT" and "de_AT": basic filtering of RFC 4647 section 3.3.1. */
static bool language_covers(const char *wanted, const char *have)
{
    size_t len = strlen(wanted);
    char *head;
    bool same;

    if (strlen(have) < len || (have[len] != '\0' && have[len] != '-' && have[len] != '_')) {
        return false;
    }
    head = mem_strndup(have, len);
    same = text_same_fold(wanted, head);
    mem_free(head);
    return same;
}

static const char *find_language(const struct strings *wanted, const char *have)
{
    for (size_t i = 0; have != NULL && i < wanted->count; i++) {
        if (language_covers(wanted->v[i], have)) {
            return wanted->v[i];
        }
    }
    return NULL;
}

static const char *find_title(const struct rule *r, const char *title)
{
    for (size_t i = 0; title != NULL && i < r->title_count; i++) {
        if (regexec(&r->titles[i].compiled, title, 0, NULL, 0) == 0) {
            return r->titles[i].source;
        }
    }
    return NULL;
}

static const struct range *find_urgency(const struct rule *r, int urgency)
{
    for (size_t i = 0; urgency > 0 && i < r->urgency_count; i++) {
        if (urgency >= r->urgencies[i].low && urgency <= r->urgencies[i].high) {
            return &r->urgencies[i];
        }
    }
    return NULL;
}

static const struct rule *find_any(const struct rule *r, const struct rule_facts *facts)
{
    for (size_t i = 0; i < r->any_count; i++) {
        if (rule_matches(r->any[i], facts)) {
            return r->any[i];
        }
    }
    return NULL;
}

static bool words_match(const struct rule *r, const struct rule_facts *facts)
{
    const struct article *a = facts->article;

    return (r->categories.count == 0 || find_word(&r->categories, &a->categories) != NULL) &&
           (r->tags.count == 0 || find_word(&r->tags, &a->tags) != NULL) &&
           (r->languages.count == 0 || find_language(&r->languages, a->language) != NULL) &&
           (r->sources.count == 0 || find_name(&r->sources, facts->source) != NULL) &&
           (r->authors.count == 0 || find_word(&r->authors, &a->authors) != NULL);
}

bool rule_matches(const struct rule *r, const struct rule_facts *facts)
{
    if ((r->breaking >= 0 && facts->breaking != (r->breaking == 1)) || !words_match(r, facts) ||
        (r->title_count > 0 && find_title(r, facts->article->title) == NULL) ||
        (r->urgency_count > 0 && find_urgency(r, facts->article->urgency) == NULL) ||
        (r->negated != NULL && rule_matches(r->negated, facts)) ||
        (r->any_count > 0 && find_any(r, facts) == NULL)) {
        return false;
    }
    for (size_t i = 0; i < r->all_count; i++) {
        if (!rule_matches(r->all[i], facts)) {
            return false;
        }
    }
    return true;
}

/* ---- explaining ---- */

static void comma(struct buf *out, size_t start)
{
    if (out->len > start) {
        buf_adds(out, ", ");
    }
}

static void add_part(struct buf *out, size_t start, const char *name, const char *found)
{
    if (found != NULL) {
        comma(out, start);
        buf_addf(out, "%s %s", name, found);
    }
}

static void print_range(const struct range *range, struct buf *out)
{
    if (range->low == range->high) {
        buf_addf(out, "%lld", (long long)range->low);
    } else {
        buf_addf(out, "%lld..%lld", (long long)range->low, (long long)range->high);
    }
}

static void explain_urgency(const struct rule *r, int urgency, size_t start, struct buf *out)
{
    const struct range *range = find_urgency(r, urgency);

    if (range == NULL) {
        return;
    }
    comma(out, start);
    buf_adds(out, "urgency ");
    print_range(range, out);
    if (range->low != range->high) {
        buf_addf(out, " (%d)", urgency);
    }
}

static void explain_words(const struct rule *r,
                          const struct rule_facts *facts,
                          size_t start,
                          struct buf *out)
{
    const struct article *a = facts->article;

    add_part(out, start, "category", find_word(&r->categories, &a->categories));
    add_part(out, start, "tag", find_word(&r->tags, &a->tags));
    add_part(out, start, "language", find_language(&r->languages, a->language));
    add_part(out, start, "source", find_name(&r->sources, facts->source));
    add_part(out, start, "author", find_word(&r->authors, &a->authors));
}

static void explain_inner(const struct rule *r,
                          const struct rule_facts *facts,
                          size_t start,
                          struct buf *out)
{
    const struct rule *any = find_any(r, facts);

    if (r->negated != NULL) {
        comma(out, start);
        buf_adds(out, "not ");
        rule_print(r->negated, out);
    }
    if (any != NULL) {
        comma(out, start);
        rule_explain(any, facts, out);
    }
    for (size_t i = 0; i < r->all_count; i++) {
        comma(out, start);
        rule_explain(r->all[i], facts, out);
    }
}

void rule_explain(const struct rule *r, const struct rule_facts *facts, struct buf *out)
{
    size_t start = out->len;
    const char *title = find_title(r, facts->article->title);

    if (r->breaking >= 0) {
        buf_adds(out, r->breaking == 1 ? "breaking" : "not breaking");
    }
    explain_urgency(r, facts->article->urgency, start, out);
    explain_words(r, facts, start, out);
    if (title != NULL) {
        comma(out, start);
        buf_addf(out, "title \"%s\"", title);
    }
    explain_inner(r, facts, start, out);
}

/* ---- printing ---- */

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

static void
print_words(const char *name, const struct strings *words, size_t start, struct buf *out)
{
    if (words->count == 0) {
        return;
    }
    comma(out, start);
    buf_addf(out, "%s: %s", name, words->count > 1 ? "[" : "");
    for (size_t i = 0; i < words->count; i++) {
        buf_adds(out, i > 0 ? ", " : "");
        print_word(words->v[i], out);
    }
    buf_adds(out, words->count > 1 ? "]" : "");
}

static void print_titles(const struct rule *r, size_t start, struct buf *out)
{
    struct strings sources = {NULL, 0};

    for (size_t i = 0; i < r->title_count; i++) {
        sources.v = mem_realloc(sources.v, i + 1, sizeof(*sources.v));
        sources.v[i] = r->titles[i].source;
        sources.count = i + 1;
    }
    print_words("title", &sources, start, out);
    mem_free(sources.v);
}

static void print_urgencies(const struct rule *r, size_t start, struct buf *out)
{
    if (r->urgency_count == 0) {
        return;
    }
    comma(out, start);
    buf_addf(out, "urgency: %s", r->urgency_count > 1 ? "[" : "");
    for (size_t i = 0; i < r->urgency_count; i++) {
        buf_adds(out, i > 0 ? ", " : "");
        print_range(&r->urgencies[i], out);
    }
    buf_adds(out, r->urgency_count > 1 ? "]" : "");
}

static void print_rules(
    const char *name, struct rule *const *v, size_t count, size_t start, struct buf *out)
{
    if (count == 0) {
        return;
    }
    comma(out, start);
    buf_addf(out, "%s: [", name);
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, i > 0 ? ", " : "");
        rule_print(v[i], out);
    }
    buf_addc(out, ']');
}

void rule_print(const struct rule *r, struct buf *out)
{
    size_t start;

    buf_addc(out, '{');
    start = out->len;
    if (r->breaking >= 0) {
        buf_addf(out, "breaking: %s", r->breaking == 1 ? "true" : "false");
    }
    print_urgencies(r, start, out);
    print_words("category", &r->categories, start, out);
    print_words("tag", &r->tags, start, out);
    print_words("language", &r->languages, start, out);
    print_words("source", &r->sources, start, out);
    print_words("author", &r->authors, start, out);
    print_titles(r, start, out);
    if (r->negated != NULL) {
        comma(out, start);
        buf_adds(out, "not: ");
        rule_print(r->negated, out);
    }
    print_rules("any", r->any, r->any_count, start, out);
    print_rules("all", r->all, r->all_count, start, out);
    buf_addc(out, '}');
}
