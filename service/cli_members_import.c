/* `crier members CHANNEL import FILE`: a file of subscriptions, of any length, goes over in portions. What cannot
 * be taken in is told with its line, and the rest goes on. Bringing the same file in again changes nothing, so one
 * that was broken off is simply brought in again. */

#include "service/cli_members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/cli_print.h"
#include "service/client.h"

#define PORTION_LINES 2000
#define PORTION_BYTES ((size_t)1024 * 1024) /* well below any sensible server.max_body */
#define READ_BYTES 65536
#define QUERY_BYTES 2048
#define PROGRESS_MS 200

struct import {
    const struct cli_args *args;
    struct client *client;
    char *path;
    const char *name; /* of the file */
    struct buf portion;
    size_t lines[PORTION_LINES]; /* of each of the portion, in the file */
    size_t count;
    json_t *totals;
    int64_t seen, faulty;
    bool shows; /* how far it is, on a terminal */
    int64_t start_ms, shown_ms;
    int exit;
};

static void clear_progress(const struct import *m)
{
    if (m->shows) {
        (void)fputs("\r\033[K", stderr);
    }
}

static void show_progress(struct import *m)
{
    int64_t now_ms = clock_mono_ms(), took_ms = now_ms - m->start_ms;

    if (m->shows && now_ms - m->shown_ms >= PROGRESS_MS) {
        m->shown_ms = now_ms;
        (void)fprintf(stderr,
                      "\r\033[K%" PRId64 " read, %" PRId64
                      " of them cannot be taken in; %" PRId64 "/s",
                      m->seen,
                      m->faulty,
                      took_ms > 0 ? m->seen * 1000 / took_ms : 0);
    }
}

static void say_fault(struct import *m, size_t line, const char *why)
{
    clear_progress(m);
    m->faulty++;
    (void)fprintf(stderr, "%s:%zu: %s\n", m->name, line, why);
}

static void say_faults(struct import *m, const json_t *answer)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(answer, "errors"), i, one)
    {
        const char *pointer = json_path_str(one, "pointer");
        int64_t at = -1;

        if (pointer && pointer[0] == '/' && parse_i64(pointer + 1, &at) && at >= 0 &&
            at < (int64_t)m->count) {
            say_fault(m, m->lines[at], cli_member(one, "detail", 0));
        }
    }
}

static void add_totals(struct import *m, const json_t *answer)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_unconst(answer), key, value)
    {
        json_int_t so_far = json_integer_value(json_object_get(m->totals, key));

        if (json_is_integer(value) && strcmp(key, "faulty") != 0) {
            (void)json_object_set_new(
                m->totals, key, json_integer(so_far + json_integer_value(value)));
        }
    }
}

/* The service may be busy, or starting anew: a long file is not broken off for that. */
#define TRIES 5

static enum err_code
send_to_service(struct import *m, long *status, json_t **answer, struct err *why)
{
    enum err_code rc = ERR_NONE;

    for (int i = 0; i < TRIES; i++) {
        rc = client_ask_text(m->client,
                             HTTP_POST,
                             m->path,
                             "application/x-ndjson",
                             &m->portion,
                             status,
                             answer,
                             why);
        if (rc || (*status != 503 && *status != 429) || i + 1 == TRIES) {
            break;
        }
        json_decref(*answer);
        (void)sleep(1U << i);
    }
    return rc;
}

static void send_portion(struct import *m)
{
    json_t *answer = NULL;
    struct err why = {0};
    long status = 0;
    enum err_code rc;

    if (m->count == 0 || m->exit != CLI_OK) {
        return;
    }
    rc = send_to_service(m, &status, &answer, &why);
    if (rc) {
        clear_progress(m);
        m->exit = client_fail(m->args, rc, &why);
    } else if (status != 200) {
        clear_progress(m);
        m->exit = cli_fail(m->args, CLI_FAILED, "%s", cli_member(answer, "detail", 0));
    } else {
        say_faults(m, answer);
        add_totals(m, answer);
    }
    json_decref(answer);
    buf_clear(&m->portion);
    m->count = 0;
    show_progress(m);
}

