/* Names of channels inside the settings: what a group stands for, and where a channel's articles go when it is
 * blocked. parse.c calls it when all is read, so that the order of sections does not matter. Names that lead
 * nowhere, and groups inside themselves, are mistakes at the place where they stand. */

#include "config/parse_internal.h"

#include <string.h>

#include "base/mem.h"

#define MESSAGE_BYTES 4096

/* The node of the i-th text: one text alone is a list of one. */
static const struct node *item_of(const struct node *list, size_t i)
{
    return list != NULL && list->kind == NODE_LIST && i < list->count ? list->items[i] : list;
}

static const struct group_settings *group_of(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->group_count; i++) {
        if (strcmp(c->groups[i].name, name) == 0) {
            return &c->groups[i];
        }
    }
    return NULL;
}

static void
refuse_name(struct parser *p, const struct node *node, const char *path, const char *name)
{
    const struct config *c = p->config;
    size_t count = c->channel_count + c->group_count;
    const char **known = mem_calloc(count + 1, sizeof(*known));
    char shown[PROBLEM_SHOWN_BYTES];
    struct buf accepted;

    for (size_t i = 0; i < c->channel_count; i++) {
        known[i] = c->channels[i].name;
    }
    for (size_t i = 0; i < c->group_count; i++) {
        known[c->channel_count + i] = c->groups[i].name;
    }
    buf_init(&accepted, MESSAGE_BYTES);
    value_suggest(name, known, count, &accepted);
    value_problem(&p->reader,
                  node,
                  buf_str(&accepted),
                  "%s: there is no channel and no group `%s`",
                  path,
                  problem_shown_key(name, shown));
    buf_done(&accepted);
    mem_free(known);
}

/* ---- groups ---- */

/* Walking through groups that are in groups, each once. */
struct walk {
    struct parser *p;
    enum { NOT_SEEN, UNDER_WAY, SEEN } * of; /* each group, by its place */
};

static const struct node *node_of(const struct parser *p, const struct group_settings *group)
{
    return node_get(node_get(p->root, "groups"), group->name);
}

static void walk_into(struct walk *w, const struct group_settings *group);

static void
walk_member(struct walk *w, const struct group_settings *group, const char *path, size_t i)
{
    const struct config *c = w->p->config;
    const struct node *node = item_of(node_of(w->p, group), i);
    const struct group_settings *inner = group_of(c, group->members.v[i]);

    if (config_channel(c, group->members.v[i]) != NULL) {
        return;
    }
    if (inner == NULL) {
        refuse_name(w->p, node, path, group->members.v[i]);
    } else if (w->of[inner - c->groups] == UNDER_WAY) {
        value_problem(&w->p->reader,
                      node,
                      "channels, and groups that do not lead back here",
                      "%s: the group `%s` would be inside itself",
                      path,
                      inner->name);
    } else {
        walk_into(w, inner);
    }
}

/* As deep as there are groups, of which parse.c takes so many only. */
static void walk_into(struct walk *w, const struct group_settings *group)
{
    size_t at = (size_t)(group - w->p->config->groups);
    char *path;

    if (w->of[at] != NOT_SEEN) {
        return;
    }
    w->of[at] = UNDER_WAY;
    path = value_path("groups", group->name);
    for (size_t i = 0; i < group->members.count; i++) {
        walk_member(w, group, path, i);
    }
    mem_free(path);
    w->of[at] = SEEN;
}

static void check_group(struct parser *p, const struct group_settings *group)
{
    const struct node *node = node_of(p, group);
    char *path = value_path("groups", group->name);

    if (config_channel(p->config, group->name) != NULL) {
        value_problem(&p->reader,
                      node,
                      "a name that no channel has",
                      "%s: a channel has that name already",
                      path);
    }
    if (group->members.count == 0 && (node_is_null(node) || node->kind == NODE_LIST)) {
        value_problem(&p->reader,
                      node,
                      "at least one channel, such as [mastodon]",
                      "%s: it is empty",
                      path);
    }
    mem_free(path);
}

/* ---- fallback ---- */

static void drop_itself(struct channel_settings *ch)
{
    struct strings *to = &ch->fallback_to;

    for (size_t i = 0; i < to->count; i++) {
        if (strcmp(to->v[i], ch->name) == 0) {
            mem_free(to->v[i]);
            memmove(&to->v[i], &to->v[i + 1], (to->count - i - 1) * sizeof(*to->v));
            to->count--;
            return;
        }
    }
}

static void read_fallback(struct parser *p, struct channel_settings *ch)
{
    const struct node *entry = node_get(node_get(p->root, "channels"), ch->name);
    const struct node *node = node_get(entry, "fallback");
    char *path = value_path("channels", ch->name), *inner = value_path(path, "fallback");

    for (size_t i = 0; i < ch->fallback.count; i++) {
        if (!config_channels_of(p->config, ch->fallback.v[i], &ch->fallback_to)) {
            refuse_name(p, item_of(node, i), inner, ch->fallback.v[i]);
        }
    }
    drop_itself(ch); /* it may be in the group that it falls back to */
    if (ch->fallback.count > 0 && ch->fallback_to.count == 0 &&
        strcmp(ch->fallback.v[0], ch->name) == 0) {
        value_problem(&p->reader,
                      node,
                      "another channel",
                      "%s: a channel cannot stand in for itself",
                      inner);
    }
    mem_free(inner);
    mem_free(path);
}

void parse__groups(struct parser *p)
{
    struct config *c = p->config;
    struct walk walk = {.p = p, .of = mem_calloc(c->group_count + 1, sizeof(*walk.of))};

    for (size_t i = 0; i < c->group_count; i++) {
        check_group(p, &c->groups[i]);
        walk_into(&walk, &c->groups[i]);
    }
    mem_free(walk.of);
    for (size_t i = 0; i < c->channel_count; i++) {
        read_fallback(p, &c->channels[i]);
    }
}
