/* The small parsers: numbers, durations, sizes, rates, times, ids, hex and base64, one text to all of
 * them. What one accepts comes back from the form we write it in. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/parse.h"

#define YEAR_10000_MS INT64_C(253402300800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_numbers(const char *text)
{
    char shown[PARSE_TEXT_BYTES], plain[32];
    int64_t i, again;
    uint64_t u, u_again;
    double f;
    bool b;

    if (parse_i64(text, &i)) {
        (void)snprintf(plain, sizeof plain, "%lld", (long long)i);
        must(parse_i64(plain, &again) && again == i);
    }
    if (parse_u64(text, &u)) {
        (void)snprintf(plain, sizeof plain, "%llu", (unsigned long long)u);
        must(parse_u64(plain, &u_again) && u_again == u);
    }
    must(!parse_f64(text, &f) || isfinite(f));
    (void)parse_bool(text, &b);
    if (parse_duration_ms(text, &i)) {
        must(i >= 0 && parse_duration_ms(format_duration(i, shown), &again) && again == i);
    }
    if (parse_size(text, &i)) {
        must(i >= 0 && parse_size(format_size(i, shown), &again) && again == i);
    }
}

static void check_pairs(const char *text)
{
    char shown[PARSE_TEXT_BYTES];
    struct rate rate, rate_again;
    struct range range;

    if (parse_rate(text, &rate)) {
        must(rate.count == RATE_UNLIMITED || (rate.count > 0 && rate.per_ms > 0));
        must(parse_rate(format_rate(rate, shown), &rate_again));
        must(rate_again.count == rate.count && rate_again.per_ms == rate.per_ms);
    }
    (void)parse_range(text, &range);
}

/* bytes: those of the text, which may hold a NUL. */
static void check_times(const char *text, const char *bytes, size_t len)
{
    char shown[TIME_TEXT_BYTES];
    int64_t at_ms, again;

    if (time_parse_rfc3339(bytes, len, &at_ms)) {
        must(at_ms < YEAR_10000_MS + MS_DAY);
        time_rfc3339(at_ms, shown);
        must(time_parse_rfc3339(shown, strlen(shown), &again) && again == at_ms);
        time_rfc3339_seconds(at_ms, shown);
        must(time_parse_rfc3339(shown, strlen(shown), &again));
        must(again <= at_ms && at_ms - again < MS_SECOND);
    }
    if (time_parse_http(text, &at_ms)) {
        must(at_ms % MS_SECOND == 0);
        must(time_parse_http(time_http(at_ms, shown), &again) && again == at_ms);
    }
}

static void check_ids(const char *text)
{
    char shown[ID_TEXT_BYTES];
    struct article_id article, article_again;
    struct delivery_id delivery, delivery_again;

    if (id_parse_article(text, &article)) {
        must(article.v <= INT64_MAX);
        must(id_parse_article(id_article_text(article, shown), &article_again));
        must(article_again.v == article.v && strlen(shown) == strlen(text));
    }
    if (id_parse_delivery(text, &delivery)) {
        must(delivery.v <= INT64_MAX);
        must(id_parse_delivery(id_delivery_text(delivery, shown), &delivery_again));
        must(delivery_again.v == delivery.v && strlen(shown) == strlen(text));
    }
}

static void check_base64(const char *text, size_t len)
{
    struct buf bytes, url_text, again;

    buf_init(&bytes, SIZE_MAX / 2);
    buf_init(&url_text, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    if (crypto_unbase64(&bytes, text, len)) {
        crypto_base64url(&url_text, bytes.data, bytes.len);
        must(url_text.len <= len && len <= (url_text.len + 3) / 4 * 4);
        must(crypto_unbase64(&again, buf_str(&url_text), url_text.len));
        must(again.len == bytes.len);
        must(bytes.len == 0 || memcmp(again.data, bytes.data, bytes.len) == 0);
    } else {
        must(bytes.len == 0);
    }
    /* And the other way round: any bytes have a text. */
    buf_clear(&url_text);
    buf_clear(&again);
    crypto_base64(&url_text, text, len);
    must(url_text.len == (len + 2) / 3 * 4);
    must(crypto_unbase64(&again, buf_str(&url_text), url_text.len) && again.len == len);
    must(len == 0 || memcmp(again.data, text, len) == 0);
    buf_done(&bytes);
    buf_done(&url_text);
    buf_done(&again);
}

static void check_hex(const char *text, size_t len)
{
    uint8_t *bytes = mem_zalloc(len / 2 + 1);
    char *shown = mem_zalloc(len + 2);

    if (crypto_unhex(text, len, bytes, len / 2)) {
        must(len % 2 == 0 && strlen(crypto_hex(bytes, len / 2, shown)) == len);
        must(strncasecmp(shown, text, len) == 0);
    }
    mem_free(bytes);
    mem_free(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size > 4096) {
        return 0;
    }
    text = mem_strndup((const char *)data, size);
    check_numbers(text);
    check_pairs(text);
    check_times(text, (const char *)data, size);
    check_ids(text);
    check_base64((const char *)data, size);
    check_hex((const char *)data, size);
    mem_free(text);
    must(mem_live_count() == 0);
    return 0;
}
