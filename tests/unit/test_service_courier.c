/* service/courier*.c: whole deliveries against a scripted server, with a ledger in memory,
 * adapters of the test's own, and a clock that is moved by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <fcntl.h>

#include <cmocka.h>

#include "adapters/trouble.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/intake.h"
#include "service/media.h"
#include "service/metrics.h"
#include "service/out.h"
#include "tests/support/tiny_server.h"

#define SCRIPT_MAX 50

/* ---- the platform ---- */

enum how { ANSWER, CUT, STALL };
struct reply {
    int status;
    const char *body, *headers;
    enum how how;
};
struct script {
    const struct reply *v;
    char lines[SCRIPT_MAX][64]; /* "POST /post", as they came */
};

static bool play(struct tiny_request *r)
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

static enum err_code build(struct step_ctx *ctx, struct http_request *req, const char *path)
{
    const struct fake_settings *s = ctx->settings;

    req->method = HTTP_POST;
    http_set_url(req, "%s%s", s->url, path);
    json_set_str(ctx->record, "key", ctx->key);
    return ERR_NONE;
}

#define BUILD(name, path)                                                                      \
    static enum err_code name(struct step_ctx *ctx, struct http_request *req, struct err *why) \
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

static enum err_code
build_nothing(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)ctx;
    (void)why;
    req->skip = true;
    return ERR_NONE;
}

static enum err_code
build_wrong(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)ctx;
    (void)req;
    return err_set(why, ERR_INVALID, "no title fits here");
}

static const struct step plain_publish[2];
static const struct step keyed_publish[2];

static struct verdict
read_as(struct step_ctx *ctx, const struct http_response *res, const struct step *step)
{
    if (res->status != 200) {
        return trouble_from_status(step, res);
    }
    if (strcmp(res->body, "next") == 0) {
        return verdict_next();
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

static struct verdict read_post(struct step_ctx *ctx, const struct http_response *res)
{
    return read_as(ctx, res, plain_publish);
}

static struct verdict read_keyed(struct step_ctx *ctx, const struct http_response *res)
{
    return read_as(ctx, res, keyed_publish);
}

static struct verdict read_look(struct step_ctx *ctx, const struct http_response *res)
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

static struct verdict read_round(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    (void)res;
    return verdict_jump("round");
}

/* clang-format off */
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
static const struct step edit[] = {
    {.name = "edit", .publishes = true, .repeatable = true, .build = build_edit, .read = read_keyed}, STEP_END};
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
    {.name = "keyed", FAKE, .publish = keyed_publish, .update = edit, .retract = take_back, .verify = look},
    {.name = "stepped", FAKE, .publish = stepped_publish},
    {.name = "wrong", FAKE, .publish = wrong_publish},
    {.name = "endless", FAKE, .publish = endless_publish},
};
/* clang-format on */

static const struct adapter *find_fake(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        if (strcmp(fakes[i].name, name) == 0) {
            return &fakes[i];
        }
    }
    return NULL;
}

static struct channel_types fake_types(void)
{
    static struct channel_type types[ARRAY_LEN(fakes)];

    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        types[i] = (struct channel_type){.name = fakes[i].name,
                                         .title = fakes[i].title,
                                         .settings = fakes[i].settings,
                                         .settings_size = fakes[i].settings_size};
    }
    return (struct channel_types){.v = types, .count = ARRAY_LEN(types)};
}

/* ---- the program ---- */

struct fixture {
    uv_loop_t loop;
    struct crier c;
    struct tiny_server server;
    struct script script;
    bool drained;
    char verdict[VERDICT_DETAIL_BYTES];
    bool probed;
};

static void wake(void *context)
{
    (void)uv_async_send(&((struct crier *)context)->ledger_wake);
}

static void on_wake(uv_async_t *handle)
{
    ledger_collect(container_of(handle, struct crier, ledger_wake)->ledger);
}

