/* The settings in force: made from a file, shared by reference, asked by name. service/ calls
 * it; a config never changes after config_read(), so whoever holds a reference needs no care.
 * Reading is yaml.c's and parse.c's. */

#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "config/parse.h"
#include "config/schema.h"
#include "config/urgency.h"
#include "config/value.h"
#include "config/yaml.h"

/* ---- memory ---- */

static void own_done(const struct config_type *type, void *own)
{
    if (own != NULL) {
        field_done(type->settings, own);
    }
    mem_free(own);
}

static void source_done(struct source_settings *s)
{
    mem_free(s->name);
    field_done(config_source_common, s);
    field_done(config_source_called, s);
    own_done(s->type, s->own);
}

static void channel_done(struct channel_settings *c)
{
    mem_free(c->name);
    rule_free(c->when);
    strings_done(&c->fallback_to);
    field_done(config_channel_common, c);
    own_done(c->type, c->own);
}

static void group_done(struct group_settings *g)
{
    mem_free(g->name);
    strings_done(&g->members);
}

static void config_free(struct config *c)
{
    for (size_t i = 0; i < c->source_count; i++) {
        source_done(&c->sources[i]);
    }
    for (size_t i = 0; i < c->breaking_count; i++) {
        rule_free(c->breaking[i]);
    }
    for (size_t i = 0; i < c->channel_count; i++) {
        channel_done(&c->channels[i]);
    }
    for (size_t i = 0; i < c->group_count; i++) {
        group_done(&c->groups[i]);
    }
    mem_free(c->groups);
    mem_free(c->sources);
    mem_free(c->breaking);
    mem_free(c->channels);
    field_done(config_ledger_fields, &c->ledger);
    field_done(config_fields, c);
    mem_free(c->path);
    mem_free(c);
}

struct config *config_ref(struct config *c)
{
    c->refs++;
    return c;
}

void config_unref(struct config *c)
{
    if (c == NULL) {
        return;
    }
    must(c->refs > 0);
    if (--c->refs == 0) {
        config_free(c);
    }
}

/* ---- reading ---- */

static enum err_code
count_mistakes(struct problems *problems, size_t before, const char *name, struct err *why)
{
    size_t count = problems->count - before;

    problems_sort(problems);
    if (count == 0) {
        return ERR_NONE;
    }
    return err_set(
        why, ERR_INVALID, "%zu %s in %s", count, count == 1 ? "mistake" : "mistakes", name);
}

enum err_code config_read(struct config **out,
                          const char *text,
                          size_t len,
                          const char *name,
                          const struct config_types *types,
                          struct problems *problems,
                          struct err *why)
{
    enum err_code rc;
    size_t before = problems->count;
    struct config *c = mem_zalloc(sizeof(*c));
    struct node *root = NULL;

    c->refs = 1;
    c->path = mem_strdup(name);
    if (yaml_read(&root, text, len, name, problems)) {
        parse_config(c, root, name, types, problems);
    }
    rc = count_mistakes(problems, before, name, why);
    if (rc) {
        goto out;
    }
    *out = c;
    c = NULL; /* moved to the caller */
out:
    node_free(root);
    config_unref(c);
    return rc;
}

/* One byte more than a file may have, so that a longer one is seen to be. */
static enum err_code read_file(const char *path, struct buf *out, struct err *why)
{
    enum err_code rc = ERR_NONE;
    char chunk[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return err_errno(why, "open %s", path);
    }
    while (out->len <= YAML_FILE_BYTES) {
        ssize_t n = FAULT("config.read") ? (errno = EIO, -1) : read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            rc = err_errno(why, "read %s", path);
        }
        if (n <= 0) {
            break;
        }
        buf_add(out, chunk, (size_t)n);
    }
    mem_wipe(chunk, sizeof(chunk));
    (void)close(fd);
    return rc;
}

enum err_code config_load(struct config **out,
                          const char *path,
                          const struct config_types *types,
                          struct problems *problems,
                          struct err *why)
{
    enum err_code rc;
    struct err own = {0};
    struct buf text;

    if (why == NULL) {
        why = &own;
    }
    buf_init_secret(&text, 2 * YAML_FILE_BYTES);
    rc = read_file(path, &text, why);
    if (rc) {
        problems_add(problems, path, 0, 0, "a settings file that can be read", "%s", why->text);
        goto out;
    }
    rc = config_read(out, buf_str(&text), text.len, path, types, problems, why);
out:
    buf_done(&text);
    return rc;
}

/* ---- asking ---- */

const struct channel_settings *config_channel(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->channel_count; i++) {
        if (strcmp(c->channels[i].name, name) == 0) {
            return &c->channels[i];
        }
    }
    return NULL;
}

const struct source_settings *config_source(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->source_count; i++) {
        if (strcmp(c->sources[i].name, name) == 0) {
            return &c->sources[i];
        }
    }
    return NULL;
}

/* ---- channels and groups by name ---- */

