/* Every step's read() against whatever a platform may answer: the input is a dialogue. Its first line
 * names a way of tests/support/ways.c and a course ("slack webhook publish"; anything else picks
 * some), the next three are the record, the post that stands and the account, as JSON objects. Then
 * come the answers, a line "%%" between them, each as HTTP has it: the status (none: there is no answer),
 * headers, an empty line, the body. A header "Stage" tells which command of a mail server's dialogue it
 * is to.
 *
 * What is remembered is the ledger's and no outsider's: it may be nonsense, too, but then a request may
 * have no address. The course runs as service/courier.c runs it. When the answers are used up, or it has ended, the
 * requests of all courses are built once more: nothing an answer left behind may break one.
 * Seeds: tests/fuzz/seeds.py makes them of the dialogues. */

#include <stdlib.h>

#include "base/text.h"
#include "support/ways.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1795446001000)
#define STEPS_MAX 24

static const char article_json[] =
    "{\"id\":\"1\",\"url\":\"https://news.example/"
    "a\",\"title\":\"Flood\",\"summary\":\"Water\","
    "\"images\":[{\"url\":\"https://news.example/i.jpg\",\"alt\":\"A boat\"}],"
    "\"tags\":[\"a\"],\"language\":\"en\"}";

static const struct article *sample_article(void)
{
    static struct article *article;

    if (article == NULL) {
        struct article_faults faults = {.count = 0};
        json_t *v = json_loads(article_json, 0, NULL);

        must(article_from_json(&article, v, 0, &faults, NULL) == 0);
        json_decref(v);
    }
    return article;
}

/* ---- what is played ---- */

struct play {
    const struct way *way;
    struct step_ctx ctx;
    bool from_nothing; /* all that is remembered comes from these answers */
    struct input answers;
};

static void pick(struct play *p, const char *line)
{
    size_t count, sum = 0;
    const struct way *ways = ways_all(&count);
    const struct way *found = NULL;

    for (const char *c = line; *c != '\0'; c++) {
        sum = sum * 31 + (unsigned char)*c;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(ways[i].name);

        if (strncmp(line, ways[i].name, len) == 0 && line[len] == ' ' &&
            course_parse(line + len + 1, &p->ctx.course)) {
            found = &ways[i];
        }
    }
    p->ctx.course = found != NULL ? p->ctx.course : (enum course)(sum % (COURSE_TEST + 1));
    p->way = found != NULL ? found : &ways[sum / 8 % count];
}

/* The next line as an object; an empty one, or NULL, when it is none. */
static json_t *next_object(struct input *in, bool or_empty)
{
    char *line = input_line_dup(in);
    json_t *v = NULL;

    if (json_read(&v, line, strlen(line), 32, NULL) != ERR_NONE || !json_is_object(v)) {
        json_decref(v);
        v = or_empty ? json_object() : NULL;
    }
    mem_free(line);
    return v;
}

static void play_init(struct play *p, const uint8_t *data, size_t size)
{
    static const struct site_facts site = {
        .name = "N", .url = "https://news.example", .language = "en"};
    char *line;

    *p = (struct play){.answers = {data, size}};
    line = input_line_dup(&p->answers);
    pick(p, line);
    mem_free(line);
    p->ctx = (struct step_ctx){
        .settings = p->way->settings,
        .audience = p->way->adapter->audience,
        .site = &site,
        .channel = "main",
        .article = sample_article(),
        .article_id = "art_0000000000001",
        .delivery_id = "dlv_0000000000001",
        .key = "8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543",
        .link = "https://news.example/a",
        .reason = "",
        .revision = 1,
        .created_at_ms = NOW_MS,
        .now_ms = NOW_MS + 1000,
        .course = p->ctx.course,
        .record = next_object(&p->answers, true),
        .post = next_object(&p->answers, false),
        .account = next_object(&p->answers, true),
    };
    p->from_nothing = json_object_size(p->ctx.record) + json_object_size(p->ctx.account) == 0 &&
                      p->ctx.post == NULL;
}

static void play_done(struct play *p)
{
    json_decref(p->ctx.record);
    json_decref(p->ctx.account);
    json_decref((json_t *)(uintptr_t)p->ctx.post);
}

/* ---- answers ---- */

/* Of a mail server's reply: a digit. */
static enum mail_stage stage_of(const char *digit)
{
    return digit != NULL && *digit >= '0' && *digit <= '9' ? (enum mail_stage)(*digit - '0')
                                                           : MAIL_NO_STAGE;
}

/* Up to the next line "%%"; yours. */
static char *next_answer_dup(struct input *in, size_t *out_len)
{
    const uint8_t *end = in->left == 0 ? NULL : memmem(in->at, in->left, "\n%%\n", 4);
    size_t len = end == NULL ? in->left : (size_t)(end - in->at);
    char *text = mem_zalloc(len + 1);

    if (len > 0) {
        memcpy(text, in->at, len);
    }
    in->at += len + (end == NULL ? 0 : 4);
    in->left -= len + (end == NULL ? 0 : 4);
    *out_len = len;
    return text;
}

