/* service/intake.c: what comes in, what it becomes, and where it goes. */

#include "tests/support/service_program.h"

static const struct reply nothing[] = {{.status = 0}};

static const char settings[] =
    "  world: {type: plain, url: \"http://127.0.0.1:1\", when: {category: World}}\n"
    "  alarm: {type: blind, url: \"http://127.0.0.1:1\", when: {breaking: true}, not_after: "
    "1h}\n"
    "  off: {type: plain, url: \"http://127.0.0.1:1\", enabled: false}\n"
    "breaking:\n"
    "  - {urgency: 1..3}\n";

static json_t *answer; /* of the last acceptance; yours */
static enum err_code answer_rc;

static void on_done(struct intake *in)
{
    answer_rc = in->rc;
    struct buf text;

    buf_init(&text, 1 << 20);
    if (in->rc == ERR_NONE) {
        intake_write(&text, in);
    }
    answer = json_loads(buf_str(&text), 0, NULL);
    buf_done(&text);
    accepted = true;
}

static enum err_code take_json(struct crier *c,
                               struct intake *in,
                               const json_t *json,
                               const struct intake_options *options)
{
    struct intake_content content = {.rc = ERR_NONE};
    enum err_code rc;

    intake_read(&content, json, options->trusted_breaking, clock_wall_ms());
    rc = intake_article(c, in, &content, options, on_done, NULL);
    intake_content_done(&content);
    return rc;
}

static void start(struct fixture *f)
{
    setup_with(f, "plain", "", settings, nothing);
    drain(f); /* nothing is to be sent here */
}

static json_t *take(struct fixture *f, const char *text, struct intake_options options)
{
    json_t *json = json_loads(text, 0, NULL);
    struct intake in;

    assert_non_null(json);
    options.source = options.source ? options.source : "api";
    accepted = false;
    answer = NULL;
    assert_int_equal(take_json(&f->c, &in, json, &options), 0);
    assert_false(accepted);
    json_decref(json);
    wait_accepted(f, &in);
    return answer;
}

/* "one world" */
static void channels_of(const json_t *said, char out[200])
{
    json_t *d;
    size_t i;

    out[0] = '\0';
    json_array_foreach(json_object_get(said, "deliveries"), i, d)
    {
        size_t len = strlen(out);

        (void)snprintf(
            out + len, 200 - len, "%s%s", len ? " " : "", json_path_str(d, "channel"));
    }
}

static void an_article_goes_to_the_channels_it_is_for(void **state)
{
    static const struct {
        const char *article, *source;
        bool trusted;
        const char *only;
        const char *channels, *reason;
    } rows[] = {
        {"{\"url\": \"https://a.example/1\", \"title\": \"T\"}", NULL, true, NULL, "one", ""},
        {"{\"url\": \"https://a.example/2\", \"title\": \"T\", \"categories\": [\"World\"]}",
         NULL,
         true,
         NULL,
         "one world",
         ""},
        {"{\"url\": \"https://a.example/3\", \"title\": \"T\", \"urgency\": 2}",
         NULL,
         true,
         NULL,
         "one alarm",
         "rule 1: urgency 1..3 (2)"},
        {"{\"url\": \"https://a.example/4\", \"title\": \"T\", \"breaking\": true}",
         NULL,
         true,
         NULL,
         "one alarm",
         "the source says so"},
        {"{\"url\": \"https://a.example/5\", \"title\": \"T\", \"breaking\": true}",
         "cms",
         false,
         NULL,
         "one",
         ""},
        {"{\"url\": \"https://a.example/6\", \"title\": \"T\", \"urgency\": 1}",
         "test",
         false,
         "world",
         "world",
         CRIER_TEST_REASON},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct intake_options options = {.source = rows[i].source,
                                         .trusted_breaking = rows[i].trusted,
                                         .only_channel = rows[i].only};
        json_t *said = take(&f, rows[i].article, options);
        char channels[200];

        channels_of(said, channels);
        assert_string_equal(channels, rows[i].channels);
        assert_string_equal(json_path_str(said, "reason"), rows[i].reason);
        assert_string_equal(json_path_str(said, "outcome"), "new");
        json_decref(said);
    }
    teardown(&f);
}

