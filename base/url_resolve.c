/* A reference as a page or a feed writes it, made a whole URL (RFC 3986 section 5.2). Called by
 * whoever reads what strangers wrote: blanks around it do not count, and what no URL may hold as
 * it is becomes an escape, since browsers read it so. */

#include "base/url.h"

#include <string.h>

#include "base/mem.h"

#define REFERENCE_BYTES ((size_t)16 * 1024)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Line breaks and tabs inside are dropped, as the URL standard of the web says. */
static void add_clean(struct buf *out, const char *ref)
{
    size_t len = strlen(ref);

    while (len > 0 && is_blank(ref[len - 1])) {
        len--;
    }
    for (; len > 0 && is_blank(*ref); ref++) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        char c = ref[i];

        if (c == ' ' || c == '"' || c == '<' || c == '>') {
            url_encode_n(out, &c, 1);
        } else if (c == '%' && !(i + 2 < len && is_hex(ref[i + 1]) && is_hex(ref[i + 2]))) {
            buf_adds(out, "%25");
        } else if (!is_blank(c)) {
            buf_addc(out, c);
        }
    }
}

/* "mailto:" has one, "a/b:c" has none. */
static bool has_scheme(const char *ref)
{
    size_t len = strcspn(ref, ":/?#");

    return len > 0 && ref[len] == ':' &&
           strspn(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.") >=
               len;
}

/* Drops the last segment of the path that begins at root, its slash too. */
static void drop_segment(struct buf *out, size_t root)
{
    size_t len = out->len;

    while (len > root && out->data[--len] != '/') {
    }
    buf_truncate(out, len);
}

/* The path behind what out holds, without "." and ".." (RFC 3986 section 5.2.4). path begins with a slash. */
static void add_path(struct buf *out, const char *path, size_t len)
{
    size_t root = out->len;

    while (len > 0) {
        const char *slash = memchr(path + 1, '/', len - 1);
        size_t segment = slash ? (size_t)(slash - path) : len; /* with the slash before it */
        bool last = segment == len;

        if (segment == 3 && memcmp(path, "/..", 3) == 0) {
            drop_segment(out, root);
            buf_adds(out, last ? "/" : "");
        } else if (segment == 2 && path[1] == '.') {
            buf_adds(out, last ? "/" : "");
        } else {
            buf_add(out, path, segment);
        }
        path += segment;
        len -= segment;
    }
}

static void
add_merged_path(struct buf *out, const struct url_parts *b, const char *ref, size_t len)
{
    size_t dir = b->path_len;
    struct buf whole;

    while (dir > 0 && b->path[dir - 1] != '/') {
        dir--;
    }
    buf_init(&whole, out->max);
    buf_add(&whole, b->path, dir);
    if (dir == 0) {
        buf_addc(&whole, '/');
    }
    buf_add(&whole, ref, len);
    add_path(out, buf_str(&whole), whole.len);
    out->failed = out->failed || whole.failed;
    buf_done(&whole);
}

static void resolve(struct buf *out, const struct url_parts *b, const char *ref)
{
    size_t path = strcspn(ref, "?#");

    buf_add(out, b->scheme, b->scheme_len);
    if (strncmp(ref, "//", 2) == 0) {
        buf_addc(out, ':');
        buf_adds(out, ref);
        return;
    }
    /* With whatever stands between: user, host, port. */
    buf_add(out, b->scheme + b->scheme_len, (size_t)(b->path - b->scheme) - b->scheme_len);
    if (ref[0] == '/') {
        add_path(out, ref, path);
    } else if (path > 0) {
        add_merged_path(out, b, ref, path);
    } else {
        buf_add(out, b->path, b->path_len);
        if (ref[0] != '?' && b->query) {
            buf_addc(out, '?');
            buf_add(out, b->query, b->query_len);
        }
    }
    buf_adds(out, ref + path);
}

bool url_resolve(struct buf *out, const char *base, const char *ref)
{
    size_t before = out->len;
    struct url_parts b, whole;
    struct buf clean;
    bool good;

    buf_init(&clean, REFERENCE_BYTES);
    add_clean(&clean, ref);
    good = buf_ok(&clean);
    if (good && has_scheme(buf_str(&clean))) {
        buf_adds(out, buf_str(&clean));
    } else if (good && url_parse(&b, base)) {
        resolve(out, &b, buf_str(&clean));
    } else {
        good = false;
    }
    buf_done(&clean);
    good = good && buf_ok(out) && url_parse(&whole, buf_str(out) + before);
    if (!good) {
        buf_truncate(out, before);
    }
    return good;
}
