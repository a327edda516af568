/* Facebook is told to read a page again. Called by the link gate, which waits for it, and after a
 * revision of an article that is out already, when nobody does. The token goes in the body, not in
 * the address, which ends up in logs on the way. */

#include "service/warm.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/crier.h"
#include "service/metrics.h"

#define ID_BYTES ((size_t)16 * 1024) /* an article's URL, each byte escaped */
#define ANSWER_BYTES ((size_t)256 * 1024)
#define ALONE_TIMEOUT_MS (15 * MS_SECOND)

bool warm_is_wanted(const struct crier *c)
{
    return c->config->site.facebook_token.text != NULL;
}

/* By number, as the Graph API's page on errors lists them; not in its words, which may repeat the
 * token. */
static void say_why(const struct out_exchange *x, char out[160])
{
    json_t *answer, *code;

    if (x->outcome != TRANSPORT_ANSWERED) {
        (void)snprintf(out, 160, "%.150s", x->error);
        return;
    }
    answer = http_json(&x->response);
    code = json_path(answer, "error", "code", NULL);
    (void)snprintf(out,
                   160,
                   "status %d, error %lld",
                   x->response.status,
                   (long long)json_integer_value(code));
    json_decref(answer);
}

static void on_answer(struct out_exchange *x)
{
    struct warm *w = container_of(x, struct warm, exchange);
    char why[160] = "";

    w->good = x->outcome == TRANSPORT_ANSWERED && x->response.status == 200;
    if (w->good) {
        log_info(EV_FACEBOOK_TOLD, LOG_STR("url", w->url), LOG_STR("error", ""));
    } else {
        say_why(x, why);
        log_warn(EV_FACEBOOK_TOLD, LOG_STR("url", w->url), LOG_STR("error", why));
    }
    metrics_add(w->crier->metrics, METRIC_FACEBOOK, w->good ? "told" : "failed", NULL);
    w->done(w);
}

static void build(struct warm *w)
{
    const struct site_settings *site = &w->crier->config->site;
    struct http_request *r = &w->request;
    struct buf id;

    buf_init(&id, ID_BYTES);
    url_encode(&id, w->url);
    http_request_init(r);
    r->method = HTTP_POST;
    r->max_answer_bytes = ANSWER_BYTES;
    http_set_url(r, "%s/?id=%s&scrape=true", site->facebook_api, buf_str(&id));
    http_set_header(r, "Content-Type", "application/x-www-form-urlencoded");
    buf_adds(&r->body, "access_token=");
    url_encode_n(&r->body, site->facebook_token.text, site->facebook_token.len);
    buf_done(&id);
}

void warm_start(struct crier *c, struct warm *w, const char *url, int64_t timeout_ms)
{
    warm_done_fn *done = w->done;

    *w = (struct warm){.done = done, .crier = c, .url = mem_strdup(url)};
    build(w);
    w->exchange.request = &w->request;
    w->exchange.allow_private = c->config->site.allow_private;
    w->exchange.timeout_ms = timeout_ms;
    w->exchange.done = on_answer;
    out_send(c->out, &w->exchange);
}

void warm_cancel(struct warm *w)
{
    out_cancel(&w->exchange);
}

void warm_free_parts(struct warm *w)
{
    out_exchange_done(&w->exchange);
    http_request_done(&w->request);
    mem_free(w->url);
    w->url = NULL;
}

static void on_alone_done(struct warm *w)
{
    warm_free_parts(w);
    mem_free(w);
}

void warm_later(struct crier *c, const char *url)
{
    struct warm *w = mem_zalloc(sizeof *w);

    w->done = on_alone_done;
    warm_start(c, w, url, ALONE_TIMEOUT_MS);
}
