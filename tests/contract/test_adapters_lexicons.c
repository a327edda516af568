/* Bluesky's requests held against the lexicons the platform publishes: every request of every
 * dialogue, its parameters or body, and the post inside it, with what the server does not
 * check: that facets lie in the text, on whole characters, and do not overlap. Shares no code
 * with the adapter. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"

/* ---- the lexicons ---- */

struct fault {
    char text[256]; /* "" while there is none; the first one stays */
};

static void PRINTF_LIKE(2, 3) fault_set_text(struct fault *f, const char *format, ...)
{
    va_list args;

    if (f->text[0]) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

/* Loaded once each; "app.bsky.feed.post" is a file of that name. NULL when there is no such
 * file. */
static const json_t *lexicon(const char *nsid, size_t len)
{
    static json_t *loaded;
    char name[128], path[1024];
    json_t *found;

    if (!nsid) { /* the end */
        json_decref(loaded);
        loaded = NULL;
        return NULL;
    }
    if (!loaded) {
        loaded = json_object();
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)len, nsid);
    found = json_object_get(loaded, name);
    if (!found) {
        (void)snprintf(path, sizeof path, "%s/specs/bluesky/%s.json", FIXTURES, name);
        found = json_load_file(path, 0, NULL);
        if (found) {
            (void)json_object_set_new(loaded, name, found);
        }
    }
    return found;
}

/* "app.bsky.feed.post#replyRef", "#replyRef" (of home) or "app.bsky.feed.post" (its main). */
static const json_t *definition(const char *ref, const char *home)
{
    const char *hash = strchr(ref, '#');
    const char *nsid = ref[0] == '#' ? home : ref;
    size_t len = strcspn(nsid, "#");

    return json_object_get(json_object_get(lexicon(nsid, len), "defs"),
                           hash ? hash + 1 : "main");
}

/* ---- values ---- */

static void check_value(
    struct fault *f, const json_t *type, const char *home, const char *name, const json_t *v);

static size_t graphemes(const char *text)
{
    utf8proc_int32_t state = 0, last = 0, c;
    size_t count = 0, pos = 0, len = strlen(text);

    while (pos < len) {
        utf8proc_ssize_t n = utf8proc_iterate(
            (const utf8proc_uint8_t *)text + pos, (utf8proc_ssize_t)(len - pos), &c);

        if (n <= 0) {
            return SIZE_MAX;
        }
        count += pos == 0 || utf8proc_grapheme_break_stateful(last, c, &state);
        last = c;
        pos += (size_t)n;
    }
    return count;
}

