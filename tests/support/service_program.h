#ifndef CRIER_TESTS_SUPPORT_SERVICE_PROGRAM_H
#define CRIER_TESTS_SUPPORT_SERVICE_PROGRAM_H

/* The service without its door, for unit tests: a ledger in memory, adapters of the test's own,
 * a scripted server for a platform, and a clock that is moved by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <fcntl.h>

#include <cmocka.h>

#include "adapters/oauth.h"
#include "adapters/trouble.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/intake.h"
#include "service/keeper.h"
#include "service/media.h"
#include "service/metrics.h"
#include "service/out.h"
#include "tests/support/tiny_server.h"

#define SCRIPT_MAX 210

/* ---- the platform ---- */

enum how { ANSWER, CUT, STALL, WAIT }; /* WAIT: answers when the test says so */
struct reply {
    int status;
    const char *body, *headers;
    enum how how;
};
struct script {
    const struct reply *v;
    atomic_bool go;             /* for replies that wait */
    char lines[SCRIPT_MAX][64]; /* "POST /post", as they came; read through line_of() */
    atomic_int told;            /* so many lines are there */
};

/* The n-th request line, from 0; the server writes them in threads of its own. */
static inline const char *line_of(struct script *s, int n)
{
    for (int i = 0; i < 5000 && atomic_load(&s->told) <= n; i++) {
        usleep(1000);
    }
    return s->lines[n];
}

static inline bool play(struct tiny_request *r)
{
    struct script *s = r->server->context;
    const struct reply *reply;
    char c;

    must(r->number <= SCRIPT_MAX);
    (void)snprintf(s->lines[r->number - 1],
                   64,
                   "%.*s",
                   (int)strcspn(strchr(r->head, ' ') + 1, " ") + (int)strcspn(r->head, " ") + 1,
                   r->head);
    atomic_fetch_add(&s->told, 1);
    for (int i = 0; i < r->number - 1; i++) {
        must(s->v[i].status != 0 ||
             s->v[i].how != ANSWER); /* more requests than the script has */
    }
    reply = &s->v[r->number - 1];
    if (reply->how == CUT) {
        return false;
    }
    if (reply->how == STALL) {
        (void)recv(r->fd, &c, 1, 0);
        return false;
    }
    while (reply->how == WAIT && !s->go && !r->server->stopping) {
        usleep(1000);
    }
    must(reply->status != 0);
    tiny_reply(
        r, reply->status, reply->headers ? reply->headers : "", reply->body ? reply->body : "");
    return true;
}

/* ---- adapters ---- */

struct fake_settings {
    char *url;
};
static const struct field fake_fields[] = {
    {.key = "url",
     .kind = FIELD_URL,
     .offset = offsetof(struct fake_settings, url),
     .required = true,
     .help = "where"},
    FIELD_END,
};

static inline enum err_code
build(struct step_ctx *ctx, struct http_request *req, const char *path)
{
    const struct fake_settings *s = ctx->settings;

    req->method = HTTP_POST;
    http_set_url(req, "%s%s", s->url, path);
    json_set_str(ctx->record, "key", ctx->key);
    return ERR_NONE;
}

#define BUILD(name, path)                                                                      \
    static inline enum err_code name(                                                          \
        struct step_ctx *ctx, struct http_request *req, struct err *why)                       \
    {                                                                                          \
        (void)why;                                                                             \
        return build(ctx, req, path);                                                          \
    }
BUILD(build_post, "/post")
BUILD(build_edit, "/edit")
BUILD(build_delete, "/delete")
BUILD(build_look, "/look")
BUILD(build_upload, "/upload")
BUILD(build_me, "/me")
BUILD(build_part, "/part")
BUILD(build_rest, "/rest")

static inline enum err_code
build_nothing(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)ctx;
    (void)why;
    req->skip = true;
    return ERR_NONE;
}

static inline enum err_code
build_wrong(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)ctx;
    (void)req;
    return err_set(why, ERR_INVALID, "no title fits here");
}

static const struct step plain_publish[2];
static const struct step keyed_publish[2];

