#ifndef CRIER_CONFIG_RULE_H
#define CRIER_CONFIG_RULE_H

/* Rules over an article: `when` of a channel and the list `breaking`. A rule is a mapping; all
 * its members must hold. Lists mean any of them.
 *
 *   {breaking: true, category: [World, Politics], language: de, not: {tag: sponsored}}
 *
 * Members: breaking (bool; not in `breaking` rules), marked (bool: a category or tag is one of
 * config/marks.h), category, tag, language ("de" also matches "de-AT"), source, author, title (POSIX
 * extended regular expression, case as written), urgency (3, 1..3, on the IPTC's scale), age (30m: at
 * most so long since it was published; 2h..: at least; 10m..2h), not (a rule), any (a list of rules),
 * all (a list of rules). Words compare without regard to case. */

#include <stdbool.h>

#include <jansson.h>

#include "base/article.h"
#include "base/buf.h"

struct rule;
struct urgency_scale;

struct rule_facts {
    const struct article *article;
    const char *source;
    bool breaking;
    int64_t now_ms;                    /* wall clock, for `age` */
    const struct urgency_scale *scale; /* the source's; NULL: the IPTC's */
};

void rule_free(struct rule *r);
bool rule_matches(const struct rule *r, const struct rule_facts *facts);
/* What in the rule matched, for people: "category Breaking", "urgency 1..3 (2), language
 * de". */
void rule_explain(const struct rule *r, const struct rule_facts *facts, struct buf *out);
/* Every member and whether it holds, also of a rule that does not match. A new object:
 *
 *   {"rule": "{category: Breaking}", "matches": false, "members": [
 *     {"member": "category", "holds": false, "wanted": "Breaking", "has": "Sport, Local"},
 *     {"member": "any", "holds": false, "rules": [rules like this one]}]} */
json_t *rule_report(const struct rule *r, const struct rule_facts *facts);
/* The rule as one would write it. */
void rule_print(const struct rule *r, struct buf *out);

#endif
