/* Articles come in over HTTP, or are taken back: what POST /v1/articles, the hooks and a channel's test
 * have in common. What is done with an article is intake's business; here it gets its HTTP clothes.
 *
 *   api__take_body    what can be refused without reading is; the body goes to the reading thread
 *   take_2_read       there: the JSON, what it says happened, the article
 *   take_3_on_read    on the loop again: refuse, take back, or take in
 *   take_4_on_taken   it is on disk: 202 */

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
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
    bool may_be_envelope;
    /* what the reading thread leaves */
    json_t *body;
    struct err why; /* of the body: no JSON */
    struct hook_said said;
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
static void refuse(struct taking *t, enum err_code rc)
{
    if (rc == ERR_INVALID) {
        door_problem(t->request, 422, faults_json(&t->in.faults), "%s", t->in.why.text);
    } else {
        door_problem_err(t->request, rc, &t->in.why);
    }
}

static void refuse_event(struct taking *t)
{
    door_problem(t->request,
                 422,
                 json_pack("{s:[{s:s, s:s}]}",
                           "errors",
                           "pointer",
                           "/event",
                           "detail",
                           "published, updated, retracted, unpublished or deleted"),
                 "\"%.64s\" is no event known here",
                 t->said.name);
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

static void take_back_said(struct taking *t)
{
    char *id = json_text_dup(json_object_get(t->said.article, "id"));

    take_back(t, id, json_path_str(t->said.article, "url"), json_path_str(t->body, "reason"));
    mem_free(id);
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

/* ---- a body ---- */

static void take_2_read(struct reader_job *job)
{
    struct taking *t = container_of(job, struct taking, job);
    size_t len;
    const char *text = door_body(t->request, &len);

    if (json_read(&t->body, text, len, API_JSON_DEPTH, &t->why) != ERR_NONE) {
        return;
    }
    t->said = (struct hook_said){.event = HOOK_CONTENT, .article = t->body};
    if (t->may_be_envelope) {
        hook_read(&t->said, t->body);
    }
    if (t->said.event == HOOK_CONTENT) {
        intake_read(&t->content, t->said.article, t->options.trusted_breaking, clock_wall_ms());
    }
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
    switch (t->said.event) {
    case HOOK_CONTENT:
        take_in(t);
        break;
    case HOOK_GONE:
        take_back_said(t);
        break;
    case HOOK_UNKNOWN:
        refuse_event(t);
        taking_free(t);
        break;
    }
}

void api__take_body(struct crier *c,
                    struct door_request *r,
                    bool may_be_envelope,
                    const struct intake_options *options)
{
    struct taking *t;

    if (!api__takes_in(c, r) || !api__has_json(r)) {
        return;
    }
    t = taking_new(c, r, options);
    t->may_be_envelope = may_be_envelope;
    t->job.work = take_2_read;
    t->job.done = take_3_on_read;
    reader_submit(c->reader, &t->job);
    /* Continues in take_3_on_read(). */
}