static void read_config(struct fixture *f, const char *type, const char *more)
{
    struct problems problems;
    struct err why = {0};
    struct buf text;

    problems_init(&problems);
    buf_init(&text, 10000);
    buf_addf(
        &text,
        "site: {name: Test, url: https://news.example}\n"
        "server: {listen: 127.0.0.1:0}\n"
        "ledger: \"sqlite::memory:\"\n"
        "queue: {max_attempts: 4, backoff_min: 1s, backoff_max: 8s, verify_after: 10s}\n"
        "channels:\n"
        "  one: {type: %s, url: \"http://127.0.0.1:%d\", allow_private: true, timeout: 5s%s}\n",
        type,
        f->server.port,
        more);
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

static void make_parts(struct fixture *f)
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
    c->media = media_store_new(c);
    c->courier = courier_new(c);
}

static void
setup(struct fixture *f, const char *type, const char *more, const struct reply *replies)
{
    memset(f, 0, sizeof *f);
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

static void on_drained(struct crier *c)
{
    container_of(c, struct fixture, c)->drained = true;
}

static void turn(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    usleep(1000);
}

static void drain(struct fixture *f)
{
    if (!f->drained) {
        courier_drain(f->c.courier, on_drained);
    }
    for (int i = 0; !f->drained && i < 5000; i++) {
        turn(f);
    }
    assert_true(f->drained);
}

static void teardown(struct fixture *f)
{
    struct crier *c = &f->c;

    (void)fault_set(NULL);
    drain(f);
    ledger_close(c->ledger);
    courier_free(c->courier);
    media_store_free(c->media);
    out_free(c->out);
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

static void on_accepted(struct intake *in)
{
    assert_int_equal(in->rc, ERR_NONE);
    accepted = true;
}

static void wait_accepted(struct fixture *f, struct intake *in)
{
    for (int i = 0; !accepted && i < 5000; i++) {
        turn(f);
    }
    assert_true(accepted);
    intake_free_parts(in);
}

static void
submit_more(struct fixture *f, const char *title, const char *body, const char *not_after)
{
    const struct intake_options options = {.source = "api", .trusted_breaking = true};
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
    assert_int_equal(intake_article(&f->c, &in, article, &options, on_accepted, NULL), 0);
    json_decref(article);
    wait_accepted(f, &in);
}

static void submit(struct fixture *f)
{
    submit_more(f, "News", "text", NULL);
}

static void retract(struct fixture *f)
{
    const struct intake_options options = {.source = "api"};
    struct intake in;

    accepted = false;
    assert_int_equal(
        intake_retract(&f->c, &in, "a1", NULL, &options, "wrong", on_accepted, NULL), 0);
    wait_accepted(f, &in);
}

/* The delivery of a revision, as the API shows it; yours. */
static json_t *delivery(struct fixture *f, int revision)
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

static bool is_in_state(struct fixture *f, int revision, const char *state)
{
    json_t *d = delivery(f, revision);
    bool same = strcmp(json_path_str(d, "state"), state) == 0;

    json_decref(d);
    return same;
}

static void pass_time(struct fixture *f, int64_t ms)
{
    clock_advance(ms);
    courier_poke(f->c.courier);
}

/* Time passes in steps of a second whenever nothing runs, at most `seconds` of it. */
static bool reaches(struct fixture *f, int revision, const char *state, int seconds)
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

static void
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

static void expect_detail(struct fixture *f, int revision, const char *needle)
{
    json_t *d = delivery(f, revision);

    if (!strstr(json_path_str(d, "detail"), needle)) {
        fail_msg("\"%s\" is not in \"%s\"", needle, json_path_str(d, "detail"));
    }
    json_decref(d);
}

/* ---- verdicts ---- */

static void each_answer_leads_to_its_state(void **state)
{
    static const struct {
        const char *name, *type, *more;
        struct reply replies[SCRIPT_MAX];
        const char *state;
        int requests, seconds;
        const char *detail;
    } rows[] = {
        {"200 is done", "plain", "", {{.status = 200}}, "done", 1, 0, ""},
        {"400 is rejected",
         "plain",
         "",
         {{.status = 400, .body = "no such chat"}},
         "rejected",
         1,
         0,
         "no such chat"},
        {"401 blocks",
         "plain",
         "",
         {{.status = 401, .body = "bad token"}},
         "blocked",
         1,
         0,
         "bad token"},
        {"a build that fails is rejected",
         "wrong",
         "",
         {{.status = 0}},
         "rejected",
         0,
         0,
         "no title fits"},
        {"503 goes again", "plain", "", {{.status = 503}, {.status = 200}}, "done", 2, 30, ""},
        {"503 for ever is given up",
         "plain",
         "",
         {{.status = 503}, {.status = 503}, {.status = 503}, {.status = 503}},
         "rejected",
         4,
         90,
         "gave up after 4 attempts: 503"},
        {"a cut is unknown, the look finds it",
         "plain",
         "",
         {{.how = CUT}, {.status = 200}},
         "done",
         2,
         60,
         ""},
        {"a cut is unknown, the look finds nothing, so it goes again",
         "plain",
         "",
         {{.how = CUT}, {.status = 404}, {.status = 200}},
         "done",
         3,
         60,
         ""},
        {"a look that fails is made again",
         "plain",
         "",
         {{.how = CUT}, {.status = 503}, {.how = CUT}, {.status = 200}},
         "done",
         4,
         120,
         ""},
        {"500 after a step that must not be repeated is looked for",
         "plain",
         "",
         {{.status = 500}, {.status = 200}},
         "done",
         2,
         60,
         ""},
        {"five looks in vain wait for a person",
         "plain",
         "",
         {{.how = CUT},
          {.status = 409},
          {.status = 409},
          {.status = 409},
          {.status = 409},
          {.status = 409}},
         "unknown",
         6,
         400,
         "looked 5 times"},
        {"what cannot be looked for waits for a person",
         "blind",
         "",
         {{.how = CUT}},
         "unknown",
         1,
         60,
         ""},
        {"unless the settings say retry",
         "blind",
         ", on_unknown: retry",
         {{.how = CUT}, {.status = 200}},
         "done",
         2,
         60,
         ""},
        {"a step that may be repeated is",
         "keyed",
         "",
         {{.how = CUT}, {.status = 500}, {.status = 200}},
         "done",
         3,
         60,
         ""},
        {"steps go one after the other, waiting is no failure",
         "stepped",
         "",
         {{.status = 200, .body = "wait"},
          {.status = 200, .body = "wait"},
          {.status = 200, .body = "wait"},
          {.status = 200, .body = "wait"},
          {.status = 200, .body = "next"},
          {.status = 200}},
         "done",
         6,
         60,
         ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        print_message("    %s\n", rows[i].name);
        setup(&f, rows[i].type, rows[i].more, rows[i].replies);
        submit(&f);
        if (strcmp(rows[i].state, "unknown") == 0) {
            /* It passes through that state: let all the time go by first. */
            (void)reaches(&f, 1, "none", rows[i].seconds);
        }
        expect(&f, 1, rows[i].state, rows[i].seconds, rows[i].requests);
        expect_detail(&f, 1, rows[i].detail);
        teardown(&f);
    }
}

static void a_course_without_end_is_broken_off(void **state)
{
    static struct reply replies[50];
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        replies[i] = (struct reply){.status = 200};
    }
    setup(&f, "endless", "", replies);
    submit(&f);
    expect(&f, 1, "rejected", 0, 40);
    expect_detail(&f, 1, "does not end");
    teardown(&f);
}

static void done_keeps_what_the_platform_gave(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;
    json_t *d;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    d = delivery(&f, 1);
    assert_string_equal(json_path_str(d, "remote_id"), "id1");
    assert_string_equal(json_path_str(d, "link"), "https://platform.example/1");
    assert_string_equal(json_path_str(d, "text"), "as sent");
    json_decref(d);
    teardown(&f);
}

static void retry_after_is_obeyed_in_full(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .body = "", .headers = "Retry-After: 120\r\n"},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "again", 0, 1);
    assert_false(reaches(&f, 1, "done", 115));
    assert_int_equal(f.server.requests, 1);
    expect(&f, 1, "done", 30, 2);
    teardown(&f);
}