static bool on_item(void *context, size_t line, const char *json, size_t len, const char *why)
{
    struct import *m = context;

    m->seen++;
    if (json == NULL) {
        say_fault(m, line, why);
        return true;
    }
    if (m->count == PORTION_LINES || m->portion.len + len + 1 > PORTION_BYTES) {
        send_portion(m);
    }
    m->lines[m->count++] = line;
    buf_add(&m->portion, json, len);
    buf_addc(&m->portion, '\n');
    return m->exit == CLI_OK;
}

static void read_file(struct import *m, enum member_format format, FILE *file)
{
    struct member_reading *reading = member_reading_new(format, on_item, m);
    char *bytes = mem_alloc(READ_BYTES);
    size_t n;

    while (m->exit == CLI_OK && (n = fread(bytes, 1, READ_BYTES, file)) > 0 &&
           member_reading_push(reading, bytes, n)) {
    }
    if (ferror(file)) {
        clear_progress(m);
        m->exit = cli_fail(m->args, CLI_FAILED, "read %s: %s", m->name, strerror(errno));
    }
    if (m->exit == CLI_OK) {
        (void)member_reading_end(reading);
        send_portion(m);
    }
    mem_free(bytes);
    member_reading_free(reading);
}

static void print_totals(struct import *m)
{
    const char *key;
    json_t *value;

    (void)json_object_set_new(m->totals, "faulty", json_integer(m->faulty));
    if (m->args->json) {
        cli_print_json(m->totals);
        return;
    }
    json_object_foreach(m->totals, key, value)
    {
        (void)printf("%s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
    }
}

/* The rest of the path: what holds for all of whom the file says nothing else. */
static int make_path(struct import *m, enum member_format format)
{
    static const char *const names[][2] = {
        {"consent", "source"}, {"consented-at", "opted_in_at"}, {"key", "key"}};
    int64_t at_ms;
    struct buf query;
    const char *at = cli_option(m->args, "consented-at");

    if (format != MEMBERS_NDJSON && !cli_option(m->args, "consent")) {
        return cli_fail(
            m->args,
            CLI_USAGE,
            "--consent says where these people agreed; without proof of that nobody "
            "is taken in");
    }
    if (at && !time_parse_rfc3339(at, strlen(at), &at_ms)) {
        return cli_fail(
            m->args, CLI_USAGE, "--consented-at is a time such as 2026-11-01T10:00:00Z");
    }
    buf_init(&query, QUERY_BYTES);
    buf_adds(&query, "?skip=true");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = cli_option(m->args, names[i][0]);

        if (value) {
            buf_addf(&query, "&%s=", names[i][1]);
            url_encode(&query, value);
        }
    }
    m->path = cli_members_path(m->args->operands[0], buf_str(&query), NULL);
    buf_done(&query);
    return CLI_OK;
}

static int run(struct import *m, enum member_format format, FILE *file)
{
    buf_init(&m->portion, 2 * PORTION_BYTES);
    m->totals = json_object();
    m->shows = isatty(STDERR_FILENO) == 1;
    m->start_ms = clock_mono_ms();
    read_file(m, format, file);
    clear_progress(m);
    print_totals(m); /* what went before a mistake is in */
    buf_done(&m->portion);
    json_decref(m->totals);
    return m->exit == CLI_OK && m->faulty > 0 ? CLI_FAILED : m->exit;
}

int cli_members_import(const struct cli_args *args, struct client *client)
{
    struct import *m = mem_zalloc(sizeof *m);
    enum member_format format;
    FILE *file = NULL;
    int exit;

    m->args = args;
    m->client = client;
    m->name = args->operands[2];
    exit = cli_members_format(args, &format);
    exit = exit == CLI_OK ? make_path(m, format) : exit;
    if (exit == CLI_OK && strcmp(m->name, "-") == 0) {
        exit = run(m, format, stdin);
    } else if (exit == CLI_OK) {
        file = fopen(m->name, "re");
        if (file == NULL) {
            exit = cli_fail(args, CLI_FAILED, "open %s: %s", m->name, strerror(errno));
        } else {
            exit = run(m, format, file);
            (void)fclose(file);
        }
    }
    mem_free(m->path);
    mem_free(m);
    return exit;
}