static bool only(const char *text, const char *allowed)
{
    return *text && strspn(text, allowed) == strlen(text);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM LOWER UPPER DIGITS

/* The string formats of https://atproto.com/specs/lexicon, as far as they are told apart by
 * form. */
static bool has_format(const char *format, const char *t)
{
    size_t len = strlen(t);

    if (strcmp(format, "datetime") == 0) {
        return len >= 20 && t[4] == '-' && t[10] == 'T' && t[len - 1] == 'Z';
    }
    if (strcmp(format, "at-identifier") == 0) {
        return strncmp(t, "did:", 4) == 0 || (strchr(t, '.') && only(t, ALNUM ".-"));
    }
    if (strcmp(format, "nsid") == 0) {
        return strchr(t, '.') && only(t, ALNUM ".-");
    }
    if (strcmp(format, "record-key") == 0) {
        return len <= 512 && only(t, ALNUM "._~:-");
    }
    if (strcmp(format, "at-uri") == 0) {
        return strncmp(t, "at://", 5) == 0;
    }
    if (strcmp(format, "uri") == 0) {
        return (strncmp(t, "https://", 8) == 0 || strncmp(t, "http://", 7) == 0) &&
               !strpbrk(t, " \t\r\n");
    }
    if (strcmp(format, "language") == 0) {
        return len >= 2 && only(t, ALNUM "-");
    }
    return strcmp(format, "cid") != 0 || only(t, ALNUM);
}

static void check_string(struct fault *f, const json_t *type, const char *name, const json_t *v)
{
    const json_t *max = json_object_get(type, "maxLength");
    const json_t *max_graphemes = json_object_get(type, "maxGraphemes");
    const char *format = json_string_value(json_object_get(type, "format"));
    const char *text = json_string_value(v);

    if (!text) {
        fault_set_text(f, "%s is no string", name);
    } else if (max && strlen(text) > (size_t)json_integer_value(max)) {
        fault_set_text(f, "%s has %zu bytes", name, strlen(text));
    } else if (max_graphemes && graphemes(text) > (size_t)json_integer_value(max_graphemes)) {
        fault_set_text(f, "%s has %zu grapheme clusters", name, graphemes(text));
    } else if (format && !has_format(format, text)) {
        fault_set_text(f, "%s is no %s: %s", name, format, text);
    }
}

static void
check_integer(struct fault *f, const json_t *type, const char *name, const json_t *v)
{
    const json_t *min = json_object_get(type, "minimum");

    if (!json_is_integer(v) || (min && json_integer_value(v) < json_integer_value(min))) {
        fault_set_text(f, "%s is no integer in bounds", name);
    }
}

/* {"$type":"blob","ref":{"$link":cid},"mimeType","size"}
 * (https://atproto.com/specs/data-model). */
static void check_blob(struct fault *f, const json_t *type, const char *name, const json_t *v)
{
    const char *kind = json_string_value(json_object_get(v, "$type"));
    const char *mime = json_string_value(json_object_get(v, "mimeType"));
    const json_t *link = json_object_get(json_object_get(v, "ref"), "$link");
    json_int_t size = json_integer_value(json_object_get(v, "size"));

    if (!kind || strcmp(kind, "blob") != 0 || !json_is_string(link) || !mime ||
        strncmp(mime, "image/", 6) != 0 || size <= 0 || json_object_size(v) != 4 ||
        size > json_integer_value(json_object_get(type, "maxSize"))) {
        fault_set_text(f, "%s is no blob that is accepted", name);
    }
}

static void
check_object(struct fault *f, const json_t *type, const char *home, const json_t *v, bool typed)
{
    const json_t *properties = json_object_get(type, "properties"), *property;
    const char *name;
    json_t *member;
    size_t i;

    if (!json_is_object(v)) {
        fault_set_text(f, "an object is missing");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        property = json_object_get(properties, name);
        if (property) {
            check_value(f, property, home, name, member);
        } else if (!typed || strcmp(name, "$type") != 0) {
            fault_set_text(f, "%s is unknown", name); /* servers let it pass in silence */
        }
    }
    json_array_foreach(json_object_get(type, "required"), i, member)
    {
        name = json_string_value(member);
        if (!json_object_get(v, name)) {
            fault_set_text(f, "%s is missing", name);
        }
    }
}

static void check_array(
    struct fault *f, const json_t *type, const char *home, const char *name, const json_t *v)
{
    const json_t *max = json_object_get(type, "maxLength");
    json_t *item;
    size_t i;

    if (!json_is_array(v) ||
        (max && (json_int_t)json_array_size(v) > json_integer_value(max))) {
        fault_set_text(f, "%s is no array, or too long", name);
    }
    json_array_foreach(v, i, item)
    {
        check_value(f, json_object_get(type, "items"), home, name, item);
    }
}

/* A union's member says by $type which it is; "x" and "x#main" are the same. */
static void check_union(
    struct fault *f, const json_t *type, const char *home, const char *name, const json_t *v)
{
    const char *is = json_string_value(json_object_get(v, "$type"));
    json_t *ref;
    size_t i;

    json_array_foreach(json_object_get(type, "refs"), i, ref)
    {
        const char *may = json_string_value(ref);
        char full[128];

        (void)snprintf(full, sizeof full, "%s%s", may[0] == '#' ? home : "", may);
        if (is && strcmp(is, full) == 0) {
            check_object(f, definition(full, home), full, v, true);
            return;
        }
    }
    fault_set_text(f, "%s is of no kind that may stand there: %s", name, is ? is : "none");
}

static void
check_ref(struct fault *f, const char *ref, const char *home, const char *name, const json_t *v)
{
    const json_t *def = definition(ref, home);
    char at[128];

    if (!def) {
        fault_set_text(f, "%s: no lexicon here for %s", name, ref);
        return;
    }
    (void)snprintf(at, sizeof at, "%.*s", (int)strcspn(ref, "#"), ref);
    check_value(f, def, ref[0] == '#' ? home : at, name, v);
}

static void check_value(
    struct fault *f, const json_t *type, const char *home, const char *name, const json_t *v)
{
    const char *kind = json_string_value(json_object_get(type, "type"));
    char nsid[128];

    (void)snprintf(nsid, sizeof nsid, "%.*s", (int)strcspn(home, "#"), home);
    if (strcmp(kind, "string") == 0) {
        check_string(f, type, name, v);
    } else if (strcmp(kind, "integer") == 0) {
        check_integer(f, type, name, v);
    } else if (strcmp(kind, "blob") == 0) {
        check_blob(f, type, name, v);
    } else if (strcmp(kind, "object") == 0) {
        check_object(f, type, nsid, v, false);
    } else if (strcmp(kind, "array") == 0) {
        check_array(f, type, nsid, name, v);
    } else if (strcmp(kind, "union") == 0) {
        check_union(f, type, nsid, name, v);
    } else if (strcmp(kind, "ref") == 0) {
        check_ref(f, json_string_value(json_object_get(type, "ref")), nsid, name, v);
    } else if (strcmp(kind, "boolean") == 0 && !json_is_boolean(v)) {
        fault_set_text(f, "%s is no boolean", name);
    }
}

/* ---- a post ---- */

static bool is_boundary(const char *text, json_int_t at)
{
    return ((unsigned char)text[at] & 0xc0) != 0x80;
}

static void check_facets(struct fault *f, const char *text, const json_t *facets)
{
    json_int_t len = (json_int_t)strlen(text), last = 0;
    json_t *facet;
    size_t i;

    json_array_foreach(facets, i, facet)
    {
        const json_t *index = json_object_get(facet, "index");
        json_int_t start = json_integer_value(json_object_get(index, "byteStart"));
        json_int_t end = json_integer_value(json_object_get(index, "byteEnd"));

        if (start < last || end <= start || end > len || !is_boundary(text, start) ||
            !is_boundary(text, end)) {
            fault_set_text(f, "facet %zu lies badly: %d to %d", i, (int)start, (int)end);
            return;
        }
        last = end;
    }
}

static void check_post(struct fault *f, const json_t *record)
{
    static const char nsid[] = "app.bsky.feed.post";
    const json_t *type = json_object_get(definition(nsid, nsid), "record");
    const char *text = json_string_value(json_object_get(record, "text"));
    const char *is = json_string_value(json_object_get(record, "$type"));

    if (!is || strcmp(is, nsid) != 0) {
        fault_set_text(f, "$type is %s", is ? is : "missing");
        return;
    }
    check_object(f, type, nsid, record, true);
    if (text) {
        check_facets(f, text, json_object_get(record, "facets"));
    }
}

/* ---- requests ---- */

static void check_query(struct fault *f, const json_t *def, const char *nsid, const char *url)
{
    const json_t *known = json_object_get(def, "parameters");
    const char *p = strchr(url, '?');
    json_t *given = json_object();

    while (p && *p) {
        const char *equals = strchr(++p, '=');
        size_t len = strcspn(p, "&");
        char name[64], value[512];

        if (!equals || equals > p + len) {
            fault_set_text(f, "a parameter without value");
            break;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)(equals - p), p);
        (void)snprintf(value, sizeof value, "%.*s", (int)(p + len - equals - 1), equals + 1);
        for (char *c = strstr(value, "%3A"); c; c = strstr(value, "%3A")) {
            *c = ':';
            memmove(c + 1, c + 3, strlen(c + 3) + 1);
        }
        (void)json_object_set_new(given, name, json_string(value));
        p += len;
    }
    if (known) {
        check_object(f, known, nsid, given, false);
    } else if (json_object_size(given) > 0) {
        fault_set_text(f, "parameters where there are none");
    }
    json_decref(given);
}

