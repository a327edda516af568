#ifndef CRIER_BASE_URL_H
#define CRIER_BASE_URL_H

/* URLs as RFC 3986 has them: parts, percent encoding, the normal form under which an article is
 * recognised, campaign parameters; and which addresses are private. */

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

#include "base/buf.h"

struct url_parts { /* slices of the parsed text; an IPv6 host keeps its brackets */
    const char *scheme, *host, *path, *query, *fragment; /* query, fragment without ? and # */
    size_t scheme_len, host_len, path_len, query_len, fragment_len;
    int port; /* 0: none given */
    bool has_userinfo;
};
/* An absolute http or https URL; false on anything else, control bytes and blanks included. */
bool url_parse(struct url_parts *out, const char *url);
int url_port(const struct url_parts *parts); /* the scheme's usual one where none is given */
/* Whether it is an origin and nothing more: scheme and host, maybe a port (RFC 6454 section 6.1). */
bool url_is_origin(const struct url_parts *parts);
/* Append "host:port" of such a URL, the usual port where it gives none; false: it is none. */
bool url_put_host(struct buf *out, const char *url);

/* Append text percent-encoded: all but unreserved (RFC 3986 section 2.3), upper-case hex. */
void url_encode(struct buf *out, const char *text);
void url_encode_n(struct buf *out, const char *text, size_t len);
/* Append decoded; false when a % has not two hex digits behind it. plus_is_space: form
 * decoding. */
bool url_decode(struct buf *out, const char *text, size_t len, bool plus_is_space);

/* Append what ref means on a page at base: an absolute http(s) URL. As browsers do, blanks around
 * it are dropped and what no URL may hold is escaped. False, and nothing appended, when that is no
 * such URL. An absolute ref needs no base ("" will do). */
bool url_resolve(struct buf *out, const char *base, const char *ref);

/* Append url as sitemaps and feeds want it: scheme and host in small letters, what no URL may hold and
 * everything beyond ASCII percent-encoded (RFC 3987 section 3.1). False, and nothing appended, when it
 * is no URL, or its host is not ASCII. */
bool url_ascii(struct buf *out, const char *url);

/* The form under which an article is recognised: scheme https, lower-case host, no default
 * port, no fragment, no trailing slash (but the root's), percent escapes normalised, tracking
 * parameters dropped (utm_*, fbclid, gclid, dclid, msclkid, twclid, igshid, mc_cid, mc_eid,
 * yclid, _hsenc, _hsmi), other query parameters kept in order. Not for showing. False when url
 * is none. */
bool url_identity(struct buf *out, const char *url);

/* The value of a query parameter, decoded; false when there is none. */
bool url_query_get(struct buf *out, const char *query, size_t len, const char *name);
/* url with name=value in its query, before any fragment; a name that is there already stays as
 * it is. Values are encoded. */
void url_add_param(struct buf *url, const char *name, const char *value);

/* Loopback, private (RFC 1918, RFC 4193), link-local, shared (RFC 6598), metadata, multicast,
 * unspecified, documentation and reserved ranges, and the IPv6 forms that carry such an IPv4
 * address (mapped, 6to4, NAT64). Anything that is not IP counts as private. */
bool net_address_is_private(const struct sockaddr *addr);
bool net_address_is_loopback(const struct sockaddr *addr);

#endif
