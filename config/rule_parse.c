/* How a rule is written: from a mapping of the file, by a table like any other setting. Called
 * by parse.c for `when` and `breaking`. What a regular expression could do to time and memory
 * is bounded here, since titles are matched on the loop. */

#include "config/rule_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/marks.h"

#define ACCEPTED_BYTES 1024
#define REGEX_BYTES 500
/* Of all repetitions multiplied: glibc copies the automaton that often. */
#define REGEX_REPEATS 1000
#define REGEX_NESTING 20

#define AT(member) .offset = offsetof(struct rule, member)
/* clang-format off */
const struct field rule__fields[] = {
    {.key = "breaking", .kind = FIELD_CUSTOM, .example = "true",
     .help = "whether the article is breaking; not in the rules of `breaking`"},
    {.key = "marked", .kind = FIELD_CUSTOM, .example = "true",
     .help = "whether a category or tag, whole and in any case, is one of the words for breaking news: " BREAKING_MARKS_TEXT},
    {.key = "category", .kind = FIELD_STRINGS, AT(categories), .min = "1", .example = "[World, Politics]",
     .help = "any of these among its categories"},
    {.key = "tag", .kind = FIELD_STRINGS, AT(tags), .min = "1", .example = "election",
     .help = "any of these among its tags"},
    {.key = "language", .kind = FIELD_STRINGS, AT(languages), .min = "1", .example = "de",
     .help = "its language; de also matches de-AT"},
    {.key = "source", .kind = FIELD_STRINGS, AT(sources), .min = "1", .example = "cms",
     .help = "the source it came from; api for the API"},
    {.key = "author", .kind = FIELD_STRINGS, AT(authors), .min = "1", .example = "Jane Doe",
     .help = "any of these among its authors"},
    {.key = "title", .kind = FIELD_CUSTOM, .example = "\"^(BREAKING|URGENT)\"",
     .help = "a POSIX extended regular expression, or a list of them, in its title"},
    {.key = "urgency", .kind = FIELD_CUSTOM, .example = "1..3",
     .help = "its urgency from 1, the highest, to 9 as the IPTC counts, a range of it, or a list of both; see a source's `urgency_scale`"},
    {.key = "age", .kind = FIELD_CUSTOM, .example = "30m",
     .help = "published at most so long ago; 2h.. is at least, 10m..2h both; an article without a time of publication never matches"},
    {.key = "not", .kind = FIELD_CUSTOM, .example = "{tag: sponsored}",
     .help = "a rule that must not match"},
    {.key = "any", .kind = FIELD_CUSTOM, .example = "[{tag: a}, {category: b}]",
     .help = "a list of rules, one of which must match"},
    {.key = "all", .kind = FIELD_CUSTOM, .example = "[{tag: a}, {tag: b}]",
     .help = "a list of rules that must all match"},
    FIELD_END,
};
/* clang-format on */

static const char accepted_title[] =
    "a POSIX extended regular expression such as \"^(BREAKING|URGENT)\"";
static const char accepted_urgency[] = "a number from 1 to 9 or a range such as 1..3";
static const char accepted_age[] =
    "a duration such as 30m (at most), 2h.. (at least) or 10m..2h (between)";
static const char accepted_rules[] =
    "a list of rules such as [{category: World}, {urgency: 1..3}]";
static const char accepted_rule[] =
    "a rule such as {category: [World, Politics], urgency: 1..3}";

/* Calls each for a text, or for every text of a list. */
typedef void text_fn(struct value_reader *r,
                     struct rule *rule,
                     const struct node *node,
                     const char *path,
                     const char *text);

static void one_text(struct value_reader *r,
                     struct rule *rule,
                     const struct node *node,
                     const char *path,
                     const char *accepted,
                     text_fn *each)
{
    char *text = value_text_dup(r, node, path, accepted, NULL);

    if (text != NULL) {
        each(r, rule, node, path, text);
    }
    mem_free(text);
}

static void each_text(struct value_reader *r,
                      struct rule *rule,
                      const struct node *node,
                      const char *path,
                      const char *accepted,
                      text_fn *each)
{
    if (node->kind != NODE_LIST) {
        one_text(r, rule, node, path, accepted, each);
        return;
    }
    if (node->count == 0) {
        value_problem(r, node, accepted, "%s: is empty", path);
    }
    for (size_t i = 0; i < node->count; i++) {
        one_text(r, rule, node->items[i], path, accepted, each);
    }
}

/* ---- title ---- */

/* Behind the [...] that begins here: there, nothing is an operator. */
static const char *bracket_end(const char *c)
{
    c += c[1] == '^' ? 2 : 1;
    c += *c == ']' ? 1 : 0;
    while (*c != '\0' && *c != ']') {
        c += *c == '[' && c[1] == ':' && strstr(c + 2, ":]") != NULL ? strcspn(c, "]") : 0;
        c += *c != '\0' ? 1 : 0;
    }
    return c + (*c == ']' ? 1 : 0);
}