static void the_same_again_is_the_same_article(void **state)
{
    static const struct {
        const char *article, *source, *outcome, *id;
        int revision;
    } rows[] = {
        {"{\"id\": \"7\", \"url\": \"https://a.example/x\", \"title\": \"T\"}",
         "api",
         "new",
         "7",
         1},
        {"{\"id\": \"7\", \"url\": \"https://a.example/x\", \"title\": \"T\"}",
         "api",
         "unchanged",
         "7",
         1},
        {"{\"id\": \"7\", \"url\": \"https://a.example/other-slug\", \"title\": \"T\"}",
         "api",
         "revised",
         "7",
         2},
        /* another source names it by its address only, dressed up */
        {"{\"url\": \"http://A.example/x/?utm_source=feed#top\", \"title\": \"U\"}",
         "cms",
         "revised",
         "7",
         3},
        /* an id of ours, or one that is no path segment, is not for others to give */
        {"{\"id\": \"art_1\", \"url\": \"https://a.example/y\", \"title\": \"T\"}",
         "cms",
         "new",
         NULL,
         1},
        {"{\"id\": \"a/b\", \"url\": \"https://a.example/z\", \"title\": \"T\"}",
         "cms",
         "new",
         NULL,
         1},
        /* the same number at another source is another article */
        {"{\"id\": \"7\", \"url\": \"https://a.example/w\", \"title\": \"T\"}",
         "cms",
         "new",
         NULL,
         1},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct intake_options options = {.source = rows[i].source};
        json_t *said = take(&f, rows[i].article, options);

        assert_string_equal(json_path_str(said, "outcome"), rows[i].outcome);
        assert_int_equal(json_integer_value(json_object_get(said, "revision")),
                         rows[i].revision);
        if (rows[i].id) {
            assert_string_equal(json_path_str(said, "id"), rows[i].id);
        } else {
            assert_memory_equal(json_path_str(said, "id"), "art_", 4);
        }
        json_decref(said);
    }
    teardown(&f);
}

static void what_is_too_old_is_recorded_only(void **state)
{
    static const struct {
        int64_t age_ms, max_age_ms;
        const char *quiet, *outcome, *why;
    } rows[] = {
        {3 * MS_DAY + MS_HOUR, MS_DAY, NULL, "recorded", "published 3d ago"},
        {5 * MS_HOUR + MS_MINUTE, MS_HOUR, NULL, "recorded", "published 5h ago"},
        {90 * MS_SECOND, MS_MINUTE, NULL, "recorded", "published 1m ago"},
        {MS_HOUR, MS_DAY, NULL, "new", NULL},
        {300 * MS_DAY, 0, NULL, "new", NULL},
        {-MS_DAY, MS_HOUR, NULL, "new", NULL}, /* a clock that is fast */
        {3 * MS_DAY, MS_DAY, "first sight", "recorded", "first sight"},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct intake_options options = {.source = "feed",
                                         .max_age_ms = rows[i].max_age_ms,
                                         .quiet = rows[i].quiet,
                                         .held = rows[i].quiet != NULL};
        char time[TIME_TEXT_BYTES];
        char *text = mem_printf("{\"url\": \"https://a.example/old/%zu\", \"title\": \"T\", "
                                "\"published_at\": \"%s\"}",
                                i,
                                time_rfc3339(clock_wall_ms() - rows[i].age_ms, time));
        json_t *said = take(&f, text, options);

        assert_string_equal(json_path_str(said, "outcome"), rows[i].outcome);
        if (rows[i].why) {
            assert_string_equal(json_path_str(said, "quiet"), rows[i].why);
            assert_int_equal(json_is_true(json_object_get(said, "held")),
                             rows[i].quiet != NULL);
        }
        json_decref(said);
        mem_free(text);
    }
    teardown(&f);
}

static void an_old_article_that_was_sent_is_updated(void **state)
{
    struct intake_options options = {.source = "feed", .max_age_ms = MS_DAY};
    struct fixture f;
    json_t *said;

    (void)state;
    start(&f);
    json_decref(take(&f,
                     "{\"url\": \"https://a.example/1\", \"title\": \"T\"}",
                     (struct intake_options){.source = "cms"}));
    said = take(&f,
                "{\"url\": \"https://a.example/1\", \"title\": \"U\", \"published_at\": "
                "\"2001-01-01T00:00:00Z\"}",
                options);
    assert_string_equal(json_path_str(said, "outcome"), "revised");
    json_decref(said);
    teardown(&f);
}

