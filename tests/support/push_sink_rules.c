/* What the fake push service answers, counts and writes down. */

#include "tests/support/push_sink_internal.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/parse.h"

struct sink_path {
    struct sink_path *next;
    uint64_t requests, accepted;
    char path[];
};

/* ---- commands ---- */

static bool number(const char *text, int *out)
{
    int64_t v;

    if (!parse_i64(text, &v) || v < 0 || v > INT32_MAX) {
        return false;
    }
    *out = (int)v;
    return true;
}

static bool copy(char *to, size_t size, const char *from)
{
    return (size_t)snprintf(to, size, "%s", from) < size;
}

static bool read_what(struct sink_rule *r, const char *word)
{
    static const struct {
        const char *word;
        enum sink_what what;
    } words[] = {{"stall", SINK_STALL},
                 {"close", SINK_CLOSE},
                 {"reset", SINK_RESET},
                 {"refuse", SINK_REFUSE},
                 {"goaway", SINK_GOAWAY}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].word, word) == 0) {
            r->what = words[i].what;
            return true;
        }
    }
    return false;
}

static bool read_header(struct sink_rule *r, const char *text)
{
    const char *colon = strchr(text, ':');

    if (!colon || (size_t)(colon - text) >= sizeof r->header_name) {
        return false;
    }
    memcpy(r->header_name, text, (size_t)(colon - text));
    return copy(r->header_value, sizeof r->header_value, colon + 1);
}

static bool read_word(struct sink_rule *r, const char *word)
{
    const struct {
        const char *name;
        int *to;
    } numbers[] = {{"percent=", &r->percent},
                   {"every=", &r->every},
                   {"first=", &r->first},
                   {"skip=", &r->skip},
                   {"status=", &r->status},
                   {"retry_after=", &r->retry_after}};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        size_t len = strlen(numbers[i].name);

        if (strncmp(word, numbers[i].name, len) == 0) {
            return number(word + len, numbers[i].to);
        }
    }
    if (strncmp(word, "path=", 5) == 0) {
        return copy(r->path, sizeof r->path, word + 5);
    }
    if (strncmp(word, "host=", 5) == 0) {
        return copy(r->host, sizeof r->host, word + 5);
    }
    if (strncmp(word, "header=", 7) == 0) {
        return read_header(r, word + 7);
    }
    if (strcmp(word, "once") == 0) {
        r->once = true;
        return true;
    }
    return read_what(r, word);
}

static bool add_rule(struct push_sink *s, const char *text)
{
    struct sink_rule *r = mem_zalloc(sizeof *r), **at;
    bool good = true;

    r->percent = 100;
    r->status = 201;
    r->retry_after = -1;
    while (good && *text) {
        char word[512];
        size_t len = strcspn(text, " ");

        if (strncmp(text, "body=", 5) == 0) {
            good = copy(r->body, sizeof r->body, text + 5);
            break;
        }
        good = len < sizeof word;
        if (good && len > 0) {
            memcpy(word, text, len);
            word[len] = '\0';
            good = read_word(r, word);
        }
        text += len + strspn(text + len, " ");
    }
    if (!good || r->status < 100 || r->status > 599) {
        mem_free(r);
        return false;
    }
    (void)pthread_mutex_lock(&s->lock);
    for (at = &s->rules; *at; at = &(*at)->next) {
    }
    *at = r;
    (void)pthread_mutex_unlock(&s->lock);
    return true;
}

/* Answers on their way point to them: they end with the sink. */
static void clear_rules(struct push_sink *s)
{
    struct sink_rule **at;

    (void)pthread_mutex_lock(&s->lock);
    for (at = &s->old_rules; *at; at = &(*at)->next) {
    }
    *at = s->rules;
    s->rules = NULL;
    (void)pthread_mutex_unlock(&s->lock);
}

static bool set_http1(struct push_sink *s, const char *word)
{
    static const char *const words[] = {
        [SINK_BOTH] = "off", [SINK_ONLY_ONE] = "on", [SINK_ONLY_ONE_STRICTLY] = "refuse"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            atomic_store(&s->http1, (int)i);
            return true;
        }
    }
    return false;
}

