/* Reading JSON that others wrote. Called by the doors, for platforms' answers and for what the ledger
 * keeps; gives Jansson's values, which everybody here works with. The text is read by YAJL, and not by
 * Jansson's own parser, which looks at each byte with several calls: for an article of 3 kB it takes 48
 * microseconds where this takes 5 (tests/bench/bench_json.c), and that was a third of what an accepted
 * article costs.
 *
 * What YAJL takes and we do not is refused here: bytes that are no UTF-8 (it looks at their shape only),
 * escapes of half a surrogate pair (it writes a question mark), odd white space, half a token behind the
 * end, NUL, and the same key twice. tests/fuzz/fuzz_base_json.c holds it against Jansson's parser. */

#include "base/json.h"

#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

#define FAULT_BYTES 128
#define NUMBER_BYTES 64 /* a longer one says no more */

/* A list or an object that is open. */
struct level {
    json_t *v;      /* borrowed from the one outside, or the root */
    struct buf key; /* of an object: the member whose value comes next */
};
struct reading {
    struct level *levels;
    size_t depth, cap, max_depth;
    bool too_deep;
    json_t *root;            /* NULL: nothing came yet */
    char fault[FAULT_BYTES]; /* of ours; "": none */
};

/* ---- what comes ---- */

static int refuse(struct reading *r, const char *what)
{
    size_t len = text_prefix(TEXT_BYTES, what, strlen(what), sizeof r->fault - 1);

    memcpy(r->fault, what, len);
    r->fault[len] = '\0';
    return 0;
}

/* Takes v, also when it refuses. */
static int put(struct reading *r, json_t *v)
{
    struct level *in = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;

    must(v != NULL);
    if (!in) {
        r->root = v;
        return 1;
    }
    if (json_is_array(in->v)) {
        must(json_array_append_new(in->v, v) == 0);
        return 1;
    }
    must(json_object_setn_new_nocheck(in->v, buf_str(&in->key), in->key.len, v) == 0);
    return 1;
}

static int open_level(struct reading *r, json_t *v)
{
    struct level *in;

    if (r->depth == r->max_depth) {
        json_decref(v);
        r->too_deep = true;
        return 0;
    }
    (void)put(r, v);
    if (r->depth == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : 8;
        r->levels = mem_realloc(r->levels, r->cap, sizeof *r->levels);
    }
    in = &r->levels[r->depth++];
    in->v = v;
    buf_init(&in->key, SIZE_MAX / 2); /* the text it comes from is bounded */
    return 1;
}

static int on_close(void *context)
{
    struct reading *r = context;

    buf_done(&r->levels[--r->depth].key);
    return 1;
}

static int on_object(void *context)
{
    return open_level(context, json_object());
}

static int on_array(void *context)
{
    return open_level(context, json_array());
}

static bool holds_nul(const unsigned char *text, size_t len)
{
    return memchr(text, '\0', len) != NULL;
}

static int on_key(void *context, const unsigned char *text, size_t len)
{
    struct reading *r = context;
    struct level *in = &r->levels[r->depth - 1];

    if (holds_nul(text, len)) {
        return refuse(r, "a name with a NUL character");
    }
    if (json_object_getn(in->v, (const char *)text, len)) {
        return refuse(r, "the same name twice in one object");
    }
    buf_clear(&in->key);
    buf_add(&in->key, text, len);
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t len)
{
    if (holds_nul(text, len)) {
        return refuse(context, "a text with a NUL character");
    }
    return put(context, json_stringn_nocheck((const char *)text, len));
}

/* As it stands: YAJL would make a double of an integer too large for it. */
static int on_number(void *context, const char *text, size_t len)
{
    char number[NUMBER_BYTES];
    int64_t i;
    double d;

    if (len >= sizeof number) {
        return refuse(context, "a number of too many digits");
    }
    memcpy(number, text, len);
    number[len] = '\0';
    if (strpbrk(number, ".eE") == NULL) {
        return parse_i64(number, &i) ? put(context, json_integer(i))
                                     : refuse(context, "an integer of more than 64 bits");
    }
    return parse_f64(number, &d) ? put(context, json_real(d))
                                 : refuse(context, "a number out of range");
}

static int on_boolean(void *context, int value)
{
    return put(context, json_boolean(value));
}

static int on_null(void *context)
{
    return put(context, json_null());
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_close,
    .yajl_start_array = on_array,
    .yajl_end_array = on_close,
};

/* ---- what is looked at before ---- */

/* The code unit of an escape like \u00fc, -1: it is none. */
static int escaped_unit(const char *at, const char *end)
{
    uint8_t bytes[2];

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u' || !crypto_unhex(at + 2, 4, bytes, 2)) {
        return -1;
    }
    return bytes[0] << 8 | bytes[1];
}

