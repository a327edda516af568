/* The picture of an article whose feed names none but inside its text. Called by feed_build.c with
 * HTML of strangers: one walk, each tag is looked at once. */

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/parse.h"
#include "base/text.h"
#include "sources/feed_draft.h"

#define PIXEL 3 /* what is not wider or higher counts readers */
#define URL_BYTES ARTICLE_URL_BYTES

struct tag {
    const char *at, *end;
};
struct attribute {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/';
}

static size_t run(const struct tag *t, const char *stop)
{
    size_t n = 0;

    while (t->at + n < t->end && strchr(stop, t->at[n]) == NULL) {
        n++;
    }
    return n;
}

static bool next_attribute(struct tag *t, struct attribute *out)
{
    char quote[2] = {'\0', '\0'};

    while (t->at < t->end && is_blank(*t->at)) {
        t->at++;
    }
    if (t->at == t->end || *t->at == '>' || *t->at == '<') {
        return false;
    }
    *out = (struct attribute){.name = t->at, .value = ""};
    out->name_len = run(t, "=> \t\r\n");
    t->at += out->name_len;
    if (t->at == t->end || *t->at != '=') {
        t->at += out->name_len == 0;
        return true;
    }
    t->at++;
    if (t->at < t->end && (*t->at == '"' || *t->at == '\'')) {
        quote[0] = *t->at++;
    }
    out->value = t->at;
    out->value_len = run(t, quote[0] != '\0' ? quote : "> \t\r\n");
    t->at += out->value_len;
    t->at += quote[0] != '\0' && t->at < t->end;
    return true;
}

static bool is_called(const struct attribute *a, const char *name)
{
    return a->name_len == strlen(name) && strncasecmp(a->name, name, a->name_len) == 0;
}

/* References of HTML in a value, undone. */
static void decode(struct buf *out, const char *value, size_t len)
{
    buf_clear(out);
    for (size_t i = 0; i < len;) {
        size_t n = value[i] == '&' ? text_entity(out, value + i, len - i) : 0;

        if (n == 0) {
            buf_addc(out, value[i]);
        }
        i += n > 0 ? n : 1;
    }
}

static int64_t side(const struct attribute *a)
{
    char text[8];
    int64_t value;

    if (a->value_len >= sizeof text) {
        return 0;
    }
    memcpy(text, a->value, a->value_len);
    text[a->value_len] = '\0';
    text[strspn(text, "0123456789")] = '\0'; /* "600px" */
    return parse_i64(text, &value) ? value : 0;
}

/* Those that wait for being scrolled to have the real one elsewhere. */
static int source_rank(const struct attribute *a)
{
    static const char *const names[] = {"data-src", "data-lazy-src", "data-original", "src"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_called(a, names[i])) {
            return (int)(ARRAY_LEN(names) - i);
        }
    }
    return 0;
}

static void read_tag(struct tag *t, struct feed_picture *out, struct buf memory[2])
{
    struct attribute a;
    int rank = 0;

    *out = (struct feed_picture){.place = PLACE_NONE};
    buf_clear(&memory[0]);
    buf_clear(&memory[1]);
    while (next_attribute(t, &a)) {
        int found = source_rank(&a);

        if (found > rank && a.value_len > 0 && a.value_len < URL_BYTES &&
            strncasecmp(a.value, "data:", 5) != 0) {
            decode(&memory[0], a.value, a.value_len);
            rank = found;
        } else if (is_called(&a, "alt") && a.value_len < ARTICLE_SUMMARY_BYTES) {
            decode(&memory[1], a.value, a.value_len);
        } else if (is_called(&a, "width")) {
            out->width = side(&a);
        } else if (is_called(&a, "height")) {
            out->height = side(&a);
        }
    }
}

static bool is_picture(const struct feed_picture *p, const char *url)
{
    static const char *const others[] = {"/emoji/",
                                         "pixel.",
                                         "stats.wordpress.com",
                                         "/smilies/",
                                         "doubleclick",
                                         "feedburner.com/~"};

    if (url[0] == '\0' || (p->width > 0 && p->width <= PIXEL) ||
        (p->height > 0 && p->height <= PIXEL)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strstr(url, others[i])) {
            return false;
        }
    }
    return true;
}

bool feed_image_find(const char *html, struct feed_picture *out, struct buf memory[2])
{
    const char *end = html + strlen(html);

    for (const char *at = html; (at = strcasestr(at, "<img")) != NULL;) {
        struct tag t = {.at = at + 4, .end = end};

        if (t.at < end && is_blank(*t.at)) {
            read_tag(&t, out, memory);
            if (is_picture(out, buf_str(&memory[0]))) {
                out->at.ref = buf_str(&memory[0]);
                out->alt = (struct feed_words){.text = buf_str(&memory[1])};
                return true;
            }
        }
        at = t.at;
    }
    return false;
}
