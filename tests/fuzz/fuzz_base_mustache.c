/* Templates from anywhere: the input is a template, a zero byte, and a JSON value to render.
 * The template is its own partial. What parses once parses again from its source, and rendering
 * stays under its ceiling and leaves nothing behind. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"

#define OUTPUT_BYTES 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *itself(void *context, const char *name)
{
    return strlen(name) % 2 == 0 ? NULL : context;
}

static void take_name(void *context, const char *name)
{
    must(name != NULL && *name != '\0');
    ++*(size_t *)context;
}

static void check(const char *template, const json_t *value)
{
    struct mustache *m = NULL, *again = NULL;
    struct err why = {0};
    struct buf out;
    char *partial = mem_strdup(template);
    size_t names = 0;

    if (mustache_parse(&m, template, &why)) {
        must(why.code == ERR_INVALID && why.text[0] >= '1' && why.text[0] <= '9');
    } else {
        must(mustache_parse(&again, mustache_source(m), &why) == ERR_NONE);
        mustache_names(m, take_name, &names);
        buf_init(&out, OUTPUT_BYTES);
        enum err_code rc = mustache_render(m, value, NULL, itself, partial, &out, &why);
        must(rc == ERR_NONE || rc == ERR_TOO_BIG || rc == ERR_INVALID);
        must(out.len <= OUTPUT_BYTES);
        buf_done(&out);
    }
    mustache_free(m);
    mustache_free(again);
    mem_free(partial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size == 0 ? NULL : memchr(data, 0, size);
    size_t len = zero == NULL ? size : (size_t)(zero - data);
    char *template = mem_strndup((const char *)data, len);
    json_t *value = NULL;

    if (zero == NULL || json_read(&value, (const char *)zero + 1, size - len - 1, 32, NULL)) {
        value = json_pack(
            "{s:s,s:[i,i],s:{s:s},s:b}", "a", "<x>", "b", 1, 2, "c", "d", "e", "f", 1);
    }
    check(template, value);
    json_decref(value);
    mem_free(template);
    must(mem_live_count() == 0);
    return 0;
}
