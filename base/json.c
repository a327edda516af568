/* Helpers on Jansson for input that others wrote. Called by the doors, by adapters reading
 * answers, and by the ledger. References follow Jansson's rules; what is borrowed says so in
 * json.h. */

#include "base/json.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

/* Jansson hands out values without const whatever it was given, and so do we. */
static json_t *unconst(const json_t *v)
{
    union {
        const json_t *in;
        json_t *out;
    } u = {.in = v};

    return u.out;
}

json_t *json_path(const json_t *v, ...)
{
    json_t *found = NULL;
    const char *name;
    va_list names;

    va_start(names, v);
    while ((name = va_arg(names, const char *)) != NULL) {
        found = json_object_get(v, name); /* NULL unless v is an object */
        v = found;
        if (found == NULL) {
            break;
        }
    }
    va_end(names);
    return found;
}

json_t *json_unconst(const json_t *v)
{
    json_t *out;

    memcpy((void *)&out, (const void *)&v, sizeof(void *));
    return out;
}

const char *json_path_str(const json_t *v, const char *name)
{
    return json_string_value(json_object_get(v, name));
}

char *json_text_dup(const json_t *v)
{
    if (json_is_string(v)) {
        return mem_strdup(json_string_value(v));
    }
    return json_is_integer(v) ? mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v))
                              : NULL;
}

/* One reference token, ~1 and ~0 decoded; false on a stray tilde. */
static bool pointer_token(struct buf *out, const char *token, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (token[i] != '~') {
            buf_addc(out, token[i]);
        } else if (i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1')) {
            buf_addc(out, token[++i] == '0' ? '~' : '/');
        } else {
            return false;
        }
    }
    return true;
}

static json_t *pointer_step(const json_t *v, const char *token)
{
    uint64_t index;

    if (json_is_object(v)) {
        return json_object_get(v, token);
    }
    if (!parse_u64(token, &index) || (token[0] == '0' && token[1] != '\0')) {
        return NULL;
    }
    return json_array_get(v, (size_t)index); /* NULL unless v is an array */
}

json_t *json_pointer(const json_t *v, const char *pointer)
{
    struct buf token;

    buf_init(&token, 4096);
    while (v != NULL && *pointer == '/') {
        size_t len = strcspn(++pointer, "/");

        buf_clear(&token);
        bool good = pointer_token(&token, pointer, len) && buf_ok(&token);
        v = good ? pointer_step(v, buf_str(&token)) : NULL;
        pointer += len;
    }
    buf_done(&token);
    return *pointer == '\0' ? unconst(v) : NULL;
}

static int append(const char *text, size_t len, void *out)
{
    buf_add(out, text, len);
    return 0;
}

static void dump(struct buf *out, const json_t *v, size_t flags)
{
    if (v == NULL || json_dump_callback(v, append, out, flags | JSON_ENCODE_ANY) != 0) {
        out->failed = true; /* only a reference cycle can bring us here: our own mistake */
    }
}

void json_write(struct buf *out, const json_t *v)
{
    dump(out, v, JSON_COMPACT);
}

void json_write_pretty(struct buf *out, const json_t *v)
{
    dump(out, v, JSON_INDENT(2));
}

void json_set_str(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        size_t len = strlen(text);

        must(text_valid(text, len)); /* eight bytes at a time; Jansson looks at each */
        must(json_object_set_new(object, key, json_stringn_nocheck(text, len)) == 0);
    }
}

void json_set_time(json_t *object, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    if (at_ms > 0) {
        json_set_str(object, key, time_rfc3339(at_ms, text));
    } else {
        must(json_object_set_new(object, key, json_null()) == 0);
    }
}