static inline struct verdict
read_as(struct step_ctx *ctx, const struct http_response *res, const struct step *step)
{
    if (res->status != 200) {
        return trouble_from_status(step, res);
    }
    if (strcmp(res->body, "next") == 0) {
        return verdict_next();
    }
    if (strcmp(res->body, "otherwise") == 0) {
        struct verdict v = verdict_jump("post"); /* refused, with a status that says yes */

        v.refused = true;
        return v;
    }
    if (strcmp(res->body, "perhaps") == 0) {
        struct verdict v =
            verdict_make(VERDICT_AGAIN, SCOPE_POST, 60000, "a success nobody can read");

        v.maybe_public = true;
        return v;
    }
    if (strcmp(res->body, "wait") == 0) {
        struct verdict v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 1000, "processing");

        v.not_counted = true;
        return v;
    }
    if (ctx->course != COURSE_RETRACT) {
        post_set(ctx, "id1", "https://platform.example/1");
        json_set_str(ctx->record, "text", "as sent");
        json_object_set_new(ctx->account, "seen", json_true());
    }
    return verdict_done();
}

static inline struct verdict read_post(struct step_ctx *ctx, const struct http_response *res)
{
    return read_as(ctx, res, plain_publish);
}

static inline struct verdict read_keyed(struct step_ctx *ctx, const struct http_response *res)
{
    return read_as(ctx, res, keyed_publish);
}

static inline struct verdict read_look(struct step_ctx *ctx, const struct http_response *res)
{
    if (res->status == 404) {
        return verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "not there");
    }
    if (res->status == 409) {
        return verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "cannot tell");
    }
    assert_non_null(ctx->post);
    assert_string_equal(json_path_str(ctx->post, "key"), ctx->key);
    return read_as(ctx, res, keyed_publish);
}

static inline struct verdict read_round(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    (void)res;
    return verdict_jump("round");
}

/* A course of two parts, of which the first may stand without the second. */
static inline struct verdict read_part(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    return res->status == 200 ? verdict_next() : trouble_from_status(plain_publish, res);
}

static inline struct verdict
unanswered_part(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    (void)ctx;
    return verdict_make(VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "in its own words: %s, %s",
                        outcome == TRANSPORT_LOST ? "lost" : "not sent",
                        error);
}

static inline struct verdict read_rest(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = read_as(ctx, res, keyed_publish);

    v.stands = v.kind == VERDICT_AGAIN;
    v.jump = v.kind == VERDICT_AGAIN ? "part" : NULL;
    return v;
}

/* A channel with an address can only post; all have one. */
static inline bool only_posts(const void *settings, enum course c)
{
    return ((const struct fake_settings *)settings)->url && c != COURSE_PUBLISH;
}

/* ---- one whose tokens end ---- */

struct signed_settings {
    struct fake_settings fake; /* first: the others' steps look there */
    struct oauth_settings oauth;
};
#define SIGNED_AT offsetof(struct signed_settings, oauth)
static const struct field signed_fields[] = {
    {.key = "url",
     .kind = FIELD_URL,
     .offset = offsetof(struct signed_settings, fake.url),
     .required = true,
     .help = "where"},
    OAUTH_CLIENT_ROWS(SIGNED_AT, "FAKE", "the platform's page"),
    OAUTH_TOKEN_ROWS(SIGNED_AT, "FAKE"),
    FIELD_END,
};
static const struct oauth signed_oauth;

static inline enum err_code
build_signed(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token);
    return ctx->course == COURSE_TEST ? build_me(ctx, req, why) : build_post(ctx, req, why);
}

static inline enum err_code
build_signed_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token);
    return build_upload(ctx, req, why);
}

static inline struct verdict read_signed(struct step_ctx *ctx, const struct http_response *res)
{
    return res->status == 401 ? verdict_token_refused("401: %.100s", res->body)
                              : read_as(ctx, res, plain_publish);
}

static inline void authorize_fake(const struct oauth_call *call, struct buf *url)
{
    const struct signed_settings *s = call->settings;

    buf_adds(url, s->fake.url);
    oauth_authorize_url(url, &signed_oauth, call, "/authorize", NULL);
}

static inline enum err_code
build_fake_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct signed_settings *s = call->settings;
    char *url = mem_printf("%s/token", s->fake.url);

    (void)why;
    oauth_build_code(req, &signed_oauth, call, url, OAUTH_CLIENT_FORM);
    mem_free(url);
    return ERR_NONE;
}

static inline enum err_code
build_fake_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct signed_settings *s = call->settings;
    char *url = mem_printf("%s/token", s->fake.url);

    (void)why;
    oauth_build_refresh(req, &signed_oauth, call, url, OAUTH_CLIENT_FORM);
    mem_free(url);
    return ERR_NONE;
}

static const struct oauth_step fake_login[] = {
    {.name = "token", .build = build_fake_code, .read = oauth_read_token}, OAUTH_STEP_END};
