/* What comes to the door where readers subscribe: a subscription of a browser. What is taken of it can be written to:
 * its address is no longer than the one that was given, is found by itself and falls into an origin and a path, a message can be made, and its browser
 * could be prepared for. What is not taken leaves nothing, and says what was expected. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "adapters/webpush_internal.h"
#include "base/ece.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 8

static char key[] = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
static char subject[] = "mailto:push@news.example";
static char payload[] = "{}";

static struct webpush_settings settings = {.subject = subject};

static void check_address(const struct member *m, const json_t *given)
{
    struct buf origin, path;
    char again[MEMBER_ADDRESS_BYTES];

    buf_init(&origin, 4096);
    buf_init(&path, 4096);
    must(strlen(m->address) <= strlen(json_path_str(given, "endpoint")));
    must(webpush__address(m->address, again) && strcmp(again, m->address) == 0);
    must(webpush__origin(m->address, &origin) && origin.len > strlen("https://"));
    webpush__path(m->address, &path);
    must(path.len > 0 && path.data[0] == '/' && strpbrk(path.data, " \r\n\t#") == NULL);
    must(strchr(buf_str(&origin) + strlen("https://"), '/') == NULL);
    buf_done(&origin);
    buf_done(&path);
}

static void check_message(const struct member *m)
{
    struct push_plan plan = {.payload = payload, .payload_len = strlen(payload)};
    struct buf path, body;

    must(webpush__keys_init(&plan.keys, &settings, NULL) == ERR_NONE);
    buf_init(&path, 4096);
    buf_init(&body, 8192);
    must(webpush__push.compose(&plan, &m, 1, &path, &body, NULL) == ERR_NONE);
    must(body.len == plan.payload_len + ECE_OVERHEAD_BYTES);
    buf_done(&path);
    buf_done(&body);
    webpush__keys_done(&plan.keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct push_subscription got = {.address = NULL};
    struct err why = {0};
    json_t *given = NULL;

    settings.key.text = key;
    settings.key.len = strlen(key);
    if (json_read(&given, size ? (const char *)data : "", size, DEPTH, NULL)) {
        return 0;
    }
    if (webpush__subscription(&settings, given, &got, &why) == ERR_NONE) {
        struct member m = {.address = got.address,
                           .keys = got.keys,
                           .keys_len = got.keys_len,
                           .key_id = got.key_id};

        must(m.keys_len <= sizeof got.keys && m.key_id != 0);
        check_address(&m, given);
        check_message(&m);
    } else {
        must(!got.address && why.text[0] != '\0' && text_valid(why.text, strlen(why.text)));
    }
    mem_free(got.address);
    json_decref(given);
    return 0;
}
