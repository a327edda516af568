/* Share links over HTTP: all of them as JSON for the site's pages, and the counted redirect.
 * Called by the door. The redirect goes where the table of targets and the article in the
 * ledger say, never where a query says: it cannot be used to send people elsewhere under our
 * name.
 *
 * A click is counted when it looks like a reader's: GET, a browser's name, navigation of a
 * document where the browser tells, no prefetching, no robot. No address is kept. */

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "service/api_internal.h"
#include "service/metrics.h"
#include "service/share.h"

#define HASHTAGS_MAX 32
#define LINK_BYTES 65536

/* ---- the list ---- */

/* The words of a comma list, as borrowed pointers into a copy that is cut up. */
static size_t split_words(char *text, const char *out[HASHTAGS_MAX])
{
    size_t n = 0;
    char *rest = text, *word;

    while (n < HASHTAGS_MAX && (word = strsep(&rest, ",")) != NULL) {
        word += strspn(word, " #");
        if (*word != '\0') {
            out[n++] = word;
        }
    }
    return n;
}

void api_share_links(struct crier *c, struct door_request *r)
{
    const char *words[HASHTAGS_MAX];
    const char *url = door_query(r, "url"), *tags = door_query(r, "hashtags");
    const char *via = door_query(r, "via");
    char *copy = mem_strdup(tags == NULL ? "" : tags);
    struct url_parts parts;
    struct share_facts facts = {
        .url = url,
        .title = door_query(r, "title"),
        .text = door_query(r, "text"),
        .image = door_query(r, "image"),
        .hashtags = words,
        .via = via != NULL && *via == '@' ? via + 1 : via,
        .site = &c->config->site,
    };

    facts.hashtag_count = split_words(copy, words);
    if (url == NULL || strlen(url) > ARTICLE_URL_BYTES || !url_parse(&parts, url)) {
        door_problem(r, 400, NULL, "url must be an absolute http or https URL");
    } else {
        door_reply_json(
            r,
            200,
            json_pack("{s:s, s:o}", "url", url, "links", share_links(c->share, &facts)));
    }
    mem_free(copy);
}

/* ---- the redirect ---- */

static bool contains_any(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasestr(text, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool header_is(const struct door_request *r, const char *name, const char *wanted)
{
    const char *value = door_header(r, name);

    return value == NULL || strcasecmp(value, wanted) == 0;
}

static bool is_prefetch(const struct door_request *r)
{
    static const char *const words[] = {"prefetch", "prerender", "preview"};
    static const char *const names[] = {"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = door_header(r, names[i]);

        if (value != NULL && contains_any(value, words, ARRAY_LEN(words))) {
            return true;
        }
    }
    return false;
}

static bool is_reader(const struct door_request *r)
{
    static const char *const robots[] = {
        "bot", "crawl", "spider", "slurp", "preview", "externalhit", "headless", "monitor"};
    const char *agent = door_header(r, "User-Agent");

    return door_method(r) == HTTP_GET && agent != NULL && strstr(agent, "Mozilla/") != NULL &&
           !contains_any(agent, robots, ARRAY_LEN(robots)) &&
           header_is(r, "Sec-Fetch-Mode", "navigate") &&
           header_is(r, "Sec-Fetch-Dest", "document") && !is_prefetch(r);
}

struct click {
    struct ledger_click click;
    char *target;
};

static void on_counted(struct ledger_request *req)
{
    struct click *k = container_of(req, struct click, click.req);

    /* A click that could not be written is lost; the reader has long been sent on. */
    ledger_request_done(req);
    mem_free(k->target);
    mem_free(k);
}

static void count_click(struct crier *c, struct article_id article, const char *target)
{
    struct click *k = mem_zalloc(sizeof *k);

    metrics_add(c->metrics, METRIC_CLICKS, target, NULL);
    k->target = mem_strdup(target);
    k->click.req.kind = LEDGER_CLICK;
    k->click.req.done = on_counted;
    k->click.article = article;
    k->click.target = k->target;
    k->click.now_ms = clock_wall_ms();
    ledger_submit(c->ledger, &k->click.req);
}

static size_t add_words(const json_t *list, const char *out[HASHTAGS_MAX], size_t n)
{
    size_t i;
    json_t *word;

    json_array_foreach(list, i, word)
    {
        if (n < HASHTAGS_MAX && json_is_string(word)) {
            out[n++] = json_string_value(word);
        }
    }
    return n;
}

static enum err_code link_of(struct crier *c,
                             const char *target,
                             const json_t *document,
                             struct buf *out,
                             struct err *why)
{
    const char *words[HASHTAGS_MAX];
    size_t n = add_words(json_object_get(document, "categories"), words, 0);
    struct share_facts facts = {
        .url = json_path_str(document, "url"),
        .title = json_path_str(document, "title"),
        .text = json_path_str(document, "summary"),
        .image = json_path_str(json_array_get(json_object_get(document, "images"), 0), "url"),
        .hashtags = words,
        .hashtag_count = add_words(json_object_get(document, "tags"), words, n),
        .site = &c->config->site,
    };

    if (facts.url == NULL) {
        return err_set(why, ERR_NOT_FOUND, "the article has no link");
    }
    return share_link(c->share, target, &facts, out, why);
}

static void redirect(struct door_request *r, const char *link)
{
    door_reply_header(r, "Location", link);
    door_reply_header(r, "X-Robots-Tag", "noindex, nofollow");
    door_reply_empty(r, 302);
}

static void on_article(struct api_call *call)
{
    struct door_request *r = call->request;
    const json_t *found = call->u.article.out;
    const char *state = json_path_str(found, "state");
    struct buf link;
    struct err why;
    enum err_code rc;

    if (state != NULL && strcmp(state, "retracted") == 0) {
        door_problem(r, 410, NULL, "the article was retracted");
        return;
    }
    buf_init(&link, LINK_BYTES);
    rc = link_of(call->crier, door_param(r, 0), json_object_get(found, "article"), &link, &why);
    if (rc) {
        door_problem_err(r, rc, &why);
    } else {
        if (is_reader(r)) {
            count_click(call->crier, call->u.article.article, door_param(r, 0));
        }
        redirect(r, buf_str(&link));
    }
    buf_done(&link);
}

void api_share_redirect(struct crier *c, struct door_request *r)
{
    const char *id = door_query(r, "article");
    struct api_call *call;

    if (id == NULL || *id == '\0') {
        door_problem(r, 404, NULL, "share links name an article: ?article=ID");
        return;
    }
    call = api__call_new(c, r, LEDGER_ARTICLE, on_article);
    call->u.article.id = id;
    call->u.article.brief = true;
    api__call_submit(call);
}
