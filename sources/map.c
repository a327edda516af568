/* Where the parts of an article are: places are looked up here, what is found becomes something in
 * map_convert.c. Called by cms.c. Owns nothing. */

#include "sources/map.h"

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "sources/map_internal.h"

#define PLACE_BYTES 200

/* clang-format off */
static const char *const keys[] = {
#define X(symbol, key, help) [MAP_##symbol] = key,
    MAP_MEMBERS(X)
#undef X
};

const struct field map_fields[] = {
#define X(symbol, name, text) {.key = name, .kind = FIELD_STRINGS, .max = "8", \
     .offset = offsetof(struct map_settings, from[MAP_##symbol]), .help = text},
    MAP_MEMBERS(X)
#undef X
    FIELD_END,
};
/* clang-format on */

bool map_is_empty(const struct map_settings *m)
{
    for (size_t i = 0; i < MAP_COUNT; i++) {
        if (m->from[i].count > 0) {
            return false;
        }
    }
    return true;
}

static bool is_place(const char *text)
{
    text += text[0] == '^' ? 1 : 0;
    return strlen(text) <= PLACE_BYTES && (text[0] == '\0' || text[0] == '/');
}

enum err_code map_check(const struct map_settings *m, struct err *why)
{
    for (size_t i = 0; i < MAP_COUNT; i++) {
        for (size_t k = 0; k < m->from[i].count; k++) {
            if (!is_place(m->from[i].v[k])) {
                return err_set(why,
                               ERR_INVALID,
                               "map.%s: a place is a JSON Pointer such as /title or "
                               "/tags/*/name, at most %d bytes",
                               keys[i],
                               PLACE_BYTES);
            }
        }
    }
    return ERR_NONE;
}

/* The first step that is a `*`; NULL: there is none. */
static const char *find_star(const char *pointer)
{
    for (const char *at = strstr(pointer, "/*"); at != NULL; at = strstr(at + 2, "/*")) {
        if (at[2] == '/' || at[2] == '\0') {
            return at;
        }
    }
    return NULL;
}

static bool walk(const json_t *v, const char *pointer, map__visit_fn *visit, void *context);

static bool walk_children(json_t *parent, const char *rest, map__visit_fn *visit, void *context)
{
    bool found = false;

    for (size_t i = 0; i < json_array_size(parent); i++) {
        found = walk(json_array_get(parent, i), rest, visit, context) || found;
    }
    for (void *at = json_object_iter(parent); at != NULL;
         at = json_object_iter_next(parent, at)) {
        found = walk(json_object_iter_value(at), rest, visit, context) || found;
    }
    return found;
}

/* As deep as the pointer has stars. */
static bool walk(const json_t *v, const char *pointer, map__visit_fn *visit, void *context)
{
    const char *star = find_star(pointer);
    json_t *found;
    char *head;

    if (star == NULL) {
        found = json_pointer(v, pointer);
        return found != NULL && visit(context, found);
    }
    head = mem_strndup(pointer, (size_t)(star - pointer));
    found = json_pointer(v, head);
    mem_free(head);
    return found != NULL && walk_children(found, star + 2, visit, context);
}

static bool
look(const struct map_view *v, const char *place, map__visit_fn *visit, void *context)
{
    return place[0] == '^' ? walk(v->body, place + 1, visit, context)
                           : walk(v->item, place, visit, context);
}

bool map__each(const struct map_view *v, enum map_member m, map__visit_fn *visit, void *context)
{
    for (size_t i = 0; v->own != NULL && i < v->own->from[m].count; i++) {
        if (look(v, v->own->from[m].v[i], visit, context)) {
            return true;
        }
    }
    for (size_t i = 0; i < MAP_PLACES && v->map->from[m][i] != NULL; i++) {
        if (look(v, v->map->from[m][i], visit, context)) {
            return true;
        }
    }
    return false;
}

/* ---- one of a kind: the first that is of use, of several at one place too ---- */

struct text_found {
    char *text;
    const char *base; /* for addresses */
};

static bool take_text(void *context, const json_t *v)
{
    struct text_found *f = context;

    f->text = f->text == NULL ? map__text(v) : f->text;
    return f->text != NULL;
}

char *map_text_dup(const struct map_view *v, enum map_member m)
{
    struct text_found f = {0};

    (void)map__each(v, m, take_text, &f);
    return f.text;
}

static bool take_url(void *context, const json_t *v)
{
    struct text_found *f = context;

    f->text = f->text == NULL ? map__url(v, f->base) : f->text;
    return f->text != NULL;
}

char *map_url_dup(const struct map_view *v, enum map_member m)
{
    struct text_found f = {.base = v->base};

    (void)map__each(v, m, take_url, &f);
    return f.text;
}

static bool take_time(void *context, const json_t *v)
{
    int64_t *at_ms = context;

    return *at_ms != 0 || map__time(v, at_ms);
}

int64_t map_time_ms(const struct map_view *v, enum map_member m)
{
    int64_t at_ms = 0;

    (void)map__each(v, m, take_time, &at_ms);
    return at_ms;
}

static bool take_truth(void *context, const json_t *v)
{
    bool *out = context, truth = false;
    bool told = map__truth(v, &truth);

    *out = *out || truth;
    return told;
}

bool map_flag(const struct map_view *v, enum map_member m)
{
    bool truth = false;

    (void)map__each(v, m, take_truth, &truth);
    return truth;
}

static bool take_word(void *context, const json_t *v)
{
    return map__word(v, context);
}

json_t *map_words(const struct map_view *v, enum map_member m)
{
    json_t *list = json_array();

    if (map__each(v, m, take_word, list)) {
        return list;
    }
    json_decref(list);
    return NULL;
}
