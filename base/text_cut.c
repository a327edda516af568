/* Finding links in text, and cutting text where a reader would. Called by the fitting of posts
 * to a platform's limit, so both look at the text as the platform will: a link counts as a
 * whole, a grapheme cluster is never torn. One pass over what is kept. */

#include "base/text.h"

#include <string.h>

#include "base/text_internal.h"

#define ELLIPSIS "…"

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where "http" or "https" begins that ends at the colon; false when there is none. */
static bool scheme_start(const char *text, size_t from, size_t colon, size_t *out)
{
    for (size_t n = 4; n <= 5; n++) {
        if (colon - from >= n && strncasecmp(text + colon - n, "https", n) == 0) {
            size_t start = colon - n;

            if (start > 0 &&
                (is_alnum((unsigned char)text[start - 1]) || text[start - 1] == '_')) {
                return false; /* the tail of another word */
            }
            *out = start;
            return true;
        }
    }
    return false;
}

static bool ends_link(int32_t c)
{
    return c <= ' ' || (c >= 0x7F && c < 0xA0) || c == '<' || c == '>' || c == '"' ||
           c == '`' || c == '\\' || c == 0x200B || c == 0xFEFF || text__is_blank(c);
}

static int *bracket_count(int counts[3], char c)
{
    static const char pairs[] = "()[]{}";
    const char *at = c == '\0' ? NULL : strchr(pairs, c);

    return at == NULL ? NULL : &counts[(at - pairs) / 2];
}

static bool is_opening(char c)
{
    return c == '(' || c == '[' || c == '{';
}

/* Opening minus closing brackets of each kind. */
static void count_brackets(const char *text, size_t start, size_t end, int counts[3])
{
    for (size_t i = start; i < end; i++) {
        int *count = bracket_count(counts, text[i]);

        if (count != NULL) {
            *count += is_opening(text[i]) ? 1 : -1;
        }
    }
}

static size_t last_character(const char *text, size_t start, size_t end)
{
    size_t at = end - 1;

    while (at > start && ((unsigned char)text[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

/* Leaves out what belongs to the sentence around: its punctuation, its closing brackets. */
static size_t trim_link(const char *text, size_t start, size_t end)
{
    int counts[3] = {0};

    count_brackets(text, start, end, counts);
    while (end > start) {
        size_t at = last_character(text, start, end), next;
        int32_t c = text__code_point(text, end, at, &next);
        int *count = c < 0x80 ? bracket_count(counts, (char)c) : NULL;

        if (count != NULL) {
            if (!is_opening((char)c) && *count >= 0) {
                break; /* closes one that is inside the link */
            }
            *count += is_opening((char)c) ? -1 : 1;
        } else if (!(c < 0x80 ? c != '\0' && strchr(".,:;!?'*", c) != NULL
                              : text__is_punctuation(c))) {
            break;
        }
        end = at;
    }
    return end;
}

static bool link_at(
    const char *text, size_t len, size_t from, size_t colon, size_t *out_start, size_t *out_end)
{
    size_t start, host = colon + 3, end = host, next;

    if (len - colon <= 3 || memcmp(text + colon, "://", 3) != 0 ||
        !scheme_start(text, from, colon, &start)) {
        return false;
    }
    while (end < len && !ends_link(text__code_point(text, len, end, &next))) {
        end = next;
    }
    if (end == host || !(is_alnum((unsigned char)text[host]) ||
                         (unsigned char)text[host] >= 0x80 || text[host] == '[')) {
        return false;
    }
    end = trim_link(text, host, end);
    if (end == host) {
        return false;
    }
    *out_start = start;
    *out_end = end;
    return true;
}

bool text_next_link(
    const char *text, size_t len, size_t pos, size_t *out_start, size_t *out_end)
{
    size_t from = pos;

    while (pos < len) {
        const char *colon = memchr(text + pos, ':', len - pos);

        if (colon == NULL) {
            return false;
        }
        size_t at = (size_t)(colon - text);
        if (link_at(text, len, from, at, out_start, out_end)) {
            return true;
        }
        pos = at + 1;
    }
    return false;
}

/* Scripts written without blanks between words: a line may break after any character. Hangul is
 * not among them. */
static bool breaks_anywhere(int32_t c)
{
    return (c >= 0x2E80 && c <= 0x312F) || (c >= 0x31A0 && c <= 0x9FFF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF01 && c <= 0xFF60) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

/* The walk of text_cut. `solid` is the end of the last thing worth keeping (no blank, no
 * punctuation); the two candidates are values of it. */
struct walk {
    const char *text;
    size_t len, room;
    enum text_unit unit;
    size_t link_start, link_end; /* the next link, or the one we are in; len, len: none left */
    size_t solid;
    size_t at_word;    /* candidate at the last word boundary */
    size_t at_cluster; /* candidate at the last cluster */
};

static void find_link(struct walk *w, size_t pos)
{
    if (!text_next_link(w->text, w->len, pos, &w->link_start, &w->link_end)) {
        w->link_start = w->len;
        w->link_end = w->len;
    }
}

/* Takes note of the cluster [pos, c.end), which fits. */
static void pass_cluster(struct walk *w, size_t pos, const struct text_cluster *c)
{
    bool blank = text__is_blank(c->first);
    size_t next;

    if (pos >= w->link_end && w->link_end < w->len) {
        find_link(w, pos);
    }
    if (blank) {
        w->at_word = w->solid;
    }
    if (c->end > w->link_start && c->end < w->link_end) {
        return; /* inside a link: no place to cut */
    }
    bool link_ends = w->link_start < w->link_end && c->end == w->link_end;
    if (link_ends || (!blank && !(c->code_points == 1 && text__is_punctuation(c->first)))) {
        w->solid = c->end;
    }
    w->at_cluster = w->solid;
    int32_t follower = c->end < w->len ? text__code_point(w->text, w->len, c->end, &next) : ' ';
    if (link_ends || text__is_blank(follower) || breaks_anywhere(c->first) ||
        breaks_anywhere(follower)) {
        w->at_word = w->solid;
    }
}

static size_t cut_at(struct walk *w)
{
    size_t pos = 0;

    find_link(w, 0);
    while (pos < w->len) {
        struct text_cluster c = text__cluster(w->text, w->len, pos);
        size_t cost = text__cost(w->unit, w->text, &c, pos);

        if (cost > w->room) {
            break;
        }
        w->room -= cost;
        pass_cluster(w, pos, &c);
        pos = c.end;
    }
    /* A word longer than half of what there is room for is cut inside. */
    return w->at_word < w->at_cluster - w->at_word ? w->at_cluster : w->at_word;
}

bool text_cut(struct buf *out, enum text_unit unit, const char *text, size_t len, size_t units)
{
    struct text_rule bare = {.unit = unit};
    size_t ellipsis = text_measure(&bare, ELLIPSIS, strlen(ELLIPSIS));
    struct walk w = {.text = text, .len = len, .unit = unit};

    if (text_prefix(unit, text, len, units) == len) {
        buf_add(out, text, len);
        return false;
    }
    if (units >= ellipsis) {
        w.room = units - ellipsis;
        buf_add(out, text, cut_at(&w));
        buf_adds(out, ELLIPSIS);
    }
    return true;
}