static bool has(const struct strings *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->v[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static void add_once(struct strings *list, const char *word)
{
    if (!has(list, word)) {
        list->v = mem_realloc(list->v, list->count + 1, sizeof(*list->v));
        list->v[list->count++] = mem_strdup(word);
    }
}

static const struct group_settings *find_group(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->group_count; i++) {
        if (strcmp(c->groups[i].name, name) == 0) {
            return &c->groups[i];
        }
    }
    return NULL;
}

/* seen: the groups walked already, so that one inside itself has an end (it is a mistake, told elsewhere). */
static bool
add_named(const struct config *c, const char *name, struct strings *seen, struct strings *out)
{
    const struct group_settings *group = find_group(c, name);

    if (config_channel(c, name) != NULL) {
        add_once(out, name);
        return true;
    }
    if (group != NULL && !has(seen, name)) {
        add_once(seen, name);
        for (size_t i = 0; i < group->members.count; i++) {
            (void)add_named(c, group->members.v[i], seen, out);
        }
    }
    return group != NULL;
}

bool config_channels_of(const struct config *c, const char *name, struct strings *out)
{
    struct strings seen = {.v = NULL};
    bool found = add_named(c, name, &seen, out);

    strings_done(&seen);
    return found;
}

struct quota config_quota(const struct channel_settings *channel, int64_t told)
{
    struct quota q = channel->type->quota;

    if (channel->quota.count < 0) {
        return (struct quota){.count = 0};
    }
    if (channel->quota.count > 0 &&
        !(channel->quota.per_ms == MS_DAY && q.window != QUOTA_ROLLING)) {
        q = (struct quota){.window = QUOTA_ROLLING, .per_ms = channel->quota.per_ms};
    }
    if (channel->quota.count > 0) {
        q.count = channel->quota.count;
    } else if (told > 0) {
        q.count = told;
    }
    return q;
}

bool config_source_is_open(const struct source_settings *source)
{
    const struct config_type *type = source->type;

    return type != NULL && type->called && type->is_open != NULL &&
           type->is_open(type, source->own);
}

int64_t config_max_age_ms(const struct source_settings *source)
{
    return source->max_age_ms != 0 ? source->max_age_ms : source->type->max_age_ms;
}

static void add_name(struct buf *out, size_t start, const char *section, const char *key)
{
    buf_addf(out, "%s%s%s%s", out->len > start ? ", " : "", section, key[0] ? "." : "", key);
}

/* Names what differs in one section; a section that needs a restart as a whole is named
 * once. */
static void compare_section(const struct field *section,
                            const char *old,
                            const char *new,
                            size_t start,
                            struct buf *out)
{
    for (const struct field *f = section->fields; f->kind != FIELD_END_KIND; f++) {
        if (!f->needs_restart || value_same(f, old + f->offset, new + f->offset)) {
            continue;
        }
        if (section->needs_restart) {
            add_name(out, start, section->key, "");
            return;
        }
        add_name(out, start, section->key, f->key);
    }
}

bool config_needs_restart(const struct config *old, const struct config *new, struct buf *out)
{
    size_t start = out->len;

    for (const struct field *f = config_fields; f->kind != FIELD_END_KIND; f++) {
        if (f->kind == FIELD_OBJECT || f->needs_restart) {
            compare_section(
                f, (const char *)old + f->offset, (const char *)new + f->offset, start, out);
        }
    }
    return out->len > start;
}

struct rule_facts config_rule_facts(const struct config *c,
                                    const struct article *a,
                                    const char *source,
                                    int64_t now_ms)
{
    const struct source_settings *known = source != NULL ? config_source(c, source) : NULL;

    return (struct rule_facts){
        .article = a,
        .source = source,
        .now_ms = now_ms,
        .scale = known != NULL ? urgency_scale_at(known->urgency_scale) : NULL,
    };
}

bool config_is_breaking(const struct config *c,
                        const struct rule_facts *facts,
                        struct buf *reason)
{
    const struct source_settings *source =
        facts->source != NULL ? config_source(c, facts->source) : NULL;
    bool trusted = source == NULL || source->trusted_breaking;

    if (trusted && facts->article->breaking == 1) {
        buf_adds(reason, "the source says so");
        return true;
    }
    if (trusted && facts->article->breaking == 0) {
        return false;
    }
    for (size_t i = 0; i < c->breaking_count; i++) {
        if (rule_matches(c->breaking[i], facts)) {
            buf_addf(reason, "rule %zu: ", i + 1);
            rule_explain(c->breaking[i], facts, reason);
            return true;
        }
    }
    return false;
}

bool config_channel_wants(const struct channel_settings *channel,
                          const struct rule_facts *facts,
                          struct buf *why)
{
    if (!channel->enabled) {
        buf_adds(why, "the channel is not enabled");
        return false;
    }
    if (channel->when == NULL) {
        buf_adds(why, "every article");
        return true;
    }
    if (rule_matches(channel->when, facts)) {
        rule_explain(channel->when, facts, why);
        return true;
    }
    buf_adds(why, "does not hold: ");
    rule_print(channel->when, why);
    return false;
}