/* The largest number of a {…}; one more when it has no upper end. *c is moved to its last character. */
static long largest_in(const char **c)
{
    long largest = 0, number = 0;
    char last = '{';

    for (; **c != '\0' && **c != '}'; (*c)++) {
        last = **c;
        number = last >= '0' && last <= '9' ? number * 10 + (last - '0') : 0;
        number = number > REGEX_REPEATS ? REGEX_REPEATS + 1 : number;
        largest = number > largest ? number : largest;
    }
    *c -= **c == '\0' ? 1 : 0;
    return largest + (last == ',' ? 1 : 0);
}

/* How often glibc may copy a part of the automaton; a bound, not a parser: the product of all {m,n}, and
 * of two for each group with a '+'. "a++" copies as well, and says nothing: more than any bound. */
static long repeats(const char *pattern)
{
    bool copied = false; /* by an operator just in front, or one in front of that */
    long product = 1;

    for (const char *c = pattern; *c != '\0' && product <= REGEX_REPEATS; c++) {
        bool copies = *c == '+' || *c == '{';

        if (copies && copied) {
            return REGEX_REPEATS + 1;
        }
        copied = copies || (copied && (*c == '*' || *c == '?'));
        if (*c == '\\' && c[1] != '\0') {
            c++;
        } else if (*c == '[') {
            c = bracket_end(c) - 1;
        } else if (*c == '+' && c > pattern && c[-1] == ')') {
            product *= 2;
        } else if (*c == '{') {
            long largest = largest_in(&c);

            product *= largest > 0 ? largest : 1;
        }
    }
    return product;
}

static bool nests_deep(const char *pattern)
{
    int depth = 0;
    int deepest = 0;

    for (const char *c = pattern; *c != '\0'; c++) {
        depth += *c == '(' ? 1 : (*c == ')' ? -1 : 0);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest > REGEX_NESTING;
}

/* A back reference makes matching exponential. */
static bool refers_back(const char *pattern)
{
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
            if (*c >= '1' && *c <= '9') {
                return true;
            }
        }
    }
    return false;
}

static const char *regex_fault(const char *pattern)
{
    if (pattern[0] == '\0') {
        return "is empty, which matches every title";
    }
    if (strlen(pattern) > REGEX_BYTES) {
        return "is longer than 500 bytes";
    }
    if (repeats(pattern) > REGEX_REPEATS) {
        return "repeats more than 1000 times";
    }
    if (nests_deep(pattern)) {
        return "nests more than 20 groups";
    }
    return refers_back(pattern) ? "refers back, which could take for ever" : NULL;
}

static void add_title(struct value_reader *r,
                      struct rule *rule,
                      const struct node *node,
                      const char *path,
                      const char *text)
{
    char fault[256] = "";
    char shown[PROBLEM_SHOWN_BYTES];
    regex_t compiled;
    int rc = 0;

    if (regex_fault(text) != NULL) {
        (void)snprintf(fault, sizeof(fault), "%s", regex_fault(text));
    } else {
        rc = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB);
        if (rc != 0) {
            size_t used = (size_t)snprintf(fault, sizeof(fault), "is no regular expression: ");
            (void)regerror(rc, &compiled, fault + used, sizeof(fault) - used);
        }
    }
    if (fault[0] != '\0') {
        value_problem(r,
                      node,
                      accepted_title,
                      "%s: \"%s\" %s",
                      path,
                      problem_shown(node->text, shown),
                      fault);
        return;
    }
    rule->titles = mem_realloc(rule->titles, rule->title_count + 1, sizeof(*rule->titles));
    rule->titles[rule->title_count].source = mem_strdup(text);
    rule->titles[rule->title_count].compiled = compiled;
    rule->title_count++;
}

/* ---- urgency ---- */

static void add_urgency(struct value_reader *r,
                        struct rule *rule,
                        const struct node *node,
                        const char *path,
                        const char *text)
{
    char shown[PROBLEM_SHOWN_BYTES];
    struct range range;

    if (!parse_range(text, &range) || range.low < 1 || range.high > 9 ||
        range.low > range.high) {
        value_problem(r,
                      node,
                      accepted_urgency,
                      "%s: \"%s\" is no urgency",
                      path,
                      problem_shown(node->text, shown));
        return;
    }
    rule->urgencies = mem_realloc(rule->urgencies, rule->urgency_count + 1, sizeof(range));
    rule->urgencies[rule->urgency_count++] = range;
}

/* ---- age ---- */

