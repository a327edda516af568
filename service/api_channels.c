/* Channels over the API: how they are, pause and resume, a test message, a dry run of an audience. Called by the door. */

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/api_internal.h"
#include "service/canary.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/media.h"

static const struct ledger_channel *row_of(const struct ledger_channels *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->v[i].name, name) == 0) {
            return &rows->v[i];
        }
    }
    return NULL;
}

static json_t *names_json(const struct strings *names)
{
    json_t *list = json_array();

    for (size_t i = 0; i < names->count; i++) {
        (void)json_array_append_new(list, json_string(names->v[i]));
    }
    return list;
}

static json_t *groups_json(const struct config *config)
{
    json_t *out = json_object();

    for (size_t i = 0; i < config->group_count; i++) {
        struct strings names = {.v = NULL};

        (void)config_channels_of(config, config->groups[i].name, &names);
        (void)json_object_set_new(out, config->groups[i].name, names_json(&names));
        strings_done(&names);
    }
    return out;
}

static void answer_channels(struct api_call *call)
{
    json_t *items = json_array();
    const struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(call->crier->channels, &cursor)) != NULL) {
        if (!ch->gone) {
            (void)json_array_append_new(
                items, channel_json(call->crier, ch, row_of(&call->u.channels, ch->name)));
        }
    }
    door_reply_json(call->request,
                    200,
                    json_pack("{s:o, s:o, s:{s:I, s:I}}",
                              "items",
                              items,
                              "groups",
                              groups_json(call->crier->config),
                              "media_cache",
                              "bytes",
                              (json_int_t)media_store_disk_bytes(call->crier->media),
                              "max",
                              (json_int_t)call->crier->config->media.max_bytes));
}

void api_list_channels(struct crier *c, struct door_request *r)
{
    api__call_submit(api__call_new(c, r, LEDGER_CHANNELS, answer_channels));
}

static void resume(struct crier *c, struct channel *ch)
{
    channel_resume(c, ch, "api");
}

/* The channel that the path names, or each of a group. */
static void with_each(struct crier *c,
                      struct door_request *r,
                      void (*what)(struct crier *c, struct channel *ch))
{
    struct strings names = {.v = NULL};
    bool group = channels_find(c->channels, door_param(r, 0)) == NULL &&
                 config_channels_of(c->config, door_param(r, 0), &names);
    struct channel *ch = group ? NULL : api__channel(c, r);
    json_t *items;

    if (ch != NULL) {
        what(c, ch);
        door_reply_json(r, 200, channel_json(c, ch, NULL));
    }
    if (!group) {
        return;
    }
    items = json_array();
    for (size_t i = 0; i < names.count; i++) {
        ch = channels_find(c->channels, names.v[i]);
        if (ch != NULL) {
            what(c, ch);
            (void)json_array_append_new(items, channel_json(c, ch, NULL));
        }
    }
    door_reply_json(r, 200, json_pack("{s:o}", "items", items));
    strings_done(&names);
}

void api_pause(struct crier *c, struct door_request *r)
{
    with_each(c, r, channel_pause);
}

void api_resume(struct crier *c, struct door_request *r)
{
    with_each(c, r, resume);
}

/* ---- test ---- */

/* An article like any other, so that a test goes the way that news will go. Its URL is new each
 * time, or the second test would be the first one unchanged. */
static json_t *test_article(struct crier *c)
{
    const struct site_settings *site = &c->config->site;
    char stamp[ID_TEXT_BYTES];
    char *title = mem_printf("Test message from %s – please ignore", site->name);
    struct article_id id = {id_next(&c->ids, clock_wall_ms())};
    struct buf url;
    json_t *article;

    buf_init(&url, ARTICLE_URL_BYTES);
    buf_adds(&url, site->url);
    url_add_param(&url, "crier-test", id_article_text(id, stamp));
    article = json_pack("{s:s, s:s, s:s}",
                        "title",
                        title,
                        "url",
                        buf_str(&url),
                        "summary",
                        "This message proves that the channel works.");
    if (site->language != NULL) {
        json_set_str(article, "language", site->language);
    }
    buf_done(&url);
    mem_free(title);
    return article;
}

static void send_test(struct crier *c, struct door_request *r, const struct channel *ch)
{
    const struct intake_options options = {.source = INTAKE_TEST_SOURCE,
                                           .only_channel = ch->name};
    json_t *article;

    if (!api__takes_in(c, r)) {
        return;
    }
    article = test_article(c);
    api__take_article(c, r, article, &options);
    json_decref(article);
}

static void on_probed(void *context, const struct verdict *v)
{
    struct door_request *r = context;

    door_reply_json(
        r, 200, json_pack("{s:s, s:s}", "verdict", verdict_name(v->kind), "detail", v->detail));
}

static void probe(struct crier *c, struct door_request *r, const struct channel *ch)
{
    struct err why;
    enum err_code rc = courier_probe(c->courier, ch->name, on_probed, r, &why);

    if (rc) {
        door_problem_err(r, rc, &why);
    }
    /* Continues in on_probed(). */
}

void api_test(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__channel(c, r);
    json_t *body;

    if (ch == NULL) {
        return;
    }
    body = api__body_or_empty(r);
    if (body == NULL) {
        return;
    }
    if (json_is_true(json_object_get(body, "probe"))) {
        probe(c, r, ch);
    } else {
        send_test(c, r, ch);
    }
    json_decref(body);
}

/* ---- canary ---- */

static void on_canary(void *context, bool ok, const char *stage, const char *detail)
{
    json_t *v = json_pack("{s:b}", "ok", ok);

    json_set_str(v, "stage", stage);
    json_set_str(v, "detail", ok ? NULL : detail);
    door_reply_json(context, 200, v);
}

/* A dry run now, whether settings ask for one now and then or not. */
void api_run_canary(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    struct err why = {0};
    enum err_code rc;

    if (ch == NULL) {
        return;
    }
    rc = canary_run_now(c->canaries, ch, on_canary, r, &why);
    if (rc) {
        door_problem_err(r, rc, &why);
    }
    /* Continues in on_canary(). */
}