static bool set_then(struct push_sink *s, const char *text)
{
    const char *blank = strchr(text, ' ');
    char first[16] = "";
    int n, after;

    if (!blank || (size_t)(blank - text) >= sizeof first) {
        return false;
    }
    memcpy(first, text, (size_t)(blank - text));
    if (!number(first, &n) || !number(blank + 1, &after)) {
        return false;
    }
    atomic_store(&s->then_streams, n);
    atomic_store(&s->then_after, after);
    return true;
}

static bool set_number(struct push_sink *s, const char *command)
{
    const struct {
        const char *name;
        atomic_int *to;
    } numbers[] = {{"rtt ", &s->rtt_ms},
                   {"streams ", &s->streams},
                   {"goaway ", &s->goaway_after},
                   {"window ", &s->window}};
    int n;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        size_t len = strlen(numbers[i].name);

        if (strncmp(command, numbers[i].name, len) == 0) {
            if (!number(command + len, &n)) {
                return false;
            }
            atomic_store(numbers[i].to, n);
            return true;
        }
    }
    return false;
}

bool push_sink_do(struct push_sink *s, const char *command)
{
    int n;

    if (strncmp(command, "rule ", 5) == 0) {
        return add_rule(s, command + 5);
    }
    if (strcmp(command, "rules clear") == 0) {
        clear_rules(s);
        return true;
    }
    if (strncmp(command, "then ", 5) == 0) {
        return set_then(s, command + 5);
    }
    if (strncmp(command, "down ", 5) == 0) {
        if (!number(command + 5, &n)) {
            return false;
        }
        atomic_store(&s->down_until_us, n == 0 ? 0 : clock_mono_us() + (int64_t)n * 1000);
        return true;
    }
    if (strcmp(command, "cut") == 0) {
        (void)atomic_fetch_add(&s->cut, 1);
        return true;
    }
    if (strcmp(command, "location on") == 0 || strcmp(command, "location off") == 0) {
        atomic_store(&s->location, command[10] == 'n');
        return true;
    }
    if (strncmp(command, "http1 ", 6) == 0) {
        return set_http1(s, command + 6);
    }
    if (strcmp(command, "freeze on") == 0 || strcmp(command, "freeze off") == 0) {
        atomic_store(&s->frozen, command[8] == 'n');
        return true;
    }
    return set_number(s, command);
}

/* ---- judging ---- */

/* The same for the same path in every run. */
static unsigned percent_of(const char *path)
{
    uint32_t h = 2166136261U;

    for (; *path; path++) {
        h = (h ^ (unsigned char)*path) * 16777619U;
    }
    return (h ^ h >> 15) % 100;
}

static bool holds(struct sink_rule *rule, const char *path, const char *host, uint64_t before)
{
    if ((rule->path[0] && fnmatch(rule->path, path, 0) != 0) ||
        (rule->host[0] && fnmatch(rule->host, host, 0) != 0)) {
        return false;
    }
    rule->seen++;
    if ((rule->percent < 100 && percent_of(path) >= (unsigned)rule->percent) ||
        (rule->every > 0 && rule->seen % (unsigned)rule->every != 0) ||
        (rule->once && before > 0)) {
        return false;
    }
    rule->held++;
    if (rule->held <= (uint64_t)rule->skip) {
        return false;
    }
    return rule->first == 0 || rule->held <= (uint64_t)rule->skip + (uint64_t)rule->first;
}

static struct sink_path *path_of(struct push_sink *s, const char *path, size_t len)
{
    struct sink_path *p;

    if (s->no_paths) {
        return NULL;
    }
    p = map_get(s->paths, path, len);
    if (!p) {
        p = mem_zalloc(sizeof *p + len + 1);
        memcpy(p->path, path, len);
        (void)map_put(s->paths, path, len, p);
        p->next = s->path_list;
        s->path_list = p;
    }
    return p;
}