static void all_names_that_a_source_tells_lead_to_the_article(void **state)
{
    static const char article[] = "{\"url\": \"https://a.example/1\", \"title\": \"T\"}";
    char *ids[] = {(char *)(uintptr_t) "original"};
    char *urls[] = {(char *)(uintptr_t) "https://a.example/amp/1?utm_source=x",
                    (char *)(uintptr_t) "no address"};
    const struct strings id_list = {.v = ids, .count = 1}, url_list = {.v = urls, .count = 2};
    struct fixture f;
    json_t *said;

    (void)state;
    start(&f);
    json_decref(
        take(&f,
             article,
             (struct intake_options){
                 .source = "feed", .guid = "tag:1", .ids = &id_list, .urls = &url_list}));
    said = take(&f,
                "{\"url\": \"https://a.example/amp/1\", \"title\": \"T\"}",
                (struct intake_options){.source = "cms"});
    assert_string_equal(json_path_str(said, "outcome"), "revised");
    json_decref(said);
    said = take(&f,
                "{\"url\": \"https://a.example/2\", \"title\": \"T\"}",
                (struct intake_options){.source = "feed", .guid = "tag:1"});
    assert_string_equal(json_path_str(said, "outcome"), "revised");
    json_decref(said);
    said = take(&f,
                "{\"id\": \"original\", \"url\": \"https://a.example/3\", \"title\": \"T\"}",
                (struct intake_options){.source = "feed"});
    assert_string_equal(json_path_str(said, "outcome"), "revised");
    json_decref(said);
    teardown(&f);
}

/* The event's own time counts where the article tells none; and a clock that is fast does not make all that
 * follows look old. */
static void an_event_that_comes_late_undoes_nothing(void **state)
{
    int64_t now_ms = clock_wall_ms();
    const struct {
        const char *title;
        int64_t at_ms;
        const char *outcome;
    } rows[] = {
        {"A", now_ms - 5000, "new"},
        {"B", now_ms - 6000, "stale"},
        {"C", now_ms + 3600000, "revised"},
        {"D", now_ms - 1, "stale"},
        {"E", now_ms + 3600000, "revised"},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct intake_options options = {.source = "cms", .at_ms = rows[i].at_ms};
        char *text =
            mem_printf("{\"url\": \"https://a.example/1\", \"title\": \"%s\"}", rows[i].title);
        json_t *said = take(&f, text, options);

        assert_string_equal(json_path_str(said, "outcome"), rows[i].outcome);
        json_decref(said);
        mem_free(text);
    }
    teardown(&f);
}

static json_t *send_recorded(struct fixture *f, const char *id)
{
    const struct intake_options options = {.source = "api"};
    struct intake in;

    accepted = false;
    answer = NULL;
    assert_int_equal(intake_send(&f->c, &in, id, &options, on_done, NULL), 0);
    assert_false(accepted);
    wait_accepted(f, &in);
    return answer;
}

/* As its own source's: the rules look at that. */
static void what_was_recorded_goes_where_it_would_have_gone(void **state)
{
    static const char article[] =
        "{\"id\": \"w\", \"url\": \"https://a.example/1\", \"title\": \"T\", \"urgency\": 1}";
    struct fixture f;
    char channels[200];
    json_t *said;

    (void)state;
    start(&f);
    json_decref(
        take(&f, article, (struct intake_options){.source = "feed", .quiet = "first sight"}));
    said = send_recorded(&f, "w");
    channels_of(said, channels);
    assert_string_equal(channels, "one alarm");
    assert_string_equal(json_path_str(said, "outcome"), "new");
    assert_string_equal(json_path_str(said, "reason"), "rule 1: urgency 1..3 (1)");
    json_decref(said);
    json_decref(send_recorded(&f, "w"));
    assert_int_equal(answer_rc, ERR_CONFLICT);
    json_decref(send_recorded(&f, "nobody"));
    assert_int_equal(answer_rc, ERR_NOT_FOUND);
    teardown(&f);
}

static void what_is_taken_back_later_says_when(void **state)
{
    const struct intake_options options = {.source = "cms", .retract_after_ms = 120000};
    struct fixture f;
    struct intake in;

    (void)state;
    start(&f);
    json_decref(take(&f,
                     "{\"id\": \"1\", \"url\": \"https://a.example/1\", \"title\": \"T\"}",
                     (struct intake_options){.source = "cms"}));
    accepted = false;
    assert_int_equal(
        intake_retract(&f.c, &in, "1", NULL, &options, "back to draft", on_done, NULL), 0);
    wait_accepted(&f, &in);
    assert_string_equal(json_path_str(answer, "outcome"), "withdrawn");
    assert_non_null(json_path_str(answer, "retract_at"));
    json_decref(answer);
    teardown(&f);
}