static void what_would_come_too_late_expires(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .body = "", .headers = "Retry-After: 7200\r\n"}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", not_after: 1h", replies);
    submit(&f);
    expect(&f, 1, "expired", 0, 1);
    expect_detail(&f, 1, "too late");
    teardown(&f);
}

static void a_key_too_old_is_looked_for_first(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT},
        {.status = 429, .body = "", .headers = "Retry-After: 5400\r\n"},
        {.status = 404},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", ", not_after: 1d", replies);
    submit(&f);
    for (int i = 0; f.server.requests < 2 && i < 30; i++) {
        (void)reaches(&f, 1, "done", 1);
    }
    assert_int_equal(f.server.requests, 2);
    (void)reaches(&f, 1, "again", 0);
    pass_time(&f, 5400 * 1000);
    expect(&f, 1, "done", 60, 4);
    assert_string_equal(f.script.lines[2], "POST /look");
    assert_string_equal(f.script.lines[3], "POST /post");
    teardown(&f);
}

static void a_blocked_channel_goes_on_when_it_is_resumed(void **state)
{
    static const struct reply replies[] = {{.status = 401}, {.status = 200}, {.status = 0}};
    struct channel *ch;
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "blocked", 0, 1);
    ch = channels_find(f.c.channels, "one");
    assert_true(ch->kept.blocked);
    assert_non_null(strstr(ch->kept.last_error, "401"));
    pass_time(&f, MS_MINUTE);
    assert_false(reaches(&f, 1, "done", 5));
    channel_resume(&f.c, ch, "test");
    expect(&f, 1, "done", 5, 2);
    teardown(&f);
}

