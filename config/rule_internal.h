#ifndef CRIER_CONFIG_RULE_INTERNAL_H
#define CRIER_CONFIG_RULE_INTERNAL_H

/* What a rule is inside. Shared by rule.c (what it means), rule_member.c (what each member asks),
 * rule_print.c and rule_parse.c (how it is written) and the manual (its table). */

#include <regex.h>
#include <stdbool.h>

#include "base/field.h"
#include "base/parse.h"
#include "config/rule.h"
#include "config/value.h"

struct rule_regex {
    char *source;
    regex_t compiled;
};
struct rule_age {
    int64_t least_ms, most_ms; /* both inside; most_ms RULE_AGE_ANY: however old */
};
#define RULE_AGE_ANY INT64_MAX
struct rule {
    int breaking, marked; /* 1 yes, 0 no, -1: not asked */
    struct strings categories, tags, languages, sources, authors;
    struct rule_regex *titles;
    size_t title_count;
    struct range *urgencies;
    size_t urgency_count;
    struct rule_age age;
    bool has_age;
    struct rule *negated; /* `not` */
    struct rule **any, **all;
    size_t any_count, all_count;
};

/* One member, in the order in which a rule is matched, explained and printed. Whoever does one of
 * these walks the same table, so an explanation names what really matched. */
struct rule_member {
    const char *name;
    bool (*asked)(const struct rule_member *m, const struct rule *r);
    /* found (NULL: not wanted) gets what holds: "category World". Only for a member that is asked. */
    bool (*holds)(const struct rule_member *m,
                  const struct rule *r,
                  const struct rule_facts *facts,
                  struct buf *found);
    /* What is wanted, as one would write it: "[World, Politics]". */
    void (*print)(const struct rule_member *m, const struct rule *r, struct buf *out);
    /* What the article has of it, for people: "Sport, Local", "none". NULL for a member made of rules. */
    void (*has)(const struct rule_member *m, const struct rule_facts *facts, struct buf *out);
    size_t words; /* of struct rule: what is wanted, a struct strings; 0: it is none of words */
    size_t list;  /* of struct article: what it has, a struct strings; 0: it is none */
    /* The rules it is made of; NULL: of none. */
    struct rule *const *(*inner)(const struct rule *r, size_t *out_count);
};
extern const struct rule_member rule__members[]; /* ends with a row without name */

/* Appends ", " unless nothing was appended since out->len was start. */
void rule__comma(struct buf *out, size_t start);

/* rule_print.c */
void rule__print_words(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_breaking(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_marked(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_titles(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_urgencies(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_age(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_not(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_any(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_all(const struct rule_member *m, const struct rule *r, struct buf *out);
void rule__print_range(const struct range *range, struct buf *out);

struct rule *rule__new(void);
/* The members a rule may have. */
extern const struct field rule__fields[];
/* Reads a mapping of the file. NULL, and a problem, when it is none; a rule with problems
 * beside it when only members were wrong. deciding: it is one of `breaking`, where asking for
 * breaking would go in a circle. */
struct rule *
rule__read(struct value_reader *r, const struct node *node, const char *path, bool deciding);

#endif