/* Behind the escape that begins at `at`; NULL: it is half a surrogate pair (RFC 8259 section 8.2). */
static const char *behind_escape(const char *at, const char *end)
{
    int unit = escaped_unit(at, end), next;

    if (unit < 0xD800 || unit > 0xDFFF) {
        return end - at < 2 ? end : at + 2;
    }
    next = escaped_unit(at + 6, end);
    return unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF ? at + 12 : NULL;
}

/* Half a surrogate pair; NULL: there is none. */
static const char *find_half_pair(const char *text, const char *end)
{
    const char *at = text, *next;

    while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        next = behind_escape(at, end);
        if (!next) {
            return at;
        }
        at = next;
    }
    return NULL;
}

static const char *find_broken_character(const char *text, const char *end)
{
    size_t bytes;

    if (text_valid(text, (size_t)(end - text))) {
        return NULL;
    }
    while ((bytes = text_character(text, (size_t)(end - text))) > 0 && *text != '\0') {
        text += bytes;
    }
    return text;
}

/* Vertical tab and form feed are white space to YAJL, and in a text no control may stand anyway. */
static const char *find_odd_space(const char *text, size_t len)
{
    const char *at = memchr(text, '\v', len);

    return at ? at : memchr(text, '\f', len);
}

static const char *find_bad_text(const char *text, size_t len, const char **out_what)
{
    const char *bad = find_broken_character(text, text + len);

    *out_what = "not UTF-8";
    if (!bad) {
        bad = find_half_pair(text, text + len);
        *out_what = "half a surrogate pair";
    }
    if (!bad) {
        bad = find_odd_space(text, len);
        *out_what = "a control character";
    }
    return bad;
}

/* ---- */

static enum err_code
say(struct err *why, const char *text, size_t at, const char *what, size_t what_len)
{
    size_t line = 1, column = 0;

    for (size_t i = 0; i < at; i++) {
        column = text[i] == '\n' ? 0 : column + 1;
        line += text[i] == '\n' ? 1 : 0;
    }
    return err_set(
        why, ERR_INVALID, "line %zu, column %zu: %.*s", line, column, (int)what_len, what);
}

static enum err_code
explain(const struct reading *r, yajl_handle h, const char *text, size_t len, struct err *why)
{
    size_t at = yajl_get_bytes_consumed(h);
    unsigned char *error;
    enum err_code rc;

    at = at < len ? at : len;
    if (r->too_deep) {
        return err_set(why, ERR_INVALID, "nested deeper than %zu levels", r->max_depth);
    }
    if (r->fault[0] != '\0') {
        return say(why, text, at, r->fault, strlen(r->fault));
    }
    error = yajl_get_error(h, 0, (const unsigned char *)text, len);
    rc = say(why, text, at, (const char *)error, strcspn((const char *)error, "\n"));
    yajl_free_error(h, error);
    return rc;
}

/* Behind the value may be white space only. YAJL would say so as well, but not of half a token. */
static enum err_code check_rest(size_t at, const char *text, size_t len, struct err *why)
{
    for (; at < len; at++) {
        if (!strchr(" \t\r\n", text[at])) {
            return say(why, text, at, "more behind the end", strlen("more behind the end"));
        }
    }
    return ERR_NONE;
}

static enum err_code read_all(struct reading *r, const char *text, size_t len, struct err *why)
{
    yajl_handle h = yajl_alloc(&callbacks, NULL, r);
    yajl_status status;
    enum err_code rc;
    size_t at;

    must(h != NULL && yajl_config(h, yajl_allow_trailing_garbage, 1));
    status = yajl_parse(h, (const unsigned char *)text, len);
    at = yajl_get_bytes_consumed(h);
    if (status == yajl_status_ok) {
        status = yajl_complete_parse(h);
    }
    if (status != yajl_status_ok) {
        rc = explain(r, h, text, len, why);
    } else if (!r->root) {
        rc = say(why, text, len, "nothing there", strlen("nothing there"));
    } else {
        rc = check_rest(at, text, len, why);
    }
    yajl_free(h);
    return rc;
}

enum err_code
json_read(json_t **out, const char *text, size_t len, size_t max_depth, struct err *why)
{
    struct reading r = {.max_depth = max_depth};
    const char *what = NULL, *bad;
    enum err_code rc;

    text = len > 0 ? text : "";
    must(text != NULL);
    bad = find_bad_text(text, len, &what);
    if (bad) {
        return say(why, text, (size_t)(bad - text), what, strlen(what));
    }
    rc = read_all(&r, text, len, why);
    while (r.depth > 0) {
        (void)on_close(&r);
    }
    mem_free(r.levels);
    if (rc) {
        json_decref(r.root);
        return rc;
    }
    *out = r.root;
    return ERR_NONE;
}