/* ---- revisions ---- */

static void revisions_change_and_take_back_what_stands(void **state)
{
    static const struct reply replies[] = {
        {.status = 200}, {.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    submit_more(&f, "News", "another body, which no post shows", NULL);
    expect(&f, 2, "done", 0, 1);
    expect_detail(&f, 2, "nothing a reader sees");
    submit_more(&f, "Better news", "text", NULL);
    expect(&f, 3, "done", 0, 2);
    assert_string_equal(f.script.lines[1], "POST /edit");
    retract(&f);
    expect(&f, 4, "done", 0, 3);
    assert_string_equal(f.script.lines[2], "POST /delete");
    teardown(&f);
}

static void what_a_platform_cannot_do_is_rejected_in_its_words(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "blind", "", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    submit_more(&f, "Better news", "text", NULL);
    expect(&f, 2, "rejected", 0, 1);
    expect_detail(&f, 2, "it cannot be changed there");
    retract(&f);
    expect(&f, 3, "rejected", 0, 1);
    expect_detail(&f, 3, "it cannot be taken back there");
    teardown(&f);
}

static void switched_off_updates_are_rejected(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", ", updates: false, retracts: false", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    submit_more(&f, "Better news", "text", NULL);
    expect(&f, 2, "rejected", 0, 1);
    expect_detail(&f, 2, "switched off");
    retract(&f);
    expect(&f, 3, "rejected", 0, 1);
    teardown(&f);
}

static void what_cannot_be_public_gives_way_to_the_newer_revision(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .body = "", .headers = "Retry-After: 60\r\n"},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", "", replies);
    submit(&f);
    expect(&f, 1, "again", 0, 1);
    submit_more(&f, "Better news", "text", NULL);
    assert_true(is_in_state(&f, 1, "cancelled"));
    expect(&f, 2, "done", 90, 2);
    assert_string_equal(f.script.lines[1], "POST /post");
    teardown(&f);
}

static void what_may_be_public_goes_first_and_is_then_changed(void **state)
{
    static const struct reply replies[] = {
        {.how = CUT},
        {.status = 429, .body = "", .headers = "Retry-After: 60\r\n"},
        {.status = 200},
        {.status = 200},
        {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "keyed", "", replies);
    submit(&f);
    for (int i = 0; f.server.requests < 2 && i < 30; i++) {
        (void)reaches(&f, 1, "done", 1);
    }
    (void)reaches(&f, 1, "again", 0);
    submit_more(&f, "Better news", "text", NULL);
    assert_true(is_in_state(&f, 2, "held"));
    expect(&f, 2, "done", 90, 4);
    assert_string_equal(f.script.lines[2], "POST /post");
    assert_string_equal(f.script.lines[3], "POST /edit");
    teardown(&f);
}

/* ---- our own trouble ---- */

static void a_failing_ledger_never_makes_a_second_post(void **state)
{
    static const char *const faults[] = {"ledger.begin:1", "ledger.end:1"};
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct fixture f;

        setup(&f, "plain", "", replies);
        (void)fault_set(faults[i]);
        submit(&f);
        for (int j = 0; j < 400 && !is_in_state(&f, 1, "done"); j++) {
            turn(&f);
            usleep(4000); /* the second try is a second away on a real timer */
            pass_time(&f, 20);
        }
        assert_int_equal(fault_set(NULL), 1);
        expect(&f, 1, "done", 10, 1);
        teardown(&f);
    }
}

static void a_hurried_end_leaves_unknown_what_may_have_arrived(void **state)
{
    static const struct reply replies[] = {{.how = STALL}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    for (int i = 0; f.server.requests == 0 && i < 2000; i++) {
        turn(&f);
    }
    courier_drain(f.c.courier, on_drained);
    for (int i = 0; i < 20; i++) {
        turn(&f);
    }
    assert_false(f.drained);
    courier_hurry(f.c.courier);
    drain(&f);
    assert_true(is_in_state(&f, 1, "unknown"));
    teardown(&f);
}

static void draining_lets_what_runs_end_and_starts_nothing(void **state)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 0}};
    struct fixture f;

    (void)state;
    setup(&f, "plain", "", replies);
    submit(&f);
    for (int i = 0; courier_running(f.c.courier) == 0 && f.server.requests == 0 && i < 2000;
         i++) {
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    drain(&f);
    assert_true(is_in_state(&f, 1, "done"));
    submit_more(&f, "Better news", "text", NULL);
    for (int i = 0; i < 20; i++) {
        turn(&f);
    }
    assert_true(is_in_state(&f, 2, "ready"));
    teardown(&f);
}

