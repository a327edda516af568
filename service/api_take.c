/* Articles come in over the API, or are taken back: what POST /v1/articles and a channel's test
 * have in common; what a CMS calls is api_hooks.c's. What is done with an article is intake's business; here it gets its HTTP clothes.
 *
 *   api__take_body    what can be refused without reading is; the body goes to the reading thread
 *   take_2_read       there: the JSON, the article
 *   take_3_on_read    on the loop again: refuse, or take in
 *   take_4_on_taken   it is on disk: 202 */

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/api_internal.h"
#include "service/reader.h"

#define ANSWER_BYTES ((size_t)4 * 1024 * 1024) /* names of channels are bounded */

struct taking {
    struct reader_job job;
    struct intake in;
    struct crier *crier;
    struct door_request *request;
    struct intake_options options;
    char *source, *replay_key; /* what options point to */
    char stamp[ID_TEXT_BYTES]; /* of a test; "": it is none */
    /* what the reading thread leaves */
    json_t *body;
    struct err why; /* of the body: no JSON */
    struct intake_content content;
};

static void taking_free(struct taking *t)
{
    intake_content_done(&t->content);
    json_decref(t->body);
    mem_free(t->source);
    mem_free(t->replay_key);
    mem_free(t);
}

static struct taking *
taking_new(struct crier *c, struct door_request *r, const struct intake_options *options)
{
    struct taking *t = mem_zalloc(sizeof *t);

    t->crier = c;
    t->request = r;
    t->options = *options;
    /* Settings may be read anew meanwhile. */
    t->options.source = t->source = mem_strdup(options->source);
    t->options.replay_key = t->replay_key = mem_strdup(options->replay_key);
    return t;
}

/* ---- answers ---- */

json_t *api__faults(const struct article_faults *faults)
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

json_t *api__pointed(const char *pointer, const char *detail)
{
    return json_pack("{s:[{s:s, s:s}]}", "errors", "pointer", pointer, "detail", detail);
}

/* It was readable, but it is no article: 422. */
static void refuse(struct taking *t, enum err_code rc)
{
    if (rc == ERR_INVALID) {
        door_problem(t->request, 422, api__faults(&t->in.faults), "%s", t->in.why.text);
    } else {
        door_problem_err(t->request, rc, &t->in.why);
    }
}

static void answer(struct taking *t)
{
    const struct intake *in = &t->in;
    struct buf text;

    if (in->accept.public_id != NULL) {
        char *location = mem_printf("/v1/articles/%s", in->accept.public_id);

        door_reply_header(t->request, "Location", location);
        mem_free(location);
    }
    buf_init(&text, ANSWER_BYTES);
    intake_write(&text, in);
    buf_addc(&text, '\n');
    door_reply_text(t->request, 202, "application/json", &text);
}

static void take_4_on_taken(struct intake *in)
{
    struct taking *t = container_of(in, struct taking, in);

    if (in->rc != ERR_NONE) {
        refuse(t, in->rc);
    } else {
        answer(t);
    }
    intake_free_parts(in);
    taking_free(t);
}

/* ---- ways in ---- */

static void take_in(struct taking *t)
{
    enum err_code rc =
        intake_article(t->crier, &t->in, &t->content, &t->options, take_4_on_taken, NULL);

    if (rc) {
        refuse(t, rc);
        taking_free(t);
    }
    /* Continues in take_4_on_taken(). */
}

static void take_back(struct taking *t, const char *id, const char *url, const char *reason)
{
    enum err_code rc =
        intake_retract(t->crier, &t->in, id, url, &t->options, reason, take_4_on_taken, NULL);

    if (rc) {
        refuse(t, rc);
        taking_free(t);
    }
    /* Continues in take_4_on_taken(). */
}

void api__take_article(struct crier *c,
                       struct door_request *r,
                       const json_t *article,
                       const struct intake_options *options)
{
    struct taking *t = taking_new(c, r, options);

    intake_read(&t->content, article, options->trusted_breaking, clock_wall_ms());
    take_in(t);
}

void api__take_back(struct crier *c,
                    struct door_request *r,
                    const char *id,
                    const struct intake_options *options,
                    const char *reason)
{
    take_back(taking_new(c, r, options), id, NULL, reason);
}

void api__send_article(struct crier *c, struct door_request *r, const char *id)
{
    const struct intake_options options = {.source = "api"};
    struct taking *t = taking_new(c, r, &options);
    enum err_code rc = intake_send(c, &t->in, id, &t->options, take_4_on_taken, NULL);

    if (rc) {
        refuse(t, rc);
        taking_free(t);
    }
    /* Continues in take_4_on_taken(). */
}

/* ---- a body ---- */

/* A test has an identity of its own. With that of the article it is a test of, the article would be unchanged when it
 * comes, and never go out; or what is public would be revised by it. */
static void own_identity(json_t *article, const char *stamp)
{
    const char *address = json_path_str(article, "url");
    struct buf url;

    buf_init(&url, ARTICLE_URL_BYTES);
    if (address != NULL) {
        buf_adds(&url, address);
        url_add_param(&url, "crier-test", stamp);
        if (buf_ok(&url)) {
            json_set_str(article, "url", buf_str(&url));
        }
    }
    (void)json_object_del(article, "id");
    buf_done(&url);
}

static void take_2_read(struct reader_job *job)
{
    struct taking *t = container_of(job, struct taking, job);
    size_t len;
    const char *text = door_body(t->request, &len);

    if (json_read(&t->body, text, len, API_JSON_DEPTH, &t->why) != ERR_NONE) {
        return;
    }
    if (t->stamp[0] != '\0') {
        own_identity(t->body, t->stamp);
    }
    intake_read(&t->content, t->body, t->options.trusted_breaking, clock_wall_ms());
}

static void take_3_on_read(struct reader_job *job)
{
    struct taking *t = container_of(job, struct taking, job);

    if (t->body == NULL) {
        door_problem(t->request, 400, NULL, "the body is no JSON: %s", t->why.text);
        taking_free(t);
        return;
    }
    if (!api__takes_in(t->crier, t->request)) {
        taking_free(t);
        return;
    }
    take_in(t);
}

void api__take_body(struct crier *c,
                    struct door_request *r,
                    const struct intake_options *options)
{
    struct taking *t;

    if (!api__takes_in(c, r) || !api__has_json(r)) {
        return;
    }
    t = taking_new(c, r, options);
    if (strcmp(options->source, INTAKE_TEST_SOURCE) == 0) {
        (void)id_article_text((struct article_id){id_next(&c->ids, clock_wall_ms())}, t->stamp);
    }
    t->job.work = take_2_read;
    t->job.done = take_3_on_read;
    reader_submit(c->reader, &t->job);
    /* Continues in take_3_on_read(). */
}
