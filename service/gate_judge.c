/* What a page means for the posts that wait for it: whether it is there for everybody, whether it is the
 * article at all, what its card lacks, and under which other addresses it is known. Called by the link
 * gate; pure.
 *
 * Names are taken with care, since two articles that share one are one: where redirects end is the
 * page, whoever's address that is; a canonical address counts within the same site only, and a front
 * page is nobody's name (a site whose pages all name it would have one article). */

#include "service/gate_judge.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/url.h"

/* ---- addresses ---- */

static bool is_front_page(const char *url)
{
    struct url_parts p;

    return url_parse(&p, url) && p.path_len <= 1 && p.query_len == 0;
}

/* Without what names a form of the same site. */
static void bare_host(const struct url_parts *p, const char **host, size_t *len)
{
    static const char *const forms[] = {"www.", "m.", "mobile.", "amp."};

    *host = p->host;
    *len = p->host_len;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        size_t n = strlen(forms[i]);

        if (*len > n && strncasecmp(*host, forms[i], n) == 0) {
            *host += n;
            *len -= n;
        }
    }
}

static bool is_same_site(const char *a, const char *b)
{
    struct url_parts x, y;
    const char *host, *other;
    size_t len, other_len;

    if (!url_parse(&x, a) || !url_parse(&y, b)) {
        return false;
    }
    bare_host(&x, &host, &len);
    bare_host(&y, &other, &other_len);
    return len == other_len && strncasecmp(host, other, len) == 0;
}

/* A segment of the path that says what kind of page it is. */
static bool is_barrier(const char *url)
{
    static const char *const words[] = {"login",
                                        "log-in",
                                        "signin",
                                        "sign-in",
                                        "wp-login.php",
                                        "sso",
                                        "auth",
                                        "consent",
                                        "cookie-consent",
                                        "cookiewall",
                                        "cookie-wall",
                                        "privacy-gate",
                                        "paywall",
                                        "subscribe",
                                        "register",
                                        "captcha"};
    struct url_parts p;

    if (!url_parse(&p, url)) {
        return false;
    }
    for (size_t i = 0; i < p.path_len;) {
        const char *segment = p.path + i + 1;
        const char *slash = memchr(segment, '/', p.path_len - i - 1);
        size_t len = slash ? (size_t)(slash - segment) : p.path_len - i - 1;

        for (size_t w = 0; w < ARRAY_LEN(words); w++) {
            if (strlen(words[w]) == len && strncasecmp(words[w], segment, len) == 0) {
                return true;
            }
        }
        i += len + 1;
    }
    return false;
}

/* ---- names ---- */

static void add_name(struct gate_view *v, const char *own, const char *url, const char *why)
{
    struct buf identity, ours;

    buf_init(&identity, ARTICLE_URL_BYTES);
    buf_init(&ours, ARTICLE_URL_BYTES);
    bool good = url && v->name_count < GATE_NAMES_MAX && !is_front_page(url) &&
                url_identity(&identity, url) && buf_ok(&identity) && url_identity(&ours, own) &&
                strcmp(buf_str(&identity), buf_str(&ours)) != 0;
    for (size_t i = 0; good && i < v->name_count; i++) {
        good = strcmp(v->names[i].value, buf_str(&identity)) != 0;
    }
    if (good) {
        char *kept = buf_detach(&identity, NULL);

        v->urls[v->name_count] = kept;
        v->names[v->name_count++] =
            (struct accept_alias){.kind = "url", .value = kept, .why = why};
    }
    buf_done(&identity);
    buf_done(&ours);
}

static void add_names(struct gate_view *v, const char *own, const struct page_answer *answer)
{
    const struct page_facts *f = &answer->facts;
    const struct {
        const char *url, *why;
    } said[] = {
        {f->canonical, "canonical URL of the page"},
        {f->og_url, "og:url of the page"},
        {f->amp_url, "AMP form of the page"},
    };

    for (size_t i = 0; i < answer->redirects.count; i++) {
        add_name(v, own, answer->redirects.v[i], "where the address redirects to");
    }
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (said[i].url && is_same_site(said[i].url, f->url)) {
            add_name(v, own, said[i].url, said[i].why);
        }
    }
}

void gate_view_done(struct gate_view *v)
{
    for (size_t i = 0; i < v->name_count; i++) {
        mem_free(v->urls[i]);
    }
    *v = (struct gate_view){0};
}

/* ---- what is wrong ---- */

static void lacks(struct gate_view *v, const char *what)
{
    (void)snprintf(v->lacks, sizeof v->lacks, "%s", what);
}

/* NULL: it is the article, and public. */
static const char *why_not_public(const char *url, const struct page_answer *answer)
{
    const struct page_facts *f = &answer->facts;

    if (!answer->has_facts) {
        return answer->error;
    }
    if (answer->redirects.count > 0 && is_barrier(f->url) && !is_barrier(url)) {
        return "it redirects to a page for signing in or consent";
    }
    if (answer->redirects.count > 0 && is_front_page(f->url) && !is_front_page(url)) {
        return "it redirects to the front page";
    }
    if (f->password) {
        return "it asks for a password";
    }
    return f->noindex ? "it says noindex" : NULL;
}

static const char *why_no_card(const char *url, const struct page_facts *f)
{
    if (is_front_page(page_address(f)) && !is_front_page(url)) {
        return "its canonical URL is the front page";
    }
    if (!f->has_og_title) {
        return "it has no og:title";
    }
    return f->has_og_image ? NULL : "it has no og:image";
}

void gate_judge(struct gate_view *out, const char *url, const struct page_answer *answer)
{
    const char *why = why_not_public(url, answer);

    *out = (struct gate_view){.is_public = why == NULL};
    if (!why) {
        out->advertisement = answer->facts.advertisement;
        add_names(out, url, answer);
        why = why_no_card(url, &answer->facts);
        out->image = answer->facts.has_og_image ? &answer->facts.images[0] : NULL;
    }
    if (why) {
        lacks(out, why);
    }
}
