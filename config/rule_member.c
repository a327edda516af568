/* What each member of a rule asks of an article: the table that matching, explaining, printing and
 * reporting walk. Called by rule.c. Owns nothing.
 *
 * What the article does not tell is never matched: who asks for a language gets no article without
 * one. */

#include "config/rule_internal.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/marks.h"
#include "config/urgency.h"

#define SHOWN_MAX 20 /* words of an article that are told to people */

static void found_word(struct buf *found, const char *name, const char *word)
{
    if (found != NULL) {
        buf_addf(found, "%s %s", name, word);
    }
}

static void add_or_none(struct buf *out, const char *text)
{
    buf_adds(out, text != NULL ? text : "none");
}

/* ---- words ---- */

static const struct strings *wanted_of(const struct rule_member *m, const struct rule *r)
{
    return (const struct strings *)(const void *)((const char *)r + m->words);
}

static const struct strings *list_of(const struct rule_member *m,
                                     const struct rule_facts *facts)
{
    return (const struct strings *)(const void *)((const char *)facts->article + m->list);
}

static bool words_asked(const struct rule_member *m, const struct rule *r)
{
    return wanted_of(m, r)->count > 0;
}

static bool has_word(const struct strings *have, const char *word)
{
    for (size_t i = 0; i < have->count; i++) {
        if (text_same_word(have->v[i], word)) {
            return true;
        }
    }
    return false;
}

static bool words_hold(const struct rule_member *m,
                       const struct rule *r,
                       const struct rule_facts *facts,
                       struct buf *found)
{
    const struct strings *wanted = wanted_of(m, r), *have = list_of(m, facts);

    for (size_t i = 0; i < wanted->count; i++) {
        if (has_word(have, wanted->v[i])) {
            found_word(found, m->name, wanted->v[i]);
            return true;
        }
    }
    return false;
}

static void list_words(const struct strings *words, size_t start, struct buf *out)
{
    for (size_t i = 0; i < words->count && i < SHOWN_MAX; i++) {
        rule__comma(out, start);
        buf_adds(out, words->v[i]);
    }
    if (words->count > SHOWN_MAX) {
        buf_addf(out, " and %zu more", words->count - SHOWN_MAX);
    }
}

static void
words_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    size_t start = out->len;

    list_words(list_of(m, facts), start, out);
    if (out->len == start) {
        buf_adds(out, "none");
    }
}

/* ---- language, source ---- */

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

static bool language_holds(const struct rule_member *m,
                           const struct rule *r,
                           const struct rule_facts *facts,
                           struct buf *found)
{
    const char *have = facts->article->language;

    for (size_t i = 0; have != NULL && i < r->languages.count; i++) {
        if (language_covers(r->languages.v[i], have)) {
            found_word(found, m->name, r->languages.v[i]);
            return true;
        }
    }
    return false;
}

static void
language_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    (void)m;
    add_or_none(out, facts->article->language);
}

static bool source_holds(const struct rule_member *m,
                         const struct rule *r,
                         const struct rule_facts *facts,
                         struct buf *found)
{
    for (size_t i = 0; facts->source != NULL && i < r->sources.count; i++) {
        if (text_same_word(r->sources.v[i], facts->source)) {
            found_word(found, m->name, r->sources.v[i]);
            return true;
        }
    }
    return false;
}

static void
source_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    (void)m;
    add_or_none(out, facts->source);
}

/* ---- breaking, marked ---- */

static bool breaking_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->breaking >= 0;
}

static bool breaking_holds(const struct rule_member *m,
                           const struct rule *r,
                           const struct rule_facts *facts,
                           struct buf *found)
{
    (void)m;
    if (facts->breaking != (r->breaking == 1)) {
        return false;
    }
    if (found != NULL) {
        buf_adds(found, facts->breaking ? "breaking" : "not breaking");
    }
    return true;
}

static void
breaking_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    (void)m;
    buf_adds(out, facts->breaking ? "true" : "false");
}

static const char *find_mark(const struct rule_facts *facts)
{
    const char *mark = marks_find(&facts->article->categories);

    return mark != NULL ? mark : marks_find(&facts->article->tags);
}