/* ---- a channel's own test ---- */

static void on_probed(void *context, const struct verdict *v)
{
    struct fixture *f = context;

    f->probed = true;
    (void)snprintf(f->verdict, sizeof f->verdict, "%s", verdict_name(v->kind));
}

static void a_probe_answers_once_and_leaves_no_trace(void **state)
{
    static const struct {
        struct reply replies[2];
        const char *verdict;
    } rows[] = {{{{.status = 200}}, "done"},
                {{{.status = 200, .body = "next"}}, "done"},
                {{{.status = 401}}, "blocked"}};
    struct err why = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        setup(&f, "plain", "", rows[i].replies);
        assert_int_equal(courier_probe(f.c.courier, "none", on_probed, &f, &why),
                         ERR_NOT_FOUND);
        assert_int_equal(courier_probe(f.c.courier, "one", on_probed, &f, &why), 0);
        assert_false(f.probed);
        for (int j = 0; !f.probed && j < 2000; j++) {
            turn(&f);
        }
        assert_string_equal(f.verdict, rows[i].verdict);
        assert_string_equal(f.script.lines[0], "POST /me");
        assert_false(channels_find(f.c.channels, "one")->kept.blocked);
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_leads_to_its_state),
        cmocka_unit_test(a_course_without_end_is_broken_off),
        cmocka_unit_test(done_keeps_what_the_platform_gave),
        cmocka_unit_test(retry_after_is_obeyed_in_full),
        cmocka_unit_test(what_would_come_too_late_expires),
        cmocka_unit_test(a_key_too_old_is_looked_for_first),
        cmocka_unit_test(a_blocked_channel_goes_on_when_it_is_resumed),
        cmocka_unit_test(revisions_change_and_take_back_what_stands),
        cmocka_unit_test(what_a_platform_cannot_do_is_rejected_in_its_words),
        cmocka_unit_test(switched_off_updates_are_rejected),
        cmocka_unit_test(what_cannot_be_public_gives_way_to_the_newer_revision),
        cmocka_unit_test(what_may_be_public_goes_first_and_is_then_changed),
        cmocka_unit_test(a_failing_ledger_never_makes_a_second_post),
        cmocka_unit_test(a_hurried_end_leaves_unknown_what_may_have_arrived),
        cmocka_unit_test(draining_lets_what_runs_end_and_starts_nothing),
        cmocka_unit_test(a_probe_answers_once_and_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