static void record(struct push_sink *s, const struct sink_request *r, uint64_t connection)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    crypto_base64(&b, r->body.data, r->body.len);
    (void)fprintf(
        s->record,
        "{\"path\": \"%s\", \"status\": %d, \"connection\": %" PRIu64 ", \"at_us\": %" PRId64
        ", \"headers\": {%s}, \"body\": \"%s\"}\n",
        buf_str(&r->path),
        r->answer.what == SINK_ANSWER || r->answer.what == SINK_GOAWAY ? r->answer.status : 0,
        connection,
        clock_mono_us(),
        buf_str(&r->headers),
        buf_str(&b));
    buf_done(&b);
}

static void count(struct push_sink *s, struct sink_request *r, struct sink_path *p)
{
    const struct sink_answer *a = &r->answer;

    s->count.requests++;
    s->count.bytes += r->bytes;
    if (p) {
        p->requests++;
    }
    if (a->what != SINK_ANSWER && a->what != SINK_GOAWAY) {
        return;
    }
    s->count.statuses[a->status]++;
    if (a->status < 300) {
        s->count.accepted++;
        if (p) {
            p->accepted++;
        }
    }
}

void sink_judge(struct push_sink *s, struct sink_request *r, uint64_t connection)
{
    struct sink_answer *a = &r->answer;
    struct sink_path *p;

    *a = (struct sink_answer){.what = SINK_ANSWER, .status = 201, .retry_after = -1};
    (void)pthread_mutex_lock(&s->lock);
    p = path_of(s, buf_str(&r->path), r->path.len);
    for (struct sink_rule *rule = s->rules; rule; rule = rule->next) {
        if (holds(rule, buf_str(&r->path), buf_str(&r->host), p ? p->requests : 0)) {
            *a = (struct sink_answer){rule->what, rule->status, rule->retry_after, rule};
            break;
        }
    }
    if (a->what != SINK_REFUSE) {
        count(s, r, p);
        if (s->record) {
            record(s, r, connection);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- what is asked ---- */

void push_sink_count(struct push_sink *s, struct push_sink_count *out)
{
    (void)pthread_mutex_lock(&s->lock);
    *out = s->count;
    (void)pthread_mutex_unlock(&s->lock);
}

uint64_t push_sink_path(struct push_sink *s, const char *path, uint64_t *out_accepted)
{
    struct sink_path *p;
    uint64_t n = 0, accepted = 0;

    (void)pthread_mutex_lock(&s->lock);
    p = map_get(s->paths, path, strlen(path));
    if (p) {
        n = p->requests;
        accepted = p->accepted;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (out_accepted) {
        *out_accepted = accepted;
    }
    return n;
}

void push_sink_each_path(struct push_sink *s, push_sink_path_fn *fn, void *context)
{
    (void)pthread_mutex_lock(&s->lock);
    for (const struct sink_path *p = s->path_list; p; p = p->next) {
        fn(context, p->path, p->requests, p->accepted);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

void push_sink_flush(struct push_sink *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->record) {
        (void)fflush(s->record);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void forget_paths(struct push_sink *s)
{
    while (s->path_list) {
        struct sink_path *p = s->path_list;

        s->path_list = p->next;
        mem_free(p);
    }
    map_free(s->paths);
    s->paths = NULL;
}

void push_sink_reset(struct push_sink *s)
{
    clear_rules(s);
    atomic_store(&s->rtt_ms, 0);
    atomic_store(&s->streams, 1000);
    atomic_store(&s->then_after, 0);
    atomic_store(&s->goaway_after, 0);
    atomic_store(&s->down_until_us, 0);
    atomic_store(&s->frozen, false);
    atomic_store(&s->http1, SINK_BOTH);
    (void)pthread_mutex_lock(&s->lock);
    s->count = (struct push_sink_count){.connections = s->count.connections};
    forget_paths(s);
    s->paths = map_new();
    (void)pthread_mutex_unlock(&s->lock);
}

static void free_rules(struct sink_rule *r)
{
    while (r) {
        struct sink_rule *next = r->next;

        mem_free(r);
        r = next;
    }
}

void sink_rules_done(struct push_sink *s)
{
    free_rules(s->rules);
    free_rules(s->old_rules);
    forget_paths(s);
}