static const struct oauth_step fake_renew[] = {
    {.name = "token", .build = build_fake_refresh, .read = oauth_read_token}, OAUTH_STEP_END};
static const struct oauth signed_oauth = {
    .settings_at = SIGNED_AT,
    .scopes = "write",
    .pkce = true,
    .authorize = authorize_fake,
    .login = fake_login,
    .renew = fake_renew,
    .rotates = true,
};

/* clang-format off */
static const struct step signed_publish[] = {
    {.name = "upload", .repeatable = true, .build = build_signed_upload, .read = read_signed},
    {.name = "post", .publishes = true, .build = build_signed, .read = read_signed}, STEP_END};
static const struct step signed_me[] = {
    {.name = "me", .repeatable = true, .build = build_signed, .read = read_signed}, STEP_END};
static const struct step plain_publish[2] = {
    {.name = "post", .publishes = true, .build = build_post, .read = read_post}, STEP_END};
static const struct step keyed_publish[2] = {
    {.name = "post", .publishes = true, .repeatable = true, .repeat_within_ms = MS_HOUR,
     .build = build_post, .read = read_keyed}, STEP_END};
static const struct step stepped_publish[] = {
    {.name = "nothing", .repeatable = true, .build = build_nothing, .read = read_keyed},
    {.name = "upload", .repeatable = true, .build = build_upload, .read = read_keyed},
    {.name = "post", .publishes = true, .build = build_post, .read = read_post}, STEP_END};
static const struct step wrong_publish[] = {
    {.name = "post", .publishes = true, .build = build_wrong, .read = read_post}, STEP_END};
static const struct step endless_publish[] = {
    {.name = "round", .repeatable = true, .build = build_upload, .read = read_round}, STEP_END};
static const struct step partly_publish[] = {
    {.name = "part", .publishes = true, .build = build_part, .read = read_part, .unanswered = unanswered_part},
    {.name = "rest", .publishes = true, .repeatable = true, .build = build_rest, .read = read_rest}, STEP_END};
static const struct step edit[] = {
    {.name = "edit", .publishes = true, .repeatable = true, .build = build_edit, .read = read_keyed}, STEP_END};
static const struct step reply[] = {
    {.name = "reply", .publishes = true, .repeatable = true, .makes_post = true, .build = build_edit, .read = read_keyed}, STEP_END};
static const struct step take_back[] = {
    {.name = "delete", .publishes = true, .repeatable = true, .build = build_delete, .read = read_keyed}, STEP_END};
static const struct step look[] = {
    {.name = "look", .repeatable = true, .build = build_look, .read = read_look}, STEP_END};
static const struct step me[] = {
    {.name = "me", .repeatable = true, .build = build_me, .read = read_keyed}, STEP_END};

#define FAKE .settings = fake_fields, .settings_size = sizeof(struct fake_settings), .title = "Fake"
static const struct adapter fakes[] = {
    {.name = "plain", FAKE, .publish = plain_publish, .update = edit, .retract = take_back, .verify = look, .test = me},
    {.name = "blind", FAKE, .publish = plain_publish, .cannot_update = "it cannot be changed there",
     .cannot_retract = "it cannot be taken back there"},
    {.name = "muted", FAKE, .publish = plain_publish, .update = edit, .retract = take_back, .verify = look, .test = me,
     .rules_out = only_posts, .cannot_update = "it cannot be changed there", .cannot_retract = "it cannot be taken back there"},
    {.name = "keyed", FAKE, .publish = keyed_publish, .update = edit, .retract = take_back, .verify = look},
    {.name = "hook", FAKE, .publish = keyed_publish, .retract = take_back, .retract_without_post = true},
    {.name = "deaf", FAKE, .publish = keyed_publish, .retract = take_back},
    {.name = "replies", FAKE, .publish = plain_publish, .update = reply, .retract = take_back, .verify = look},
    {.name = "stepped", FAKE, .publish = stepped_publish},
    {.name = "wrong", FAKE, .publish = wrong_publish},
    {.name = "endless", FAKE, .publish = endless_publish},
    {.name = "signed", .title = "Fake", .settings = signed_fields, .settings_size = sizeof(struct signed_settings),
     .publish = signed_publish, .test = signed_me, .oauth = &signed_oauth},
    {.name = "partly", FAKE, .publish = partly_publish, .cannot_update = "it cannot be changed there"},
};
/* clang-format on */

