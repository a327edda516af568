/* Articles over the API: in, listed, shown, taken back. Called by the door; api_hooks.c and
 * api_channels.c take articles in through here as well. What is done with an article is
 * intake's business; here it only gets its HTTP clothes. */

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "service/api_internal.h"

#define ANSWER_BYTES ((size_t)4 * 1024 * 1024) /* names of channels are bounded */

struct taking {
    struct intake in;
    struct door_request *request;
};

/* Each fault with its place: what an editor's tool can show beside the field. */
static json_t *faults_json(const struct article_faults *faults)
{
    json_t *list = json_array();

    for (size_t i = 0; i < faults->count; i++) {
        (void)json_array_append_new(
            list,
            json_pack(
                "{s:s, s:s}", "pointer", faults->v[i].where, "detail", faults->v[i].what));
    }
    return json_pack("{s:o}", "errors", list);
}

/* It was readable, but it is no article: 422. */
static void refuse(struct door_request *r, enum err_code rc, const struct intake *in)
{
    if (rc == ERR_INVALID) {
        door_problem(r, 422, faults_json(&in->faults), "%s", in->why.text);
    } else {
        door_problem_err(r, rc, &in->why);
    }
}

static void on_taken(struct intake *in)
{
    struct taking *t = container_of(in, struct taking, in);
    char *location;
    struct buf answer;

    if (in->rc != ERR_NONE) {
        refuse(t->request, in->rc, in);
    } else {
        if (in->accept.public_id != NULL) {
            location = mem_printf("/v1/articles/%s", in->accept.public_id);
            door_reply_header(t->request, "Location", location);
            mem_free(location);
        }
        buf_init(&answer, ANSWER_BYTES);
        intake_write(&answer, in);
        buf_addc(&answer, '\n');
        door_reply_text(t->request, 202, "application/json", &answer);
    }
    intake_free_parts(in);
    mem_free(t);
}

void api__take_article(struct crier *c,
                       struct door_request *r,
                       const json_t *article,
                       const struct intake_options *options)
{
    struct taking *t = mem_zalloc(sizeof *t);
    enum err_code rc;

    t->request = r;
    rc = intake_article(c, &t->in, article, options, on_taken, NULL);
    if (rc) {
        refuse(r, rc, &t->in);
        mem_free(t);
    }
    /* Continues in on_taken(). */
}

void api__take_back(struct crier *c,
                    struct door_request *r,
                    const char *id,
                    const char *url,
                    const struct intake_options *options,
                    const char *reason)
{
    struct taking *t = mem_zalloc(sizeof *t);
    enum err_code rc;

    t->request = r;
    rc = intake_retract(c, &t->in, id, url, options, reason, on_taken, NULL);
    if (rc) {
        refuse(r, rc, &t->in);
        mem_free(t);
    }
    /* Continues in on_taken(). */
}

void api_post_article(struct crier *c, struct door_request *r)
{
    const struct intake_options options = {.source = "api", .trusted_breaking = true};
    json_t *article;

    if (!api__takes_in(c, r)) {
        return;
    }
    article = api__body(r);
    if (article == NULL) {
        return;
    }
    api__take_article(c, r, article, &options);
    json_decref(article);
}

static void answer_list(struct api_call *call)
{
    door_reply_json(call->request, 200, json_incref(call->u.list.out));
}

void api_list_articles(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_ARTICLES, answer_list);

    if (!api__page(r, &call->u.list)) {
        mem_free(call);
        return;
    }
    call->u.list.source = door_query(r, "source");
    api__call_submit(call);
}

static void answer_article(struct api_call *call)
{
    door_reply_json(call->request, 200, json_incref(call->u.article.out));
}

void api_get_article(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_ARTICLE, answer_article);

    call->u.article.id = door_param(r, 0);
    api__call_submit(call);
}

void api_delete_article(struct crier *c, struct door_request *r)
{
    const struct intake_options options = {.source = "api", .trusted_breaking = true};
    const char *reason = door_query(r, "reason");
    json_t *body;

    if (!api__takes_in(c, r)) {
        return;
    }
    body = api__body_or_empty(r);
    if (body == NULL) {
        return;
    }
    if (json_path_str(body, "reason") != NULL) {
        reason = json_path_str(body, "reason");
    }
    api__take_back(c, r, door_param(r, 0), NULL, &options, reason);
    json_decref(body);
}
