#ifndef CRIER_CONFIG_RULE_H
#define CRIER_CONFIG_RULE_H

/* Rules over an article: `when` of a channel and the list `breaking`. A rule is a mapping; all
 * its members must hold. Lists mean any of them.
 *
 *   {breaking: true, category: [World, Politics], language: de, not: {tag: sponsored}}
 *
 * Members: breaking (bool; not in `breaking` rules),
 * category, tag, language ("de" also matches "de-AT"), source, author, title (POSIX extended
 * regular expression, case as written), urgency (3, 1..3), not (a rule), any (a list of rules),
 * all (a list of rules). Words compare without regard to case. */

#include <stdbool.h>

#include "base/article.h"
#include "base/buf.h"

struct rule;

struct rule_facts {
    const struct article *article;
    const char *source;
    bool breaking;
};

void rule_free(struct rule *r);
bool rule_matches(const struct rule *r, const struct rule_facts *facts);
/* What in the rule matched, for people: "category Breaking", "urgency 1..3 (2), language
 * de". */
void rule_explain(const struct rule *r, const struct rule_facts *facts, struct buf *out);
/* The rule as one would write it. */
void rule_print(const struct rule *r, struct buf *out);

#endif
