/* What X takes for a link: with a scheme or without, where the name ends in a top-level domain there is.
 * The grammar is that of twitter-text (regexp/extractUrl and extractUrlsWithIndices), walked by hand.
 * Called by text_measure() for TEXT_X_WEIGHTED, where every link weighs the same. The list of top-level
 * domains is text_x_tlds.c. */

#include "base/text.h"

#include <string.h>

#include <utf8proc.h>

#include "base/attr.h"
#include "base/text_internal.h"

#define LABEL_MAX 63         /* RFC 1035, counted as ASCII (RFC 3492) */
#define CHAIN_BYTES_MAX 1024 /* of a host name; 253 letters are the longest there is */
#define TLD_BYTES_MAX 80
#define SLUG_MAX 40 /* of a t.co link */

struct scan {
    const char *text;
    size_t len;
    /* Up to here only the first label of a name can be followed by a top-level domain: found out once for a
     * run of labels. */
    size_t barren;
};

static bool is_ascii_alnum(int32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_direction(int32_t c)
{
    return (c >= 0x202A && c <= 0x202E) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool is_no_character(int32_t c)
{
    return c == 0xFFFE || c == 0xFEFF || c == 0xFFFF;
}

/* What a label is made of, hyphens and underscores apart. */
static bool is_name(int32_t c)
{
    if (c < 0x80) {
        return is_ascii_alnum(c) || c == '"' || c == '`';
    }
    return !text__is_blank(c) && c != 0x180E && !is_direction(c) && !is_no_character(c);
}

static bool may_precede(int32_t c)
{
    return !is_ascii_alnum(c) && c != '@' && c != 0xFF20 && c != '$' && c != '#' &&
           c != 0xFF03 && !is_no_character(c);
}

static bool is_latin(int32_t c)
{
    static const char odd[] = "\x53\x54\x56\x57\x59\x5B\x63\x68\x6F\x72\x89\x8B\xBB";

    return is_ascii_alnum(c) || (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) ||
           (c >= 0x250 && c <= 0x2BB && memchr(odd, c & 0xFF, sizeof odd - 1)) ||
           (c >= 0x300 && c <= 0x36F) || (c >= 0x1E00 && c <= 0x1EFF);
}

static bool is_cyrillic(int32_t c)
{
    return c >= 0x400 && c <= 0x4FF;
}

static bool is_one_of(int32_t c, const char *set)
{
    return c > 0 && c < 0x80 && strchr(set, c) != NULL;
}

static int32_t at(const struct scan *s, size_t pos, size_t *out_next)
{
    if (pos >= s->len) {
        *out_next = pos;
        return 0;
    }
    return text__code_point(s->text, s->len, pos, out_next);
}

/* ---- top-level domains ---- */

static bool may_follow_tld(const struct scan *s, size_t pos)
{
    size_t next;
    int32_t c = at(s, pos, &next);

    return pos >= s->len || !(is_ascii_alnum(c) || c == '@' || c == '+' || c == '-');
}

static bool is_tld(const char *text, size_t len)
{
    char line[TLD_BYTES_MAX + 3] = "\n";
    size_t n = 1, next;
    utf8proc_uint8_t bytes[4];

    if (len == 0 || len > TLD_BYTES_MAX) {
        return false;
    }
    for (size_t pos = 0; pos < len; pos = next) {
        int32_t c = utf8proc_tolower(text__code_point(text, len, pos, &next));
        size_t size = (size_t)utf8proc_encode_char(c, bytes);

        if (n + size > TLD_BYTES_MAX) {
            return false;
        }
        memcpy(line + n, bytes, size);
        n += size;
    }
    line[n] = '\n';
    line[n + 1] = '\0';
    next = line[1] >= 'a' && line[1] <= 'z' ? (size_t)(line[1] - 'a') : TEXT_X_TLD_LISTS - 1;
    return strstr(text__x_tlds[next], line) != NULL;
}

static size_t run_of(const struct scan *s, size_t pos, bool (*belongs)(int32_t))
{
    size_t next;

    while (pos < s->len && belongs(at(s, pos, &next))) {
        pos = next;
    }
    return pos;
}

static bool is_punycode(int32_t c)
{
    return is_ascii_alnum(c) || c == '-';
}

/* The longest one of another script that begins here. */
static size_t wide_tld_end(const struct scan *s, size_t pos)
{
    size_t ends[TLD_BYTES_MAX], count = 0, next;

    for (size_t p = pos; count < ARRAY_LEN(ends) && p - pos < TLD_BYTES_MAX; p = next) {
        if (p >= s->len || !is_name(at(s, p, &next))) {
            break;
        }
        ends[count++] = next;
    }
    while (count-- > 0) {
        if (may_follow_tld(s, ends[count]) && is_tld(s->text + pos, ends[count] - pos)) {
            return ends[count];
        }
    }
    return 0;
}

/* Where the top-level domain at pos ends; 0: there is none. */
static size_t tld_end(const struct scan *s, size_t pos)
{
    size_t end = run_of(s, pos, is_ascii_alnum);

    if (s->len - pos > 4 && strncasecmp(s->text + pos, "xn--", 4) == 0) {
        end = run_of(s, pos, is_punycode);
        return end > pos + 4 ? end : 0;
    }
    if (end > pos && may_follow_tld(s, end) && is_tld(s->text + pos, end - pos)) {
        return end;
    }
    return end < s->len && (unsigned char)s->text[end] >= 0x80 ? wide_tld_end(s, pos) : 0;
}

/* ---- host names ---- */

/* The label at pos that a dot follows: where the dot is; 0: no such label. *stop is where it ends to be
 * one, then. */
static size_t label_dot(const struct scan *s, size_t pos, bool *out_underscore, size_t *stop)
{
    size_t p = pos, next;
    bool whole = false; /* so far it begins and ends as a label must */

    *out_underscore = false;
    for (; p < s->len && p - pos < CHAIN_BYTES_MAX; p = next) {
        int32_t c = at(s, p, &next);

        if (is_name(c)) {
            whole = true;
        } else if ((c == '-' || c == '_') && p > pos) {
            *out_underscore = *out_underscore || c == '_';
            whole = false;
        } else {
            break;
        }
    }
    *stop = p;
    return whole && p < s->len && s->text[p] == '.' ? p : 0;
}

/* The longest host name at pos: its end, 0 when there is none. */
static size_t host_end(struct scan *s, size_t pos)
{
    size_t label = pos, dot, end = 0, stop = pos;
    bool underscore, later = false, known = pos < s->barren;

    while (label - pos < CHAIN_BYTES_MAX && (dot = label_dot(s, label, &underscore, &stop))) {
        size_t tld = underscore ? 0 : tld_end(s, dot + 1);

        if (tld > 0) {
            later = label > pos;
            end = tld;
        }
        if (known) {
            return end;
        }
        label = dot + 1;
    }
    if (!later) {
        s->barren = stop;
    }
    return end;
}

/* How many digits a delta takes (RFC 3492 section 6.3), and the bias behind it (section 6.1). */
static size_t digits_of(int64_t delta, int64_t bias)
{
    size_t count = 1;

    for (int64_t k = 36;; k += 36, count++) {
        int64_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

        if (delta < t) {
            return count;
        }
        delta = (delta - t) / (36 - t);
    }
}

static int64_t bias_after(int64_t delta, bool first, size_t count)
{
    int64_t k = 0;

    delta = first ? delta / 700 : delta / 2;
    delta += delta / (int64_t)count;
    for (; delta > 455; k += 36) {
        delta /= 35;
    }
    return k + 36 * delta / (delta + 38);
}

static int32_t lowest_from(const int32_t *c, size_t n, int64_t limit)
{
    int32_t lowest = INT32_MAX;

    for (size_t i = 0; i < n; i++) {
        lowest = c[i] >= limit && c[i] < lowest ? c[i] : lowest;
    }
    return lowest;
}

/* Bytes of a label as ASCII, of which only the number is wanted. */
static size_t punycode_length(const int32_t *c, size_t n)
{
    int64_t delta = 0, bias = 72, limit = 0x80;
    size_t basic = 0, done, out;

    for (size_t i = 0; i < n; i++) {
        basic += c[i] < 0x80;
    }
    out = 4 + basic + (basic > 0); /* "xn--", and the hyphen behind what is ASCII anyhow */
    for (done = basic; done < n; delta++, limit++) {
        int64_t lowest = lowest_from(c, n, limit);

        delta += (lowest - limit) * (int64_t)(done + 1);
        limit = lowest;
        for (size_t i = 0; i < n; i++) {
            delta += c[i] < limit;
            if (c[i] == limit) {
                out += digits_of(delta, bias);
                bias = bias_after(delta, done == basic, done + 1);
                delta = 0;
                done++;
            }
        }
    }
    return out;
}

static bool label_is_valid(const char *text, size_t len)
{
    int32_t c[LABEL_MAX];
    size_t n = 0, next;
    bool wide = false;

    for (size_t pos = 0; pos < len; pos = next) {
        if (n == LABEL_MAX) {
            return false;
        }
        c[n] = utf8proc_tolower(text__code_point(text, len, pos, &next));
        wide = wide || c[n] >= 0x80;
        n++;
    }
    if (!wide) {
        return true;
    }
    return !(len > 4 && strncasecmp(text, "xn--", 4) == 0) &&
           punycode_length(c, n) <= LABEL_MAX;
}

static bool host_is_valid(const char *text, size_t len)
{
    for (size_t from = 0; from < len;) {
        const char *dot = memchr(text + from, '.', len - from);
        size_t end = dot ? (size_t)(dot - text) : len;

        if (!label_is_valid(text + from, end - from)) {
            return false;
        }
        from = end + 1;
    }
    return true;
}

/* ---- what follows the host ---- */

static bool is_path(int32_t c)
{
    return is_latin(c) || is_cyrillic(c) || c == 0x2013 ||
           is_one_of(c, "!*';:=+,.$/%#[]-_~@|&");
}

static bool is_path_end(int32_t c)
{
    return is_latin(c) || is_cyrillic(c) || is_one_of(c, "+-=_#/");
}

/* Behind a closing bracket whose opening one is at pos, with at most one pair inside; 0: no such. */
static size_t brackets_end(const struct scan *s, size_t pos)
{
    size_t p = run_of(s, pos + 1, is_path), inner;

    if (p < s->len && s->text[p] == '(') {
        inner = run_of(s, p + 1, is_path);
        if (inner == p + 1 || inner >= s->len || s->text[inner] != ')') {
            return 0;
        }
        p = run_of(s, inner + 1, is_path);
    } else if (p == pos + 1) {
        return 0;
    }
    return p < s->len && s->text[p] == ')' ? p + 1 : 0;
}

static size_t path_end(const struct scan *s, size_t pos)
{
    size_t end = pos + 1, p = end, next;

    while (p < s->len) {
        int32_t c = at(s, p, &next);

        if (c == '(') {
            next = brackets_end(s, p);
            if (next == 0) {
                break;
            }
            end = next;
        } else if (!is_path(c)) {
            break;
        } else if (is_path_end(c)) {
            end = next;
        }
        p = next;
    }
    return end;
}

static bool is_query(int32_t c)
{
    return (c < 0x80 && is_ascii_alnum(c)) || is_one_of(c, "!?*'@();:&=+$/%#[]-_.,~|");
}

/* pos is at a '?'; pos when no query follows. */
static size_t query_end(const struct scan *s, size_t pos)
{
    size_t end = run_of(s, pos + 1, is_query);

    while (end > pos + 1 && !is_ascii_alnum(s->text[end - 1]) &&
           !is_one_of(s->text[end - 1], "-_&=#/")) {
        end--;
    }
    return end > pos + 1 ? end : pos;
}

static bool is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

/* From the end of the host on: port, path, query. */
static size_t rest_end(const struct scan *s, size_t host, bool *out_path)
{
    size_t end = host;

    if (end + 1 < s->len && s->text[end] == ':' && is_digit(s->text[end + 1])) {
        end = run_of(s, end + 1, is_digit);
    }
    *out_path = end < s->len && s->text[end] == '/';
    if (*out_path) {
        end = path_end(s, end);
    }
    return end < s->len && s->text[end] == '?' ? query_end(s, end) : end;
}

/* ---- links ---- */

static size_t scheme_length(const struct scan *s, size_t pos)
{
    size_t left = s->len - pos;

    if (left > 8 && strncasecmp(s->text + pos, "https://", 8) == 0) {
        return 8;
    }
    return left > 7 && strncasecmp(s->text + pos, "http://", 7) == 0 ? 7 : 0;
}

/* Of the vendor's own short links nothing but the slug and a query belongs to it. 0: the slug is none. */
static size_t short_link_end(const struct scan *s, size_t host, size_t end)
{
    size_t slug = host + 5, slug_end;

    if (end <= slug || strncasecmp(s->text + host, "t.co/", 5) != 0) {
        return end;
    }
    slug_end = run_of(s, slug, is_ascii_alnum);
    if (slug_end == slug) {
        return end;
    }
    if (slug_end - slug > SLUG_MAX) {
        return 0;
    }
    return slug_end < s->len && s->text[slug_end] == '?' ? query_end(s, slug_end) : slug_end;
}

/* One match of the grammar: where it ends, and the link in it, if there is one (else start == end). */
struct match {
    size_t behind, start, end;
};

static bool is_ascii_host(int32_t c)
{
    return is_latin(c) || c == '-' || c == '.';
}

/* The first name in Latin letters within a host of all scripts. */
static bool
latin_host(struct scan *s, size_t host, size_t behind, size_t *out_start, size_t *out_end)
{
    struct scan inner = {s->text, behind, 0};
    size_t pos = host, next, end, dot, found;

    while (pos < behind) {
        if (!is_ascii_host(at(&inner, pos, &next)) || s->text[pos] == '.') {
            pos = next;
            continue;
        }
        end = run_of(&inner, pos, is_ascii_host);
        found = 0;
        for (dot = pos + 1; dot < end; dot++) {
            size_t tld =
                s->text[dot] == '.' && s->text[dot - 1] != '.' ? tld_end(s, dot + 1) : 0;

            found = tld > 0 && tld <= behind ? tld : found;
        }
        if (found > 0) {
            *out_start = pos;
            *out_end = found;
            return true;
        }
        pos = end;
    }
    return false;
}

static bool match_without_scheme(struct scan *s, size_t pos, bool may_link, struct match *out)
{
    size_t host = host_end(s, pos), end;
    bool path;

    if (host == 0) {
        return false;
    }
    end = rest_end(s, host, &path);
    *out = (struct match){.behind = end};
    if (may_link && latin_host(s, pos, host, &out->start, &out->end)) {
        bool last = out->end == host;

        if (!host_is_valid(s->text + out->start, out->end - out->start)) {
            out->behind = out->end;
            out->start = out->end;
            return true;
        }
        out->end = last && path ? end : out->end;
        out->behind = out->end;
    }
    return true;
}

static bool match_at(struct scan *s, size_t pos, int32_t before, struct match *out)
{
    size_t scheme = scheme_length(s, pos), host, end;
    bool path;

    if (scheme == 0) {
        return match_without_scheme(s, pos, !is_one_of(before, "-_./"), out);
    }
    host = host_end(s, pos + scheme);
    if (host == 0) {
        return false;
    }
    end = rest_end(s, host, &path);
    *out = (struct match){.behind = end, .start = pos, .end = pos};
    if (host_is_valid(s->text + pos + scheme, host - pos - scheme)) {
        end = short_link_end(s, pos + scheme, end);
        out->end = end > 0 ? end : pos;
    }
    return true;
}

bool text_x_next_link(
    const char *text, size_t len, size_t pos, size_t *out_start, size_t *out_end)
{
    struct scan s = {text, len, 0};
    struct match m;
    size_t next;

    while (pos < len) {
        int32_t c = at(&s, pos, &next);
        bool found = may_precede(c) && next < len && match_at(&s, next, c, &m);

        if (!found && pos == 0) {
            found = match_at(&s, 0, 0, &m);
        }
        if (found && m.end > m.start) {
            *out_start = m.start;
            *out_end = m.end;
            return true;
        }
        pos = found && m.behind > pos ? m.behind : next;
    }
    return false;
}
