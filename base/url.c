/* URLs: taking them apart, percent encoding, the form that identifies an article, and query
 * parameters. Called by the doors, by article reading, and by adapters that build links. Keeps
 * nothing; parts are slices of what was given. Which addresses are private is in
 * url_address.c. */

#include "base/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"

#define HOST_BYTES 253 /* RFC 1035 section 2.3.4 */
#define LABEL_BYTES 63

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the escape at text stands for, -1 when it is none. */
static int escaped_byte(const char *text, size_t left)
{
    if (left < 3 || text[0] != '%') {
        return -1;
    }
    int high = hex_value(text[1]), low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* No control bytes, blanks, quotes, angle brackets, backslashes, broken escapes, broken UTF-8.
 * Characters beyond ASCII are let through: browsers take them, and so do feeds. */
static bool characters_ok(const char *url, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)url[i];

        if (c <= ' ' || c == 0x7F || strchr("\"<>\\", c) != NULL) {
            return false;
        }
        if (c == '%' && escaped_byte(url + i, len - i) < 0) {
            return false;
        }
    }
    return text_valid(url, len);
}

static bool host_name_ok(const char *host, size_t len)
{
    size_t label = 0;

    if (len > 0 && host[len - 1] == '.') {
        len--; /* the root's dot */
    }
    if (len == 0 || len > HOST_BYTES) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || host[i] == '.') {
            if (label == 0 || label > LABEL_BYTES) {
                return false;
            }
            label = 0;
            continue;
        }
        unsigned char c = (unsigned char)host[i];
        if (!is_alpha(host[i]) && !is_digit(host[i]) && c != '-' && c != '_' && c < 0x80) {
            return false;
        }
        label++;
    }
    return true;
}

/* "[2001:db8::1]" with its brackets. */
static bool host_literal_ok(const char *host, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (len < 4 || len - 2 >= sizeof text || host[len - 1] != ']') {
        return false;
    }
    memcpy(text, host + 1, len - 2);
    text[len - 2] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool parse_port(const char *text, size_t len, int *out)
{
    int port = 0;

    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]) || port > 65535) {
            return false;
        }
        port = port * 10 + (text[i] - '0');
    }
    *out = port;
    return len == 0 || (port > 0 && port <= 65535); /* RFC 3986 lets the digits be missing */
}

static bool parse_host_and_port(struct url_parts *out, const char *text, size_t len)
{
    const char *close = text[0] == '[' ? memchr(text, ']', len) : NULL;
    const char *from = close == NULL ? text : close;
    const char *colon = memchr(from, ':', len - (size_t)(from - text));
    size_t host_len = colon == NULL ? len : (size_t)(colon - text);

    out->host = text;
    out->host_len = host_len;
    out->port = 0;
    if (colon != NULL && !parse_port(colon + 1, len - host_len - 1, &out->port)) {
        return false;
    }
    return host_len > 0 &&
           (text[0] == '[' ? host_literal_ok(text, host_len) : host_name_ok(text, host_len));
}

static bool parse_authority(struct url_parts *out, const char *text, size_t len)
{
    const char *at = memchr(text, '@', len);

    out->has_userinfo = at != NULL;
    if (at != NULL) {
        len -= (size_t)(at + 1 - text);
        text = at + 1;
        if (memchr(text, '@', len) != NULL) {
            return false;
        }
    }
    return len > 0 && parse_host_and_port(out, text, len);
}

static bool parse_scheme(struct url_parts *out, const char **at)
{
    static const char *const schemes[] = {"https", "http"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t len = strlen(schemes[i]);

        if (strncasecmp(*at, schemes[i], len) == 0 && strncmp(*at + len, "://", 3) == 0) {
            out->scheme = *at;
            out->scheme_len = len;
            *at += len + 3;
            return true;
        }
    }
    return false;
}