static void check_input(struct fault *f,
                        const json_t *def,
                        const char *nsid,
                        const struct http_request *req)
{
    const json_t *input = json_object_get(def, "input");
    const json_t *schema = json_object_get(input, "schema");
    const char *type = http_header(&req->headers, "Content-Type");
    json_t *body;

    if (!input || !schema) {
        if (!input ? req->body.len + req->bytes_len > 0 || type
                   : req->bytes_len == 0 || !type) {
            fault_set_text(f, "a body is too many, or missing, or has no type");
        }
        return;
    }
    body = json_loadb(buf_str(&req->body), req->body.len, 0, NULL);
    if (!type || strcmp(type, "application/json") != 0) {
        fault_set_text(f, "Content-Type is %s", type ? type : "missing");
    }
    check_object(f, schema, nsid, body, false);
    if (json_object_get(body, "record")) {
        check_post(f, json_object_get(body, "record"));
    }
    json_decref(body);
}

static void
check_request(struct fault *f, enum http_method method, const struct http_request *req)
{
    const char *at = strstr(req->url, "/xrpc/");
    const char *nsid = at ? at + 6 : "";
    char name[128];
    const json_t *def;
    const char *kind;

    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(nsid, "?"), nsid);
    def = definition(name, name);
    kind = json_string_value(json_object_get(def, "type"));
    if (!kind) {
        fault_set_text(f, "no such method: %s", req->url);
    } else if (strcmp(kind, "query") == 0) {
        if (method != HTTP_GET || req->body.len > 0) {
            fault_set_text(f, "a query is a GET without body");
        }
        check_query(f, def, name, req->url);
    } else if (method != HTTP_POST || strchr(req->url, '?')) {
        fault_set_text(f, "a procedure is a POST without parameters");
    } else {
        check_input(f, def, name, req);
    }
}