/* The head of an answer: in is behind it afterwards. */
static void read_head(struct http_response *res, struct input *in)
{
    char *line = input_line_dup(in);

    for (size_t i = 0; i < 3 && line[i] >= '0' && line[i] <= '9'; i++) {
        res->status = res->status * 10 + line[i] - '0';
    }
    mem_free(line);
    for (;;) {
        char *colon;

        line = input_line_dup(in);
        colon = strchr(line, ':');
        if (colon == NULL) {
            break;
        }
        http_headers_add(
            &res->headers, line, (size_t)(colon - line), colon + 1, strlen(colon + 1));
        mem_free(line);
    }
    mem_free(line);
    res->stage = stage_of(http_header(&res->headers, "Stage"));
}

static struct verdict read_next(struct play *p, const struct step *step)
{
    struct http_response res = {.now_ms = p->ctx.now_ms + 1000};
    size_t len;
    char *text = next_answer_dup(&p->answers, &len);
    struct input in = {(const uint8_t *)text, len};
    struct verdict v;

    read_head(&res, &in);
    res.body = text + (len - in.left);
    res.body_len = in.left;
    v = res.status == 0 && step->unanswered
            ? step->unanswered(&p->ctx, TRANSPORT_LOST, res.body)
            : step->read(&p->ctx, &res);
    http_headers_done(&res.headers);
    mem_free(text);
    return v;
}

/* ---- the course ---- */

static void
check_verdict(const struct play *p, const struct step *steps, const struct verdict *v)
{
    size_t len = strnlen(v->detail, sizeof v->detail);

    must(len < sizeof v->detail && (len == 0 || text_valid(v->detail, len)));
    must(verdict_name(v->kind)[0] != '\0' && v->retry_after_ms >= 0);
    must(v->kind != VERDICT_ABSENT || p->ctx.course == COURSE_VERIFY);
    must(!v->jump || step_find(steps, v->jump));
    must(!v->not_counted || v->kind == VERDICT_AGAIN);
    must(!v->stands || v->kind == VERDICT_AGAIN);
    must(!v->refused || v->kind == VERDICT_NEXT);
    must(json_is_object(p->ctx.record) && json_is_object(p->ctx.account));
}

/* NULL: there is none, or the request cannot be made. */
static const struct step *
play_step(struct play *p, const struct step *steps, const struct step *s)
{
    struct http_request req;
    struct verdict v = verdict_next();

    http_request_init(&req);
    p->ctx.fit_count = 0;
    if (s->build(&p->ctx, &req, NULL) != ERR_NONE) {
        http_request_done(&req);
        return NULL;
    }
    wire_check_fits(&p->ctx);
    if (!req.skip) {
        wire_check(&req);
        if (p->from_nothing) {
            wire_check_url(&req);
        }
        v = read_next(p, s);
        check_verdict(p, steps, &v);
        p->ctx.now_ms += 1000 + v.retry_after_ms % (MS_HOUR * 48);
    }
    http_request_done(&req);
    if (v.kind == VERDICT_NEXT) {
        s = v.jump ? step_find(steps, v.jump) : s + 1;
        return s->name ? s : NULL;
    }
    if (v.kind == VERDICT_AGAIN || v.kind == VERDICT_UNKNOWN || v.kind == VERDICT_BLOCKED) {
        return v.jump ? step_find(steps, v.jump) : s;
    }
    return NULL;
}

static void play_course(struct play *p)
{
    const struct step *steps =
        adapter_course_with(p->way->adapter, p->way->settings, p->ctx.course);
    const struct step *step = steps;

    for (int n = 0; step && p->answers.left > 0 && n < STEPS_MAX; n++) {
        step = play_step(p, steps, step);
    }
}

static void build_all(struct play *p, enum course course)
{
    const struct step *steps = adapter_course_with(p->way->adapter, p->way->settings, course);

    p->ctx.course = course;
    for (const struct step *s = steps; s && s->name; s++) {
        struct http_request req;

        http_request_init(&req);
        p->ctx.fit_count = 0;
        if (s->build(&p->ctx, &req, NULL) == ERR_NONE && !req.skip) {
            wire_check(&req);
            wire_check_fits(&p->ctx);
        }
        http_request_done(&req);
    }
}

/* What became of the delivery is the post of those that follow. */
static void build_later(struct play *p)
{
    build_all(p, p->ctx.course);
    json_decref((json_t *)(uintptr_t)p->ctx.post);
    p->ctx.post = json_deep_copy(p->ctx.record);
    p->ctx.revision++;
    build_all(p, COURSE_UPDATE);
    build_all(p, COURSE_VERIFY);
    build_all(p, COURSE_RETRACT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t kept_count;
    struct play p;

    if (kept_count == 0) { /* what is kept for the process is made first */
        size_t count;

        (void)ways_all(&count);
        (void)sample_article();
        kept_count = mem_live_count();
    }
    play_init(&p, data, size);
    play_course(&p);
    build_later(&p);
    play_done(&p);
    must(mem_live_count() == kept_count);
    return 0;
}
