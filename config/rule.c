/* What a rule means: does it match, why, and what of it does not. Called by the fan-out for every
 * article and channel, by config_is_breaking(), and by `crier check`. Owns a rule's memory;
 * rule_parse.c makes it.
 *
 * All members must hold, a list holds when one of its words does. What each member asks stands in
 * the table of rule_member.c; here that table is walked. */

#include "config/rule.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "config/rule_internal.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024) /* of one member, shown to people */

struct rule *rule__new(void)
{
    struct rule *r = mem_zalloc(sizeof(*r));

    r->breaking = r->marked = -1;
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

bool rule_matches(const struct rule *r, const struct rule_facts *facts)
{
    for (const struct rule_member *m = rule__members; m->name != NULL; m++) {
        if (m->asked(m, r) && !m->holds(m, r, facts, NULL)) {
            return false;
        }
    }
    return true;
}

void rule__comma(struct buf *out, size_t start)
{
    if (out->len > start) {
        buf_adds(out, ", ");
    }
}

void rule_explain(const struct rule *r, const struct rule_facts *facts, struct buf *out)
{
    size_t start = out->len;

    for (const struct rule_member *m = rule__members; m->name != NULL; m++) {
        size_t before = out->len;

        if (!m->asked(m, r)) {
            continue;
        }
        rule__comma(out, start);
        if (!m->holds(m, r, facts, out)) {
            buf_truncate(out, before);
        }
    }
}

/* ---- report ---- */

/* The rules that a member is made of. */
static json_t *
inner_reports(const struct rule_member *m, const struct rule *r, const struct rule_facts *facts)
{
    json_t *list = json_array();
    size_t count;
    struct rule *const *v = m->inner(r, &count);

    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, rule_report(v[i], facts));
    }
    return list;
}

static json_t *
member_report(const struct rule_member *m, const struct rule *r, const struct rule_facts *facts)
{
    json_t *v = json_object();
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    json_set_str(v, "member", m->name);
    (void)json_object_set_new(v, "holds", json_boolean(m->holds(m, r, facts, NULL)));
    if (m->inner != NULL) {
        (void)json_object_set_new(v, "rules", inner_reports(m, r, facts));
    } else {
        m->print(m, r, &text);
        json_set_str(v, "wanted", buf_str(&text));
        buf_clear(&text);
        m->has(m, facts, &text);
        json_set_str(v, "has", buf_str(&text));
    }
    buf_done(&text);
    return v;
}

json_t *rule_report(const struct rule *r, const struct rule_facts *facts)
{
    json_t *v = json_object(), *members = json_array();
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    rule_print(r, &text);
    json_set_str(v, "rule", buf_str(&text));
    buf_done(&text);
    (void)json_object_set_new(v, "matches", json_boolean(rule_matches(r, facts)));
    for (const struct rule_member *m = rule__members; m->name != NULL; m++) {
        if (m->asked(m, r)) {
            (void)json_array_append_new(members, member_report(m, r, facts));
        }
    }
    (void)json_object_set_new(v, "members", members);
    return v;
}