static void check_dialogue(struct dialogue *d,
                           const struct adapter *a,
                           const struct step *step,
                           const struct http_request *req,
                           void *context)
{
    struct fault f = {.text = ""};

    (void)a;
    (void)step;
    ++*(size_t *)context;
    check_request(&f, req->method, req);
    if (f.text[0]) {
        dialogue_fault(d, "not as the lexicons have it: %s", f.text);
    }
}

static void every_request_is_as_the_lexicons_have_it(void **state)
{
    size_t requests = 0;
    int faults = dialogues_run(adapter_find("bluesky"), NULL, check_dialogue, &requests);

    (void)state;
    assert_int_equal(faults, 0);
    assert_true(requests > 150);
}

/* The checker itself: what it must not let pass. */
static void the_lexicons_refuse_what_is_wrong(void **state)
{
#define POST(rest)                                                                             \
    "{\"$type\":\"app.bsky.feed.post\",\"createdAt\":\"2026-11-23T15:00:00.000Z\"" rest "}"
#define FACET(from, to)                                                                        \
    ",\"facets\":[{\"index\":{\"byteStart\":" from ",\"byteEnd\":" to                          \
    "},\"features\":[{\"$type\":\"app.bsky.richtext.facet#tag\",\"tag\":\"x\"}]}]"
    static const struct {
        const char *about, *post;
        bool good;
    } rows[] = {
        {"text and time", POST(",\"text\":\"x\""), true},
        {"no text", POST(""), false},
        {"a time that is none",
         "{\"$type\":\"app.bsky.feed.post\",\"text\":\"\",\"createdAt\":\"today\"}",
         false},
        {"an unknown member", POST(",\"text\":\"x\",\"lang\":\"en\""), false},
        {"four languages",
         POST(",\"text\":\"\",\"langs\":[\"en\",\"de\",\"fr\",\"it\"]"),
         false},
        {"a facet over a letter of two bytes", POST(",\"text\":\"é\"" FACET("0", "2")), true},
        {"a facet into it", POST(",\"text\":\"é\"" FACET("0", "1")), false},
        {"a facet past the end", POST(",\"text\":\"é\"" FACET("0", "3")), false},
        {"an empty facet", POST(",\"text\":\"é\"" FACET("0", "0")), false},
        {"a card without description",
         POST(",\"text\":\"\",\"embed\":{\"$type\":\"app.bsky.embed.external\",\"external\":"
              "{\"uri\":\"https://x/\",\"title\":\"\"}}"),
         false},
        {"a card",
         POST(",\"text\":\"\",\"embed\":{\"$type\":\"app.bsky.embed.external\",\"external\":"
              "{\"uri\":\"https://x/\",\"title\":\"\",\"description\":\"\"}}"),
         true},
        {"a card of another kind",
         POST(",\"text\":\"\",\"embed\":{\"$type\":\"app.bsky.embed.card\"}"),
         false},
        {"a reply without a hash",
         POST(",\"text\":\"\",\"reply\":{\"root\":{\"uri\":\"at://x\"},\"parent\":{\"uri\":"
              "\"at://x\",\"cid\":\"b\"}}"),
         false},
        {"a picture that is too large",
         POST(",\"text\":\"\",\"embed\":{\"$type\":\"app.bsky.embed.images\",\"images\":[{"
              "\"alt\":\"\",\"image\":{\"$type\":\"blob\",\"ref\":{\"$link\":\"b\"},"
              "\"mimeType\":\"image/png\",\"size\":2000001}}]}"),
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault f = {.text = ""};
        json_t *post = json_loads(rows[i].post, 0, NULL);

        check_post(&f, post);
        json_decref(post);
        if ((f.text[0] == '\0') != rows[i].good) {
            fail_msg("%s: %s", rows[i].about, f.text[0] ? f.text : "let pass");
        }
    }
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    (void)lexicon(NULL, 0);
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_as_the_lexicons_have_it),
        cmocka_unit_test(the_lexicons_refuse_what_is_wrong),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