static void a_replayed_signature_is_answered_as_before(void **state)
{
    struct intake_options options = {.source = "cms", .replay_key = "sig-1"};
    struct fixture f;
    json_t *said;

    (void)state;
    start(&f);
    said = take(
        &f, "{\"id\": \"1\", \"url\": \"https://a.example/1\", \"title\": \"T\"}", options);
    assert_string_equal(json_path_str(said, "outcome"), "new");
    json_decref(said);
    said = take(
        &f, "{\"id\": \"2\", \"url\": \"https://a.example/2\", \"title\": \"T\"}", options);
    assert_string_equal(json_path_str(said, "outcome"), "replayed");
    assert_string_equal(json_path_str(said, "id"), "1");
    json_decref(said);
    teardown(&f);
}

static void bad_input_is_refused_before_anything_happens(void **state)
{
    static const char *const articles[] = {
        "{}",
        "[]",
        "\"text\"",
        "{\"url\": \"https://a.example/\", \"title\": 7}",
        "{\"url\": \"ftp://a.example/\", \"title\": \"T\"}",
        "{\"url\": \"https://a.example/\", \"titel\": \"T\"}"};
    const struct intake_options options = {.source = "api"};
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(articles); i++) {
        json_t *json = json_loads(articles[i], 0, NULL);
        struct intake in;

        accepted = false;
        assert_int_equal(take_json(&f.c, &in, json, &options), ERR_INVALID);
        assert_true(in.faults.count > 0);
        intake_free_parts(&in); /* allowed, not needed */
        turn(&f);
        assert_false(accepted);
        json_decref(json);
    }
    teardown(&f);
}

static void an_unknown_channel_cannot_be_tested(void **state)
{
    const struct intake_options options = {.source = "test", .only_channel = "none"};
    json_t *json = json_loads("{\"url\": \"https://a.example/\", \"title\": \"T\"}", 0, NULL);
    struct fixture f;
    struct intake in;

    (void)state;
    start(&f);
    assert_int_equal(take_json(&f.c, &in, json, &options), ERR_NOT_FOUND);
    json_decref(json);
    teardown(&f);
}

static enum err_code
retract_as(struct fixture *f, const char *source, const char *id, const char *url)
{
    const struct intake_options options = {.source = source};
    struct intake in;

    accepted = false;
    answer = NULL;
    assert_int_equal(intake_retract(&f->c, &in, id, url, &options, "wrong", on_done, NULL), 0);
    assert_false(accepted);
    wait_accepted(f, &in);
    json_decref(answer);
    return answer_rc;
}

static void a_retraction_finds_its_article(void **state)
{
    static const struct {
        const char *name, *source, *id, *url;
        enum err_code rc;
    } rows[] = {
        {"by its public id, whoever brought it", "api", "55", NULL, ERR_NONE},
        {"by the source's own id", "cms", "55", NULL, ERR_NONE},
        {"by another source's id it is none", "feed", "55", NULL, ERR_NOT_FOUND},
        {"by its address", "feed", NULL, "https://A.example/55/#x", ERR_NONE},
        {"unknown", "api", "no-such", NULL, ERR_NOT_FOUND},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        start(&f);
        json_decref(
            take(&f,
                 "{\"id\": \"55\", \"url\": \"https://a.example/55\", \"title\": \"T\"}",
                 (struct intake_options){.source = "cms"}));
        if (retract_as(&f, rows[i].source, rows[i].id, rows[i].url) != rows[i].rc) {
            fail_msg("%s: %s", rows[i].name, err_name(answer_rc));
        }
        teardown(&f);
    }
}

static void retraction_says_where_it_cannot(const char *type)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 200}, {.status = 200}};
    const struct intake_options options = {.source = "api"};
    struct fixture f;
    struct intake in;
    json_t *cannot;

    setup(&f, type, "", replies);
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    accepted = false;
    assert_int_equal(intake_retract(&f.c, &in, "a1", NULL, &options, NULL, on_done, NULL), 0);
    wait_accepted(&f, &in);
    cannot = json_object_get(answer, "cannot");
    assert_int_equal(json_array_size(cannot), 1);
    assert_string_equal(json_path_str(json_array_get(cannot, 0), "channel"), "one");
    assert_string_equal(json_path_str(json_array_get(cannot, 0), "why"),
                        "it cannot be taken back there");
    json_decref(answer);
    expect(&f, 2, "rejected", 0, 1);
    teardown(&f);
}

static void a_retraction_says_where_it_cannot(void **state)
{
    (void)state;
    retraction_says_where_it_cannot("blind");
    retraction_says_where_it_cannot("muted"); /* with these settings */
}