bool url_parse(struct url_parts *out, const char *url)
{
    struct url_parts p = {0};
    const char *at = url;

    if (url == NULL || !characters_ok(url, strlen(url)) || !parse_scheme(&p, &at)) {
        return false;
    }
    size_t len = strcspn(at, "/?#");
    if (!parse_authority(&p, at, len)) {
        return false;
    }
    p.path = at + len;
    p.path_len = strcspn(p.path, "?#");
    at = p.path + p.path_len;
    if (*at == '?') {
        p.query = at + 1;
        p.query_len = strcspn(p.query, "#");
        at = p.query + p.query_len;
    }
    if (*at == '#') {
        p.fragment = at + 1;
        p.fragment_len = strlen(p.fragment);
    }
    *out = p;
    return true;
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

    buf_add(out, escape, sizeof escape);
}

int url_port(const struct url_parts *parts)
{
    return parts->port > 0 ? parts->port : parts->scheme_len == 5 ? 443 : 80;
}

bool url_is_origin(const struct url_parts *parts)
{
    return !parts->has_userinfo && parts->path_len == 0 && !parts->query && !parts->fragment;
}

bool url_put_host(struct buf *out, const char *url)
{
    struct url_parts parts;

    if (!url_parse(&parts, url)) {
        return false;
    }
    buf_add(out, parts.host, parts.host_len);
    buf_addf(out, ":%d", url_port(&parts));
    return true;
}

void url_encode(struct buf *out, const char *text)
{
    url_encode_n(out, text, strlen(text));
}

void url_encode_n(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_unreserved(text[i])) {
            buf_addc(out, text[i]);
        } else {
            add_escape(out, (unsigned char)text[i]);
        }
    }
}

bool url_decode(struct buf *out, const char *text, size_t len, bool plus_is_space)
{
    size_t before = out->len;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            int byte = escaped_byte(text + i, len - i);

            if (byte < 0) {
                buf_truncate(out, before);
                return false;
            }
            buf_addc(out, (char)byte);
            i += 2;
        } else {
            buf_addc(out, plus_is_space && text[i] == '+' ? ' ' : text[i]);
        }
    }
    return true;
}

/* RFC 3986 section 6.2.2: escapes of unreserved characters undone, the others in upper case,
 * and what no URL may hold as it is, escaped. */
static void add_normal(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        int byte = escaped_byte(text + i, len - i);

        if (byte >= 0) {
            c = (unsigned char)byte;
            i += 2;
            if (is_unreserved((char)c)) {
                buf_addc(out, (char)c);
            } else {
                add_escape(out, c);
            }
        } else if (c >= 0x80 || strchr("`^{|}[]", c) != NULL) {
            add_escape(out, c);
        } else {
            buf_addc(out, (char)c);
        }
    }
}

/* Appends the path segment by segment; "." and ".." vanish (RFC 3986 section 5.2.4). */
static void add_without_dots(struct buf *out, const char *path, size_t len)
{
    size_t root = out->len;

    for (size_t i = 0; i < len;) {
        const char *segment = path + i + 1; /* behind the slash */
        const char *slash = memchr(segment, '/', len - i - 1);
        size_t seg_len = slash == NULL ? len - i - 1 : (size_t)(slash - segment);

        if (seg_len == 2 && memcmp(segment, "..", 2) == 0) {
            while (out->len > root && out->data[--out->len] != '/') {
            }
            buf_truncate(out, out->len);
        } else if (!(seg_len == 1 && *segment == '.')) {
            buf_addc(out, '/');
            buf_add(out, segment, seg_len);
        }
        i += seg_len + 1;
    }
    while (out->len > root && out->data[out->len - 1] == '/') {
        buf_truncate(out, out->len - 1);
    }
    if (out->len == root) {
        buf_addc(out, '/');
    }
}

static void add_identity_path(struct buf *out, const struct url_parts *p)
{
    struct buf normal;

    buf_init(&normal, out->max);
    add_normal(&normal, p->path, p->path_len);
    add_without_dots(out, buf_str(&normal), normal.len);
    out->failed = out->failed || normal.failed;
    buf_done(&normal);
}