static bool marked_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->marked >= 0;
}

static bool marked_holds(const struct rule_member *m,
                         const struct rule *r,
                         const struct rule_facts *facts,
                         struct buf *found)
{
    const char *mark = find_mark(facts);

    if ((mark != NULL) != (r->marked == 1)) {
        return false;
    }
    if (found != NULL && mark == NULL) {
        buf_adds(found, "not marked");
    } else if (found != NULL) {
        found_word(found, m->name, mark);
    }
    return true;
}

static void
marked_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    const char *mark = find_mark(facts);
    size_t start;

    (void)m;
    if (mark != NULL) {
        buf_addf(out, "the mark %s", mark);
        return;
    }
    start = out->len;
    list_words(&facts->article->categories, start, out);
    list_words(&facts->article->tags, start, out);
    if (out->len == start) {
        buf_adds(out, "none");
    }
}

/* ---- title ---- */

static bool title_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->title_count > 0;
}

static bool title_holds(const struct rule_member *m,
                        const struct rule *r,
                        const struct rule_facts *facts,
                        struct buf *found)
{
    const char *title = facts->article->title;

    for (size_t i = 0; title != NULL && i < r->title_count; i++) {
        if (regexec(&r->titles[i].compiled, title, 0, NULL, 0) == 0) {
            if (found != NULL) {
                buf_addf(found, "%s \"%s\"", m->name, r->titles[i].source);
            }
            return true;
        }
    }
    return false;
}

static void
title_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    (void)m;
    add_or_none(out, facts->article->title);
}

/* ---- urgency ---- */

static bool urgency_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->urgency_count > 0;
}

/* "urgency 2", "urgency 1..3 (2)", "urgency 1..3 (2, tt 2 Brådskande)". */
static void found_urgency(struct buf *found,
                          const struct range *range,
                          const struct rule_facts *facts,
                          int urgency)
{
    const struct urgency_level *level =
        facts->scale != NULL ? &facts->scale->levels[facts->article->urgency] : NULL;

    buf_adds(found, "urgency ");
    rule__print_range(range, found);
    if (level != NULL && level->name != NULL) {
        buf_addf(found,
                 " (%d, %s %d %s)",
                 urgency,
                 facts->scale->name,
                 facts->article->urgency,
                 level->name);
    } else if (range->low != range->high) {
        buf_addf(found, " (%d)", urgency);
    }
}

static bool urgency_holds(const struct rule_member *m,
                          const struct rule *r,
                          const struct rule_facts *facts,
                          struct buf *found)
{
    int urgency = urgency_iptc(facts->scale, facts->article->urgency);

    (void)m;
    for (size_t i = 0; urgency > 0 && i < r->urgency_count; i++) {
        if (urgency >= r->urgencies[i].low && urgency <= r->urgencies[i].high) {
            if (found != NULL) {
                found_urgency(found, &r->urgencies[i], facts, urgency);
            }
            return true;
        }
    }
    return false;
}

static void
urgency_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    (void)m;
    urgency_describe(facts->scale, facts->article->urgency, out);
}

/* ---- age ---- */

static bool age_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->has_age;
}

/* A time that is still to come is a clock that goes wrong, or a zone: it is as new as can be. */
static int64_t age_of(const struct rule_facts *facts)
{
    int64_t published_ms = facts->article->published_at_ms;

    return facts->now_ms > published_ms ? facts->now_ms - published_ms : 0;
}

/* Whole seconds, or people would be told of milliseconds. */
static const char *age_text(const struct rule_facts *facts, char out[PARSE_TEXT_BYTES])
{
    return format_duration(age_of(facts) / 1000 * 1000, out);
}

static bool age_holds(const struct rule_member *m,
                      const struct rule *r,
                      const struct rule_facts *facts,
                      struct buf *found)
{
    char text[PARSE_TEXT_BYTES];
    int64_t age_ms = age_of(facts);

