/* Forms as bodies: WordPress.com and some plugins post them. Called by cms.c. */

#include "sources/form.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"

#define FIELDS_MAX 1000

/* False: it holds an escape that is none, or no text. */
static bool decode(struct buf *out, const char *text, size_t len)
{
    buf_clear(out);
    return url_decode(out, text, len, true) && buf_ok(out) &&
           text_valid(buf_str(out), out->len);
}

static bool read_field(json_t *form, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
    struct buf name, value;
    bool good;

    buf_init(&name, len);
    buf_init(&value, len);
    good = decode(&name, text, name_len) &&
           (equals == NULL || decode(&value, equals + 1, len - name_len - 1));
    if (good && json_object_get(form, buf_str(&name)) == NULL) {
        json_set_str(form, buf_str(&name), buf_str(&value));
    }
    buf_done(&name);
    buf_done(&value);
    return good;
}

enum err_code form_read(json_t **out, const char *text, size_t len, struct err *why)
{
    json_t *form = json_object();
    size_t fields = 0;

    for (size_t at = 0; at < len; at++) {
        const char *end = memchr(text + at, '&', len - at);
        size_t field = end != NULL ? (size_t)(end - text) - at : len - at;

        if (++fields > FIELDS_MAX || !read_field(form, text + at, field)) {
            json_decref(form);
            return err_set(why,
                           ERR_INVALID,
                           fields > FIELDS_MAX ? "the form has too many fields"
                                               : "the form is not percent-encoded UTF-8");
        }
        at += field;
    }
    *out = form;
    return ERR_NONE;
}