/* "30m", "10m..2h", "2h..", "..30m". */
static bool parse_age(const char *text, struct rule_age *out)
{
    const char *dots = strstr(text, "..");
    char *low = dots != NULL ? mem_strndup(text, (size_t)(dots - text)) : mem_strdup("0");
    const char *high = dots != NULL ? dots + 2 : text;
    struct rule_age age = {0, RULE_AGE_ANY};
    bool ok = (low[0] == '\0' || parse_duration_ms(low, &age.least_ms)) &&
              (dots != NULL && high[0] == '\0' ? low[0] != '\0'
                                               : parse_duration_ms(high, &age.most_ms));

    mem_free(low);
    *out = age;
    return ok && age.most_ms > 0 && age.least_ms <= age.most_ms;
}

static void
read_age(struct value_reader *r, struct rule *rule, const struct node *node, const char *path)
{
    char shown[PROBLEM_SHOWN_BYTES];
    char *text = value_text_dup(r, node, path, accepted_age, NULL);

    if (text != NULL && !parse_age(text, &rule->age)) {
        value_problem(r,
                      node,
                      accepted_age,
                      "%s: \"%s\" is no age",
                      path,
                      problem_shown(node->text, shown));
    }
    rule->has_age = text != NULL;
    mem_free(text);
}

/* ---- rules in rules ---- */

static void read_rules(struct value_reader *r,
                       const struct node *node,
                       const char *path,
                       bool deciding,
                       struct rule ***out,
                       size_t *out_count)
{
    if (node->kind != NODE_LIST || node->count == 0) {
        value_problem(r,
                      node,
                      accepted_rules,
                      "%s: %s is given",
                      path,
                      node->kind == NODE_LIST ? "an empty list" : node_kind_name(node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        char *inner = mem_printf("%s[%zu]", path, i + 1);
        struct rule *rule = rule__read(r, node->items[i], inner, deciding);

        if (rule != NULL) {
            *out = mem_realloc(*out, *out_count + 1, sizeof(struct rule *));
            (*out)[(*out_count)++] = rule;
        }
        mem_free(inner);
    }
}

/* Every member but this one. */
static void refuse_breaking(struct value_reader *r, const struct node *node, const char *path)
{
    struct buf accepted;

    buf_init(&accepted, ACCEPTED_BYTES);
    for (const struct field *f = rule__fields; f->kind != FIELD_END_KIND; f++) {
        if (strcmp(f->key, "breaking") != 0) {
            buf_addf(&accepted, "%s%s", accepted.len > 0 ? ", " : "", f->key);
        }
    }
    value_problem(r,
                  node,
                  buf_str(&accepted),
                  "%s: the rules of `breaking` decide this and cannot ask for it",
                  path);
    buf_done(&accepted);
}

/* 1 yes, 0 no. */
static int read_yes(struct value_reader *r, const struct node *node, const char *path)
{
    static const struct field row = {.key = "yes", .kind = FIELD_BOOL};
    bool value = false;

    value_read(r, &row, node, path, &value);
    return value ? 1 : 0;
}

static void read_breaking(struct value_reader *r,
                          struct rule *rule,
                          const struct node *node,
                          const char *path,
                          bool deciding)
{
    if (deciding) {
        refuse_breaking(r, node, path);
        return;
    }
    rule->breaking = read_yes(r, node, path);
}

static void read_member(struct value_reader *r,
                        const struct value_section *section,
                        const struct field *f,
                        const struct node *node,
                        const char *path)
{
    struct rule *rule = section->object;
    const bool *deciding = section->context;

    if (strcmp(f->key, "breaking") == 0) {
        read_breaking(r, rule, node, path, *deciding);
    } else if (strcmp(f->key, "marked") == 0) {
        rule->marked = read_yes(r, node, path);
    } else if (strcmp(f->key, "age") == 0) {
        read_age(r, rule, node, path);
    } else if (strcmp(f->key, "title") == 0) {
        each_text(r, rule, node, path, accepted_title, add_title);
    } else if (strcmp(f->key, "urgency") == 0) {
        each_text(r, rule, node, path, accepted_urgency, add_urgency);
    } else if (strcmp(f->key, "not") == 0) {
        rule->negated = rule__read(r, node, path, *deciding);
    } else if (strcmp(f->key, "any") == 0) {
        read_rules(r, node, path, *deciding, &rule->any, &rule->any_count);
    } else {
        must(strcmp(f->key, "all") == 0);
        read_rules(r, node, path, *deciding, &rule->all, &rule->all_count);
    }
}

struct rule *
rule__read(struct value_reader *r, const struct node *node, const char *path, bool deciding)
{
    struct rule *rule;
    struct value_section section = {
        .fields = rule__fields, .custom = read_member, .context = &deciding};

    if (node->kind != NODE_MAP || node->count == 0) {
        value_problem(r,
                      node,
                      accepted_rule,
                      "%s: %s is given",
                      path,
                      node->kind == NODE_MAP ? "an empty rule" : node_kind_name(node));
        return NULL;
    }
    rule = rule__new();
    section.object = rule;
    value_read_mapping(r, &section, 1, node, path);
    return rule;
}
