#ifndef CRIER_CONFIG_RULE_INTERNAL_H
#define CRIER_CONFIG_RULE_INTERNAL_H

/* What a rule is inside. Shared by rule.c (what it means), rule_parse.c (how it is written) and
 * the manual (its table). */

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
struct rule {
    int breaking; /* 1 yes, 0 no, -1: not asked */
    struct strings categories, tags, languages, sources, authors;
    struct rule_regex *titles;
    size_t title_count;
    struct range *urgencies;
    size_t urgency_count;
    struct rule *negated; /* `not` */
    struct rule **any, **all;
    size_t any_count, all_count;
};

struct rule *rule__new(void);
/* The members a rule may have. */
extern const struct field rule__fields[];
/* Reads a mapping of the file. NULL, and a problem, when it is none; a rule with problems
 * beside it when only members were wrong. deciding: it is one of `breaking`, where asking for
 * breaking would go in a circle. */
struct rule *
rule__read(struct value_reader *r, const struct node *node, const char *path, bool deciding);

#endif