static bool is_tracking(const char *name, size_t len)
{
    static const char *const names[] = {"fbclid",
                                        "gclid",
                                        "dclid",
                                        "msclkid",
                                        "twclid",
                                        "igshid",
                                        "mc_cid",
                                        "mc_eid",
                                        "yclid",
                                        "_hsenc",
                                        "_hsmi"};

    if (len >= 4 && strncasecmp(name, "utm_", 4) == 0) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_identity_query(struct buf *out, const struct url_parts *p)
{
    char separator = '?';

    for (size_t i = 0; i < p->query_len;) {
        const char *piece = p->query + i;
        const char *amp = memchr(piece, '&', p->query_len - i);
        size_t len = amp == NULL ? p->query_len - i : (size_t)(amp - piece);
        size_t before = out->len;

        i += len + 1;
        buf_addc(out, separator);
        add_normal(out, piece, len);
        if (!buf_ok(out)) {
            return;
        }
        const char *name = out->data + before + 1;
        size_t normal_len = out->len - before - 1;
        const char *equals = memchr(name, '=', normal_len);
        if (normal_len == 0 ||
            is_tracking(name, equals == NULL ? normal_len : (size_t)(equals - name))) {
            buf_truncate(out, before);
        } else {
            separator = '&';
        }
    }
}

static void add_identity_host(struct buf *out, const struct url_parts *p)
{
    size_t len = p->host[p->host_len - 1] == '.' ? p->host_len - 1 : p->host_len;

    for (size_t i = 0; i < len; i++) {
        char c = p->host[i];

        buf_addc(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    /* Both default ports go, whatever the scheme was: the scheme does not tell articles
     * apart. */
    if (p->port != 0 && p->port != 80 && p->port != 443) {
        buf_addf(out, ":%d", p->port);
    }
}

bool url_identity(struct buf *out, const char *url)
{
    struct url_parts p;

    if (!url_parse(&p, url)) {
        return false;
    }
    buf_adds(out, "https://");
    add_identity_host(out, &p);
    add_identity_path(out, &p);
    add_identity_query(out, &p);
    return true;
}

/* The next name=value of a query from *pos on, raw. */
struct param {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool next_param(const char *query, size_t len, size_t *pos, struct param *out)
{
    while (*pos < len && query[*pos] == '&') {
        ++*pos; /* nothing between two of them: no parameter */
    }
    if (*pos >= len) {
        return false;
    }
    const char *piece = query + *pos;
    const char *amp = memchr(piece, '&', len - *pos);
    size_t piece_len = amp == NULL ? len - *pos : (size_t)(amp - piece);
    const char *equals = memchr(piece, '=', piece_len);

    *pos += piece_len + 1;
    out->name = piece;
    out->name_len = equals == NULL ? piece_len : (size_t)(equals - piece);
    out->value = equals == NULL ? "" : equals + 1;
    out->value_len = equals == NULL ? 0 : piece_len - out->name_len - 1;
    return true;
}

static bool name_is(const struct param *p, const char *name)
{
    struct buf decoded;

    buf_init(&decoded, p->name_len);
    bool same = url_decode(&decoded, p->name, p->name_len, true) &&
                decoded.len == strlen(name) &&
                memcmp(buf_str(&decoded), name, decoded.len) == 0;
    buf_done(&decoded);
    return same;
}

bool url_query_get(struct buf *out, const char *query, size_t len, const char *name)
{
    struct param p;
    size_t pos = 0;

    while (next_param(query, len, &pos, &p)) {
        if (name_is(&p, name)) {
            return url_decode(out, p.value, p.value_len, true);
        }
    }
    return false;
}

static bool query_has(const char *query, size_t len, const char *name)
{
    struct param p;
    size_t pos = 0;

    while (next_param(query, len, &pos, &p)) {
        if (name_is(&p, name)) {
            return true;
        }
    }
    return false;
}

void url_add_param(struct buf *url, const char *name, const char *value)
{
    const char *text = buf_str(url);
    size_t stem = strcspn(text, "#");
    const char *mark = memchr(text, '?', stem);

    if (mark != NULL && query_has(mark + 1, stem - (size_t)(mark + 1 - text), name)) {
        return;
    }
    char *fragment = mem_strdup(text + stem);
    bool joined = mark != NULL && (mark == text + stem - 1 || text[stem - 1] == '&');
    buf_truncate(url, stem);
    if (!joined) {
        buf_addc(url, mark == NULL ? '?' : '&');
    }
    url_encode(url, name);
    buf_addc(url, '=');
    url_encode(url, value);
    buf_adds(url, fragment);
    mem_free(fragment);
}
