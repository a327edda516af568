/* What a feed's server and a hub say beside the feed itself: Link headers, Cache-Control and the rest of a head, a
 * hub's questions and signatures; and the table of known items as the ledger gives it back. The first byte
 * chooses. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/watch_known.h"
#include "service/watch_policy.h"
#include "sources/watched.h"
#include "sources/websub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_discovery(char *text)
{
    struct strings headers = {.v = &text, .count = 1};
    struct websub_offer offer;

    websub_discover(&offer, &headers, "https://news.example/feed/", &headers, text, false, 1);
    must(!offer.hub || strncmp(offer.hub, "http", 4) == 0);
    websub_offer_done(&offer);
}

/* A line for each header; the first one is the status. */
static void fuzz_answer(const char *text)
{
    struct http_response res = {.now_ms = INT64_C(1795788000000)};
    struct watch_validators v = {NULL, NULL};
    struct watch_answer answer;

    res.status = 200 + (unsigned char)*text * 2;
    while (*text != '\0') {
        size_t line = strcspn(text, "\n"), name = strcspn(text, ":\n");
        size_t skip = name < line ? name + 1 : name;

        http_headers_add(&res.headers, text, name, text + skip, line - skip);
        text += line + (text[line] == '\n');
    }
    watch_answer_read(&answer, &res);
    must(answer.retry_after_ms >= 0 && answer.retry_after_ms <= WATCH_RETRY_AFTER_MAX_MS);
    must(answer.fresh_ms >= 0);
    watch_validators_take(&v, &res);
    watch_validators_done(&v);
    http_headers_done(&res.headers);
}

static void fuzz_hub(const char *text)
{
    struct secret secret = {0};
    const struct websub_call call = {
        .mode = "subscribe", .topic = "t", .challenge = text, .lease_seconds = text};
    struct websub_intent intent;

    secret_take(&secret, mem_strdup("secret"));
    websub_read_intent(&intent, &call, "t", true, false);
    must(intent.lease_s >= WEBSUB_LEASE_MIN_S && intent.lease_s <= WEBSUB_LEASE_MAX_S);
    must(websub_check_signature(text, &secret, "x", 1) != WEBSUB_UNSIGNED);
    secret_done(&secret);
}

/* What can be read is written again, and then stays as it is. */
static void fuzz_known(const char *text)
{
    struct watch_known *k = watch_known_new(), *again = watch_known_new();
    struct buf first, second;

    buf_init(&first, SIZE_MAX / 2);
    buf_init(&second, SIZE_MAX / 2);
    if (watch_known_read(k, text, strlen(text))) {
        watch_known_write(k, 0, &first);
        must(watch_known_read(again, buf_str(&first), first.len));
        watch_known_write(again, 0, &second);
        must(first.len == second.len);
    }
    watch_known_turn(k, true);
    buf_done(&first);
    buf_done(&second);
    watch_known_free(k);
    watch_known_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? mem_strndup((const char *)data + 1, size - 1) : NULL;
    int minutes;

    if (!text) {
        return 0;
    }
    switch (*data % 5) {
    case 0:
        fuzz_discovery(text);
        break;
    case 1:
        fuzz_answer(text);
        break;
    case 2:
        fuzz_hub(text);
        break;
    case 3:
        fuzz_known(text);
        break;
    default:
        (void)watched_zone(text, &minutes);
    }
    mem_free(text);
    return 0;
}
