/* JSON values as compact text. Called by everybody who stores, hashes or sends one; leaves
 * reading to json.c and the indented form to Jansson.
 *
 * Why not Jansson's own: it calls its output back for every character that could need an
 * escape, and every article is written three times between the door and the disk (document,
 * hash, answer). Whole runs of plain bytes make that a fifteenth of the instructions
 * (tests/bench). The text is byte for byte what json_dumps(v, JSON_COMPACT) gives, which the
 * unit test holds it to: hashes of earlier versions stay comparable. */

#include "base/json_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Jansson reads no deeper (JSON_PARSER_MAX_DEPTH); more can only be a cycle of references. */
#define DEPTH_MAX 2048
#define KEYS_INLINE 64

struct writer {
    struct buf *out;
    bool sorted;
    size_t depth;
};

static void write_value(struct writer *w, const json_t *v);

static void write_escape(struct buf *out, unsigned char c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *at = c == '\0' ? NULL : strchr(named, c);

    if (at) {
        buf_addc(out, '\\');
        buf_addc(out, names[at - named]);
    } else {
        buf_addf(out, "\\u%04X", c);
    }
}

static void write_string(struct buf *out, const char *text, size_t len)
{
    size_t plain;

    buf_addc(out, '"');
    while ((plain = json__plain_bytes(text, len)) < len) {
        buf_add(out, text, plain);
        write_escape(out, (unsigned char)text[plain]);
        text += plain + 1;
        len -= plain + 1;
    }
    buf_add(out, text, len);
    buf_addc(out, '"');
}

static void write_member(struct writer *w, const char *key, size_t key_len, const json_t *v)
{
    write_string(w->out, key, key_len);
    buf_addc(w->out, ':');
    write_value(w, v);
}

static void write_in_order(struct writer *w, json_t *object)
{
    void *at = json_object_iter(object);

    for (bool first = true; at; first = false, at = json_object_iter_next(object, at)) {
        if (!first) {
            buf_addc(w->out, ',');
        }
        write_member(w,
                     json_object_iter_key(at),
                     json_object_iter_key_len(at),
                     json_object_iter_value(at));
    }
}

static int by_key(const void *a, const void *b)
{
    void *const *x = a, *const *y = b;

    return strcmp(json_object_iter_key(*x), json_object_iter_key(*y));
}

static void write_sorted(struct writer *w, json_t *object)
{
    size_t count = json_object_size(object), n = 0;
    void *few[KEYS_INLINE];
    void **members = count <= KEYS_INLINE ? few : mem_calloc(count, sizeof *members);

    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        members[n++] = at;
    }
    qsort(members, n, sizeof *members, by_key);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            buf_addc(w->out, ',');
        }
        write_member(w,
                     json_object_iter_key(members[i]),
                     json_object_iter_key_len(members[i]),
                     json_object_iter_value(members[i]));
    }
    if (members != few) {
        mem_free(members);
    }
}

static void write_object(struct writer *w, const json_t *v)
{
    buf_addc(w->out, '{');
    if (w->sorted) {
        write_sorted(w, json__unconst(v));
    } else {
        write_in_order(w, json__unconst(v));
    }
    buf_addc(w->out, '}');
}

static void write_array(struct writer *w, const json_t *v)
{
    buf_addc(w->out, '[');
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (i > 0) {
            buf_addc(w->out, ',');
        }
        write_value(w, json_array_get(v, i));
    }
    buf_addc(w->out, ']');
}

/* The shortest digits that read back the same are Jansson's affair. */
static void write_real(struct writer *w, const json_t *v)
{
    char text[64];
    size_t len = json_dumpb(v, text, sizeof text, JSON_ENCODE_ANY);

    must(len > 0 && len <= sizeof text);
    buf_add(w->out, text, len);
}

static void write_nested(struct writer *w, const json_t *v)
{
    if (++w->depth > DEPTH_MAX) {
        w->out->failed = true; /* a cycle of references: our own mistake */
    } else if (json_is_object(v)) {
        write_object(w, v);
    } else {
        write_array(w, v);
    }
    w->depth--;
}

static void write_value(struct writer *w, const json_t *v)
{
    if (w->out->failed) {
        return;
    }
    switch (json_typeof(v)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        write_nested(w, v);
        break;
    case JSON_STRING:
        write_string(w->out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        buf_addf(w->out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        write_real(w, v);
        break;
    case JSON_TRUE:
        buf_adds(w->out, "true");
        break;
    case JSON_FALSE:
        buf_adds(w->out, "false");
        break;
    case JSON_NULL:
        buf_adds(w->out, "null");
        break;
    }
}

static void write_all(struct buf *out, const json_t *v, bool sorted)
{
    struct writer w = {.out = out, .sorted = sorted};

    if (v == NULL) {
        out->failed = true;
    } else {
        write_value(&w, v);
    }
}

void json_canonical(struct buf *out, const json_t *v)
{
    write_all(out, v, true);
}

void json_write(struct buf *out, const json_t *v)
{
    write_all(out, v, false);
}