static inline const struct adapter *find_fake(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        if (strcmp(fakes[i].name, name) == 0) {
            return &fakes[i];
        }
    }
    return NULL;
}

static inline struct config_types fake_types(void)
{
    static struct config_type types[ARRAY_LEN(fakes)];

    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        types[i] = (struct config_type){.name = fakes[i].name,
                                        .title = fakes[i].title,
                                        .settings = fakes[i].settings,
                                        .settings_size = fakes[i].settings_size};
    }
    return (struct config_types){.channels = {types, ARRAY_LEN(types)},
                                 .sources = crier_config_types().sources};
}

/* ---- the program ---- */

struct fixture {
    uv_loop_t loop;
    struct crier c;
    struct tiny_server server;
    struct script script;
    const char *yaml; /* more settings, behind the channel "one" */
    bool drained;
    char verdict[VERDICT_DETAIL_BYTES];
    bool probed;
};

static inline void wake(void *context)
{
    (void)uv_async_send(&((struct crier *)context)->ledger_wake);
}

static inline void on_wake(uv_async_t *handle)
{
    ledger_collect(container_of(handle, struct crier, ledger_wake)->ledger);
}

static inline void read_config(struct fixture *f, const char *type, const char *more)
{
    struct problems problems;
    struct err why = {0};
    struct buf text;

    problems_init(&problems);
    buf_init(&text, 10000);
    buf_addf(&text,
             "site: {name: Test, url: https://news.example, link_gate: 0s}\n"
             "server: {listen: 127.0.0.1:0}\n"
             "ledger: \"sqlite::memory:\"\n"
             "queue: {max_attempts: 4, backoff_min: 1s, backoff_max: 8s, verify_after: 10s}\n"
             "channels:\n"
             "  one: {type: %s, url: \"http://127.0.0.1:%d\", allow_private: true, timeout: "
             "5s%s}\n%s",
             type,
             f->server.port,
             more,
             f->yaml ? f->yaml : "");
    if (config_read(
            &f->c.config, buf_str(&text), text.len, "test", &f->c.types, &problems, &why)) {
        for (size_t i = 0; i < problems.count; i++) {
            print_error("%s: %s\n", problems.v[i].what, problems.v[i].accepted);
        }
        fail_msg("settings: %s", why.text);
    }
    buf_done(&text);
    problems_done(&problems);
}

static inline void make_parts(struct fixture *f)
{
    struct crier *c = &f->c;
    struct err why = {0};

    c->metrics = metrics_new();
    assert_int_equal(ledger_open(&c->ledger, "sqlite::memory:", wake, c, clock_wall_ms(), &why),
                     0);
    assert_int_equal(uv_async_init(&f->loop, &c->ledger_wake, on_wake), 0);
    c->sched = sched_new(1, 100);
    c->channels = channels_new(c);
    channels_use_adapters(c->channels, find_fake);
    assert_int_equal(channels_load(c->channels, &why), 0);
    channels_apply(c->channels);
    assert_int_equal(out_new(&c->out, c, &why), 0);
    c->keeper = keeper_new(c);
    assert_int_equal(keeper_load(c->keeper, &why), 0);
    keeper_apply(c->keeper);
    c->media = media_store_new(c);
    c->courier = courier_new(c);
}

static inline void setup_with(struct fixture *f,
                              const char *type,
                              const char *more,
                              const char *yaml,
                              const struct reply *replies)
{
    memset(f, 0, sizeof *f);
    f->yaml = yaml;
    log_setup(open("/dev/null", 1), LOG_TEXT, LOG_ERROR);
    f->script.v = replies;
    tiny_server_start(&f->server, play, &f->script);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->c.loop = &f->loop;
    f->c.types = fake_types();
    rng_init(&f->c.rng, 7);
    id_maker_init(&f->c.ids, &f->c.rng);
    read_config(f, type, more);
    make_parts(f);
}

static inline void
setup(struct fixture *f, const char *type, const char *more, const struct reply *replies)
{
    setup_with(f, type, more, NULL, replies);
}

static inline void on_drained(struct crier *c)
{
    container_of(c, struct fixture, c)->drained = true;
}

static inline void turn(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    usleep(1000);
}

static inline void drain(struct fixture *f)
{
    if (!f->drained) {
        courier_drain(f->c.courier, on_drained);
    }
    for (int i = 0; !f->drained && i < 5000; i++) {
        turn(f);
    }
    assert_true(f->drained);
}

