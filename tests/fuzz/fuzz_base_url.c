/* URLs from anywhere: parts lie inside the text, the identifying form identifies itself, what
 * is encoded decodes to what it was, an added parameter is found again. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define BYTES 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoding(const char *text)
{
    struct buf encoded, decoded;

    buf_init(&encoded, BYTES);
    buf_init(&decoded, BYTES);
    url_encode(&encoded, text);
    must(url_decode(&decoded, buf_str(&encoded), encoded.len, true));
    must(buf_ok(&decoded) && strcmp(buf_str(&decoded), text) == 0);
    buf_clear(&decoded);
    (void)url_decode(&decoded, text, strlen(text), true);
    buf_clear(&decoded);
    (void)url_query_get(&decoded, text, strlen(text), "a");
    buf_done(&encoded);
    buf_done(&decoded);
}

static void check_inside(const char *url, const char *part, size_t len)
{
    must(part == NULL || (part >= url && part + len <= url + strlen(url)));
}

static void check_parts(const char *url, const struct url_parts *p)
{
    check_inside(url, p->scheme, p->scheme_len);
    check_inside(url, p->host, p->host_len);
    check_inside(url, p->path, p->path_len);
    check_inside(url, p->query, p->query_len);
    check_inside(url, p->fragment, p->fragment_len);
    must(p->host_len > 0 && p->port >= 0 && p->port <= 65535);
}

static void check_identity(const char *url)
{
    struct buf once, twice;

    buf_init(&once, BYTES);
    buf_init(&twice, BYTES);
    must(url_identity(&once, url) && buf_ok(&once));
    must(strncmp(buf_str(&once), "https://", 8) == 0 && strchr(buf_str(&once), '#') == NULL);
    must(url_identity(&twice, buf_str(&once)));
    must(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    buf_done(&once);
    buf_done(&twice);
}

static void check_parameter(const char *url)
{
    struct url_parts p;
    struct buf with, value;

    buf_init(&with, BYTES);
    buf_init(&value, BYTES);
    buf_adds(&with, url);
    url_add_param(&with, "utm_source", "a b&c");
    must(url_parse(&p, buf_str(&with)));
    must(p.query != NULL);
    (void)url_query_get(&value, p.query, p.query_len, "utm_source");
    size_t len = with.len;
    url_add_param(&with, "utm_source", "again");
    must(with.len == len);
    buf_done(&with);
    buf_done(&value);
}

/* Whatever was referred to, what comes out is a URL or nothing. */
static void check_resolving(const char *base, const char *ref)
{
    struct url_parts p;
    struct buf out;

    buf_init(&out, BYTES);
    if (url_resolve(&out, base, ref)) {
        must(url_parse(&p, buf_str(&out)));
    } else {
        must(out.len == 0);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    struct url_parts p;

    check_encoding(text);
    check_resolving("https://news.example/a/b?c", text);
    check_resolving(text, "../d/./e");
    if (size < BYTES / 10 && url_parse(&p, text)) {
        must(text_valid(text, strlen(text)));
        check_parts(text, &p);
        check_identity(text);
        check_parameter(text);
    }
    mem_free(text);
    must(mem_live_count() == 0);
    return 0;
}