    if (facts->article->published_at_ms == 0 || age_ms < r->age.least_ms ||
        age_ms > r->age.most_ms) {
        return false;
    }
    if (found != NULL) {
        buf_addf(found, "%s ", m->name);
        m->print(m, r, found);
        buf_addf(found, " (%s)", age_text(facts, text));
    }
    return true;
}

static void
age_had(const struct rule_member *m, const struct rule_facts *facts, struct buf *out)
{
    char text[PARSE_TEXT_BYTES];

    (void)m;
    buf_adds(out,
             facts->article->published_at_ms == 0 ? "no time of publication"
                                                  : age_text(facts, text));
}

/* ---- members made of rules ---- */

static bool not_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->negated != NULL;
}

static bool not_holds(const struct rule_member *m,
                      const struct rule *r,
                      const struct rule_facts *facts,
                      struct buf *found)
{
    if (rule_matches(r->negated, facts)) {
        return false;
    }
    if (found != NULL) {
        buf_addf(found, "%s ", m->name);
        rule_print(r->negated, found);
    }
    return true;
}

static struct rule *const *not_rules(const struct rule *r, size_t *out_count)
{
    *out_count = 1;
    return &r->negated;
}

static bool any_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->any_count > 0;
}

static bool any_holds(const struct rule_member *m,
                      const struct rule *r,
                      const struct rule_facts *facts,
                      struct buf *found)
{
    (void)m;
    for (size_t i = 0; i < r->any_count; i++) {
        if (rule_matches(r->any[i], facts)) {
            if (found != NULL) {
                rule_explain(r->any[i], facts, found);
            }
            return true;
        }
    }
    return false;
}

static struct rule *const *any_rules(const struct rule *r, size_t *out_count)
{
    *out_count = r->any_count;
    return r->any;
}

static bool all_asked(const struct rule_member *m, const struct rule *r)
{
    (void)m;
    return r->all_count > 0;
}

static bool all_holds(const struct rule_member *m,
                      const struct rule *r,
                      const struct rule_facts *facts,
                      struct buf *found)
{
    size_t start = found != NULL ? found->len : 0;

    (void)m;
    for (size_t i = 0; i < r->all_count; i++) {
        if (!rule_matches(r->all[i], facts)) {
            return false;
        }
        if (found != NULL) {
            rule__comma(found, start);
            rule_explain(r->all[i], facts, found);
        }
    }
    return true;
}

static struct rule *const *all_rules(const struct rule *r, size_t *out_count)
{
    *out_count = r->all_count;
    return r->all;
}

/* clang-format off */
#define OF_RULE(member) .words = offsetof(struct rule, member)
#define OF_ARTICLE(member) .list = offsetof(struct article, member)
#define WORDS words_asked, words_hold, rule__print_words, words_had
const struct rule_member rule__members[] = {
    {"breaking", breaking_asked, breaking_holds, rule__print_breaking, breaking_had, 0, 0, NULL},
    {"marked", marked_asked, marked_holds, rule__print_marked, marked_had, 0, 0, NULL},
    {"urgency", urgency_asked, urgency_holds, rule__print_urgencies, urgency_had, 0, 0, NULL},
    {"category", WORDS, OF_RULE(categories), OF_ARTICLE(categories), NULL},
    {"tag", WORDS, OF_RULE(tags), OF_ARTICLE(tags), NULL},
    {"language", words_asked, language_holds, rule__print_words, language_had, OF_RULE(languages), 0, NULL},
    {"source", words_asked, source_holds, rule__print_words, source_had, OF_RULE(sources), 0, NULL},
    {"author", WORDS, OF_RULE(authors), OF_ARTICLE(authors), NULL},
    {"title", title_asked, title_holds, rule__print_titles, title_had, 0, 0, NULL},
    {"age", age_asked, age_holds, rule__print_age, age_had, 0, 0, NULL},
    {"not", not_asked, not_holds, rule__print_not, NULL, 0, 0, not_rules},
    {"any", any_asked, any_holds, rule__print_any, NULL, 0, 0, any_rules},
    {"all", all_asked, all_holds, rule__print_all, NULL, 0, 0, all_rules},
    {.name = NULL},
};
/* clang-format on */