static inline void teardown(struct fixture *f)
{
    struct crier *c = &f->c;

    (void)fault_set(NULL);
    keeper_stop(c->keeper);
    drain(f);
    ledger_close(c->ledger);
    courier_free(c->courier);
    media_store_free(c->media);
    out_free(c->out);
    keeper_free(c->keeper);
    channels_free(c->channels);
    sched_free(c->sched);
    metrics_free(c->metrics);
    uv_close((uv_handle_t *)&c->ledger_wake, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    tiny_server_stop(&f->server);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    config_unref(c->config);
    assert_int_equal(mem_live_count(), 0);
}

/* ---- what the tests do and see ---- */

static bool accepted;

static inline void on_accepted(struct intake *in)
{
    assert_int_equal(in->rc, ERR_NONE);
    accepted = true;
}

static inline void wait_accepted(struct fixture *f, struct intake *in)
{
    for (int i = 0; !accepted && i < 5000; i++) {
        turn(f);
    }
    assert_true(accepted);
    intake_free_parts(in);
}

static inline void
submit_more(struct fixture *f, const char *title, const char *body, const char *not_after)
{
    const struct intake_options options = {.source = "api", .trusted_breaking = true};
    struct intake_content content = {.rc = ERR_NONE};
    struct intake in;
    json_t *article = json_pack("{s:s, s:s, s:s, s:s}",
                                "id",
                                "a1",
                                "url",
                                "https://news.example/a1",
                                "title",
                                title,
                                "body",
                                body);

    json_set_str(article, "not_after", not_after);
    accepted = false;
    intake_read(&content, article, true, clock_wall_ms());
    assert_int_equal(intake_article(&f->c, &in, &content, &options, on_accepted, NULL), 0);
    json_decref(article);
    wait_accepted(f, &in);
}

static inline void submit(struct fixture *f)
{
    submit_more(f, "News", "text", NULL);
}

static inline void retract(struct fixture *f)
{
    const struct intake_options options = {.source = "api"};
    struct intake in;

    accepted = false;
    assert_int_equal(
        intake_retract(&f->c, &in, "a1", NULL, &options, "wrong", on_accepted, NULL), 0);
    wait_accepted(f, &in);
}

/* The delivery of a revision, as the API shows it; yours. */
static inline json_t *delivery(struct fixture *f, int revision)
{
    struct ledger_article read = {.req.kind = LEDGER_ARTICLE, .id = "a1"};
    struct err why = {0};
    json_t *found = NULL, *d;
    size_t i;

    assert_int_equal(ledger_run(f->c.ledger, &read.req, &why), 0);
    json_array_foreach(json_object_get(read.out, "deliveries"), i, d)
    {
        if (json_integer_value(json_object_get(d, "revision")) == revision) {
            found = json_incref(d);
        }
    }
    ledger_request_done(&read.req);
    assert_non_null(found);
    return found;
}

static inline bool is_in_state(struct fixture *f, int revision, const char *state)
{
    json_t *d = delivery(f, revision);
    bool same = strcmp(json_path_str(d, "state"), state) == 0;

    json_decref(d);
    return same;
}

static inline void pass_time(struct fixture *f, int64_t ms)
{
    clock_advance(ms);
    courier_poke(f->c.courier);
}

/* Time passes in steps of a second whenever nothing runs, at most `seconds` of it. */
static inline bool reaches(struct fixture *f, int revision, const char *state, int seconds)
{
    for (int i = 0; i < 200 + seconds * 5; i++) {
        if (courier_running(f->c.courier) == 0 && is_in_state(f, revision, state)) {
            return true;
        }
        for (int j = 0; j < 4; j++) {
            turn(f);
        }
        if (courier_running(f->c.courier) == 0 && seconds > 0) {
            seconds--;
            pass_time(f, 1000);
        }
    }
    return false;
}

static inline void
expect(struct fixture *f, int revision, const char *state, int seconds, int requests)
{
    if (!reaches(f, revision, state, seconds)) {
        json_t *d = delivery(f, revision);

        fail_msg("%s, not %s: %s (%d requests)",
                 json_path_str(d, "state"),
                 state,
                 json_path_str(d, "detail"),
                 f->server.requests);
    }
    assert_int_equal(f->server.requests, requests);
}

static inline void expect_detail(struct fixture *f, int revision, const char *needle)
{
    json_t *d = delivery(f, revision);

    if (!strstr(json_path_str(d, "detail"), needle)) {
        fail_msg("\"%s\" is not in \"%s\"", needle, json_path_str(d, "detail"));
    }
    json_decref(d);
}

#endif