static void use_settings(struct fixture *f, const char *more, const char *yaml)
{
    struct config *old = f->c.config;

    f->yaml = yaml;
    read_config(f, "plain", more);
    config_unref(old);
    channels_apply(f->c.channels);
}

/* An article stands on a channel that is switched off or taken out of the settings. What comes
 * for it meanwhile waits for the channel, and goes out when it is back. */
struct away {
    const char *channel;
    const char *more, *more_then; /* settings of "one", before and while the channel is away */
    bool two;                     /* it is the channel "two", which is taken out */
    const char *why;              /* of a retraction; NULL: a new revision comes */
    const char *line;
};

static void retract_away(struct fixture *f, const struct away *row)
{
    const struct intake_options options = {.source = "api"};
    struct intake in;
    char channels[200];
    json_t *cannot;

    accepted = false;
    assert_int_equal(intake_retract(&f->c, &in, "a1", NULL, &options, NULL, on_done, NULL), 0);
    wait_accepted(f, &in);
    channels_of(answer, channels);
    assert_string_equal(channels, row->channel);
    cannot = json_array_get(json_object_get(answer, "cannot"), 0);
    assert_string_equal(json_path_str(cannot, "channel"), row->channel);
    assert_string_equal(json_path_str(cannot, "why"), row->why);
    json_decref(answer);
}

static void play_away(const struct away *row)
{
    static const struct reply replies[] = {{.status = 200}, {.status = 200}, {.status = 0}};
    struct fixture f;
    char two[128];

    setup(&f, "plain", row->more, replies);
    (void)snprintf(two,
                   sizeof two,
                   "  two: {type: plain, url: \"http://127.0.0.1:%d\", allow_private: true}\n",
                   f.server.port);
    use_settings(&f, row->more, row->two ? two : "");
    submit(&f);
    expect(&f, 1, "done", 0, 1);
    use_settings(&f, row->more_then, "");
    if (row->why) {
        retract_away(&f, row);
    } else {
        submit_more(&f, "Better news", "text", NULL);
    }
    expect(&f, 2, "ready", 5, 1);
    use_settings(&f, row->more, row->two ? two : "");
    courier_poke(f.c.courier);
    expect(&f, 2, "done", 5, 2);
    assert_string_equal(line_of(&f.script, 1), row->line);
    teardown(&f);
}

static void a_channel_that_is_away_misses_nothing(void **state)
{
    static const char elsewhere[] = ", when: {category: World}";
    static const char off[] = ", enabled: false";
    static const struct away rows[] = {
        {"one",
         "",
         off,
         false,
         "the channel is not enabled now; it is retracted when it is back",
         "POST /delete"},
        {"one", "", off, false, NULL, "POST /edit"},
        {"two",
         elsewhere,
         elsewhere,
         true,
         "the channel is not configured now; it is retracted when it is back",
         "POST /delete"},
        {"two", elsewhere, elsewhere, true, NULL, "POST /edit"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        play_away(&rows[i]);
    }
}

static void a_failing_ledger_is_told(void **state)
{
    const struct intake_options options = {.source = "api"};
    json_t *json = json_loads("{\"url\": \"https://a.example/\", \"title\": \"T\"}", 0, NULL);
    struct fixture f;
    struct intake in;

    (void)state;
    start(&f);
    (void)fault_set("ledger.accept:1");
    accepted = false;
    assert_int_equal(take_json(&f.c, &in, json, &options), 0);
    wait_accepted(&f, &in);
    assert_int_equal(answer_rc, ERR_IO);
    json_decref(json);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_article_goes_to_the_channels_it_is_for),
        cmocka_unit_test(the_same_again_is_the_same_article),
        cmocka_unit_test(a_replayed_signature_is_answered_as_before),
        cmocka_unit_test(what_is_too_old_is_recorded_only),
        cmocka_unit_test(an_old_article_that_was_sent_is_updated),
        cmocka_unit_test(all_names_that_a_source_tells_lead_to_the_article),
        cmocka_unit_test(an_event_that_comes_late_undoes_nothing),
        cmocka_unit_test(what_was_recorded_goes_where_it_would_have_gone),
        cmocka_unit_test(what_is_taken_back_later_says_when),
        cmocka_unit_test(bad_input_is_refused_before_anything_happens),
        cmocka_unit_test(an_unknown_channel_cannot_be_tested),
        cmocka_unit_test(a_retraction_finds_its_article),
        cmocka_unit_test(a_retraction_says_where_it_cannot),
        cmocka_unit_test(a_channel_that_is_away_misses_nothing),
        cmocka_unit_test(a_failing_ledger_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
