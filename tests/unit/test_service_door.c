/* What the door answers, to well-formed and to malformed requests, at once and later; who gets in; and
 * where it listens. What is left when everybody has gone stands in door_kit.h, and holds for every
 * case: no handle, no allocation. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "tests/support/door_kit.h"

/* ---- cases ---- */

#define END "Host: localhost\r\nConnection: close\r\n\r\n"

struct case_row {
    const char *sentence, *request;
    int status;
    const char *has[4]; /* in the answer */
    const char *hasnt;
};

static void check_row(const struct case_row *row)
{
    const struct client *c = ask(row->request, strlen(row->request));

    if (status_of(c->answer) != row->status) {
        fail_msg("%s: expected %d, got \"%s\"", row->sentence, row->status, c->answer);
    }
    for (size_t i = 0; i < ARRAY_LEN(row->has) && row->has[i] != NULL; i++) {
        if (strstr(c->answer, row->has[i]) == NULL) {
            fail_msg("%s: no \"%s\" in \"%s\"", row->sentence, row->has[i], c->answer);
        }
    }
    if (row->hasnt != NULL && strstr(c->answer, row->hasnt) != NULL) {
        fail_msg("%s: \"%s\" in \"%s\"", row->sentence, row->hasnt, c->answer);
    }
}

static const struct case_row request_rows[] = {
    {"a segment is decoded, its slash is no border",
     "GET /echo/a%2Fb HTTP/1.1\r\n" END,
     200,
     {"\"name\":\"a/b\"", "Content-Type: application/json", "nosniff", "no-store"},
     "Server:"},
    {"a query value is decoded",
     "GET /echo/x?p=1&q=caf%C3%A9+%26 HTTP/1.1\r\n" END,
     200,
     {"\"q\":\"café &\""},
     NULL},
    {"an absent query value is null",
     "GET /echo/x HTTP/1.1\r\n" END,
     200,
     {"\"q\":null"},
     NULL},
    {"HEAD is GET without a body",
     "HEAD /echo/x HTTP/1.1\r\n" END,
     200,
     {"Content-Length: ", "application/json"},
     "\"name\""},
    {"unknown paths are problems",
     "GET /nowhere HTTP/1.1\r\n" END,
     404,
     {"application/problem+json", "\"status\":404", "about:blank", "Not Found"},
     NULL},
    {"a segment too many is unknown", "GET /echo/x/y HTTP/1.1\r\n" END, 404, {NULL}, NULL},
    {"an empty segment matches no parameter", "GET /echo/ HTTP/1.1\r\n" END, 404, {NULL}, NULL},
    {"a wrong method names the right ones",
     "DELETE /echo/x HTTP/1.1\r\n" END,
     405,
     {"Allow: GET, HEAD, POST, OPTIONS"},
     NULL},
    {"a method nobody knows too", "BREW /echo/x HTTP/1.1\r\n" END, 405, {"Allow: GET"}, NULL},
    {"OPTIONS tells what is allowed",
     "OPTIONS /hold HTTP/1.1\r\n" END,
     204,
     {"Allow: GET, HEAD, POST, OPTIONS"},
     NULL},
    {"OPTIONS of nothing is nothing", "OPTIONS /nowhere HTTP/1.1\r\n" END, 404, {NULL}, NULL},
    {"bytes that are no UTF-8 are refused",
     "GET /echo/%ff HTTP/1.1\r\n" END,
     400,
     {"UTF-8"},
     NULL},
    {"so they are in the query", "GET /echo/x?q=%c3%28 HTTP/1.1\r\n" END, 400, {"UTF-8"}, NULL},
    {"a NUL is refused", "GET /echo/%00 HTTP/1.1\r\n" END, 400, {NULL}, NULL},
    {"half an escape is refused", "GET /echo/%4 HTTP/1.1\r\n" END, 400, {NULL}, NULL},
    {"HTTP/1.1 without Host is refused",
     "GET /echo/x HTTP/1.1\r\nConnection: close\r\n\r\n",
     400,
     {NULL},
     NULL},
    {"a body is counted",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 5\r\n" END "12345",
     200,
     {"\"bytes\":5"},
     NULL},
    {"a chunked body is counted",
     "POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
     "5\r\n12345\r\n2;x=y\r\n67\r\n0\r\n\r\n",
     200,
     {"\"bytes\":7"},
     NULL},
    {"who waits for 100 gets it",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" END "ab",
     100,
     {"HTTP/1.1 200", "\"bytes\":2"},
     NULL},
    {"a body announced too large is refused unread",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 1001\r\n" END,
     413,
     {"problem+json", "max_body (1000)", "Connection: close"},
     NULL},
    {"nor is it asked for",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n" END,
     413,
     {NULL},
     "100 Continue"},
    {"two lengths are one too many",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n" END
     "2\r\nab\r\n0\r\n\r\n",
     400,
     {"exclude each other"},
     NULL},
    {"a header set by the handler wins, its context is freed",
     "GET /context HTTP/1.1\r\n" END,
     204,
     {"Cache-Control: max-age=60"},
     "no-store"},
    {"an error of ours has its status",
     "GET /problem HTTP/1.1\r\n" END,
     503,
     {"Retry-After: 5", "disk full"},
     NULL},
};

static void requests_are_answered_by_their_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(request_rows); i++) {
        check_row(&request_rows[i]);
    }
}

static void a_body_at_the_limit_passes_and_one_byte_more_does_not(void **state)
{
    char request[2000];
    int head;

    (void)state;
    for (int over = 0; over < 2; over++) {
        head = snprintf(request,
                        sizeof request,
                        "POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "%x\r\n",
                        MAX_BODY + over);
        memset(request + head, 'x', (size_t)MAX_BODY + 1);
        memcpy(request + head + MAX_BODY + over, "\r\n0\r\n\r\n", 8);
        assert_int_equal(
            status_of(ask(request, strlen("\r\n0\r\n\r\n") + (size_t)(head + MAX_BODY + over))
                          ->answer),
            over ? 413 : 200);
    }
}

static char *big_request(const char *head, size_t body, size_t *out_len)
{
    size_t len = strlen(head);
    char *bytes = mem_alloc(len + body);

    memset(bytes, '7', len + body);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = head[i];
    }
    *out_len = len + body;
    return bytes;
}

/* Four megabytes are on their way when the answer goes out: without lingering the kernel would
 * reset the connection and the client would never read it. */
static void a_client_that_goes_on_sending_still_hears_why_not(void **state)
{
    size_t len;
    char *bytes = big_request(
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n", 4000000, &len);

    (void)state;
    for (int i = 0; i < 5; i++) {
        const struct client *c = ask(bytes, len);

        assert_false(c->failed);
        assert_int_equal(status_of(c->answer), 413);
    }
    mem_free(bytes);
}

static void endless_chunks_are_cut_off_in_bounded_memory(void **state)
{
    static const char head[] =
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n";
    size_t len;
    char *bytes = big_request(head, (size_t)80 * 1024 * 1024, &len);
    struct client *c;

    (void)state;
    c = ask(bytes, len);
    assert_int_equal(c->answer_len,
                     0); /* cut: no limit is known to a client that ignores ours */
    assert_int_equal(w.handled, 0);
    mem_free(bytes);
}

static void long_request_lines_and_headers_are_refused(void **state)
{
    static char request[60000];

    (void)state;
    (void)snprintf(request, sizeof request, "GET /echo/%017000d HTTP/1.1\r\n" END, 1);
    assert_int_equal(status_of(ask(request, strlen(request))->answer), 414);
    (void)snprintf(request, sizeof request, "GET /echo/x HTTP/1.1\r\nX-A: %040000d\r\n" END, 1);
    assert_in_range(status_of(ask(request, strlen(request))->answer), 400, 499);
    assert_int_equal(w.handled, 0);
}

static void garbage_ends_the_connection_and_nothing_else(void **state)
{
    static const char *const rows[] = {"\x16\x03\x01\x02",
                                       "GET\r\n\r\n",
                                       "\r\n\r\n\r\n\r\n",
                                       "GET /echo/x HTTP/9.9\r\n\r\n",
                                       "POST /echo/x HTTP/1.1\r\nHost: "
                                       "h\r\nContent-Length: -1\r\n\r\n",
                                       "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                                       "chunked\r\n\r\nzz\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct client *c = ask(rows[i], strlen(rows[i]));

        assert_true(c->answer_len == 0 || status_of(c->answer) >= 400);
    }
    assert_int_equal(
        status_of(ask("GET /echo/x HTTP/1.1\r\n" END, strlen("GET /echo/x HTTP/1.1\r\n" END))
                      ->answer),
        200);
}

static void a_slow_body_is_waited_for(void **state)
{
    static struct client c;

    (void)state;
    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = "POST /echo/slow HTTP/1.1\r\nContent-Length: 3\r\n" END "abc";
    c.request_len = strlen(c.request);
    c.gap_ms = 2;
    client_start(&c);
    client_wait(&c);
    assert_int_equal(status_of(c.answer), 200);
    assert_non_null(strstr(c.answer, "\"bytes\":3"));
}

static void idle_connections_are_closed(void **state)
{
    const struct client *c;
    int64_t start_ms = clock_mono_ms();

    (void)state;
    c = ask("GET /echo/half", 14);
    assert_true(c->answer_len == 0 || status_of(c->answer) >= 400);
    assert_in_range(clock_mono_ms() - start_ms, 500, 4000);
}

static void answers_may_come_later(void **state)
{
    static struct client c[20];

    (void)state;
    memset(c, 0, sizeof c);
    assert_int_equal(uv_timer_start(&w.ticker, on_tick, 20, 20), 0);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i].run = run_raw;
        c[i].request = "POST /hold HTTP/1.1\r\nContent-Length: 3\r\n" END "abc";
        c[i].request_len = strlen(c[i].request);
        client_start(&c[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_wait(&c[i]);
        assert_int_equal(status_of(c[i].answer), 202);
    }
}

static void pipelined_requests_are_answered_in_their_order(void **state)
{
    static const char two[] =
        "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /echo/second HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
        "GET /echo/third HTTP/1.1\r\n" END;
    const struct client *c;
    const char *first, *second, *third;

    (void)state;
    assert_int_equal(uv_timer_start(&w.ticker, on_tick, 20, 20), 0);
    c = ask(two, strlen(two));
    first = strstr(c->answer, "answered");
    second = strstr(c->answer, "second");
    third = strstr(c->answer, "third");
    assert_true(first != NULL && second > first && third > second);
}

static void a_client_that_vanishes_harms_nobody(void **state)
{
    static const char hold[] = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";
    static struct client c;

    (void)state;
    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = hold;
    c.request_len = strlen(hold);
    c.vanish = true;
    client_start(&c);
    client_wait(&c);
    RUN_UNTIL(w.held_count == 1);
    assert_false(door_idle(w.crier.door));
    answer_held();
    RUN_UNTIL(door_idle(w.crier.door) && door_connections(w.crier.door) == 0);
}

static void a_client_that_vanishes_within_its_body_is_forgotten(void **state)
{
    static struct client c;

    (void)state;
    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc";
    c.request_len = strlen(c.request);
    c.vanish = true;
    client_start(&c);
    client_wait(&c);
    run_for(50);
    RUN_UNTIL(door_idle(w.crier.door));
    assert_int_equal(w.handled, 0);
}

/* ---- tokens ---- */

static int secret_status(const char *headers)
{
    char request[600];

    (void)snprintf(request, sizeof request, "GET /secret/x HTTP/1.1\r\n%s" END, headers);
    return status_of(ask(request, strlen(request))->answer);
}

static void the_token_opens(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } rows[] = {
        {"", 401},
        {"Authorization: Bearer s3cr3t-token\r\n", 200},
        {"Authorization: bearer s3cr3t-token\r\n", 200},
        {"Authorization: Bearer s3cr3t-toke\r\n", 401},
        {"Authorization: Bearer s3cr3t-token2\r\n", 401},
        {"Authorization: Basic s3cr3t-token\r\n", 401},
        {"Authorization: Bearer\r\n", 401},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (secret_status(rows[i].headers) != rows[i].status) {
            fail_msg("%s: expected %d", rows[i].headers, rows[i].status);
        }
    }
    assert_non_null(strstr(
        ask("GET /secret/x HTTP/1.1\r\n" END, strlen("GET /secret/x HTTP/1.1\r\n" END))->answer,
        "WWW-Authenticate: Bearer"));
}

static void ten_wrong_tokens_close_the_door_for_a_minute(void **state)
{
#define FROM(peer, token)                                                                      \
    "X-Forwarded-For: 9.9.9.9, " peer "\r\nAuthorization: Bearer " token "\r\n"
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(secret_status(FROM("203.0.113.1", "guess")), 401);
    }
    assert_int_equal(secret_status(FROM("203.0.113.1", "guess")), 429);
    assert_int_equal(secret_status(FROM("203.0.113.1", "s3cr3t-token")), 429);
    assert_int_equal(secret_status(FROM("203.0.113.2", "s3cr3t-token")), 200);
    for (int i = 0; i < 10;
         i++) { /* whoever is on this machine keeps the right token's way in */
        assert_int_equal(secret_status("Authorization: Bearer guess\r\n"), 401);
    }
    assert_int_equal(secret_status("Authorization: Bearer guess\r\n"), 429);
    assert_int_equal(secret_status("Authorization: Bearer s3cr3t-token\r\n"), 200);
#if WITH_FAULTS
    clock_advance(61 * MS_SECOND);
    assert_int_equal(secret_status(FROM("203.0.113.1", "s3cr3t-token")), 200);
#endif
}

static void without_a_token_only_this_machine_gets_in(void **state)
{
    static const struct case_row rows[] = {
        {"a local program", "GET /secret/x HTTP/1.1\r\n" END, 200, {NULL}, NULL},
        {"by address and port",
         "GET /secret/x HTTP/1.1\r\nHost: 127.0.0.1:8480\r\nConnection: close\r\n\r\n",
         200,
         {NULL},
         NULL},
        {"a page in a browser",
         "GET /secret/x HTTP/1.1\r\nOrigin: https://evil.example\r\n" END,
         403,
         {"server.token"},
         NULL},
        {"a name that was made to point here",
         "GET /secret/x HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n",
         403,
         {NULL},
         NULL},
        {"somebody behind a proxy",
         "GET /secret/x HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" END,
         403,
         {NULL},
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(&rows[i]);
    }
}

/* ---- other ways to listen ---- */

static size_t take_nothing(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static long curl_status(const char *url, const char *socket_path)
{
    CURL *curl = curl_easy_init();
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_nothing);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

static char listen_path[128];

static void run_curl(struct client *c)
{
    char url[200];

    (void)snprintf(url,
                   sizeof url,
                   "%s/secret/x",
                   listen_path[0] != '\0' ? "http://localhost" : door_url(w.crier.door));
    c->status = (int)curl_status(url, listen_path[0] != '\0' ? listen_path : NULL);
}

static int curl_get(void)
{
    static struct client c;

    memset(&c, 0, sizeof c);
    c.run = run_curl;
    client_start(&c);
    client_wait(&c);
    return c.status;
}

static void it_listens_on_a_unix_socket_and_clears_a_dead_one(void **state)
{
    char folder[] = "/tmp/crier-door-XXXXXX", listen[160];
    struct sockaddr_un dead = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen_path, sizeof listen_path, "%s/sock", folder);
    (void)snprintf(listen, sizeof listen, "unix:%s", listen_path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(dead.sun_path, listen_path, strlen(listen_path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&dead, sizeof dead), 0);
    close(fd); /* the file stays, nobody listens */
    open_world(listen, NULL);
    assert_string_equal(door_url(w.crier.door), listen);
    assert_int_equal(stat(listen_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(curl_get(), 200);
    close_world();
    assert_int_not_equal(stat(listen_path, &st), 0);
    listen_path[0] = '\0';
    assert_int_equal(rmdir(folder), 0);
}

static void it_listens_on_ipv6(void **state)
{
    (void)state;
    open_world("[::1]:0", NULL);
    assert_int_equal(strncmp(door_url(w.crier.door), "http://[::1]:", 13), 0);
    assert_int_equal(curl_get(), 200);
    close_world();
}

static void what_cannot_be_listened_on_is_said(void **state)
{
    static const char *const rows[] = {
        "nonsense", "127.0.0.1:", "1.2.3.4:1", "unix:", "unix:/nowhere/at/all"};
    struct door *d = NULL;
    struct err why;

    (void)state;
    open_world("127.0.0.1:0", NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *right = w.config.server.listen;

        w.config.server.listen = mem_strdup(rows[i]);
        why.text[0] = '\0';
        assert_int_not_equal(door_new(&d, &w.crier, routes, &why), ERR_NONE);
        assert_true(strlen(why.text) > 0);
        mem_free(w.config.server.listen);
        w.config.server.listen = right;
    }
    close_world();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(requests_are_answered_by_their_row),
        CASE(a_body_at_the_limit_passes_and_one_byte_more_does_not),
        CASE(a_client_that_goes_on_sending_still_hears_why_not),
        CASE(endless_chunks_are_cut_off_in_bounded_memory),
        CASE(long_request_lines_and_headers_are_refused),
        CASE(garbage_ends_the_connection_and_nothing_else),
        CASE(a_slow_body_is_waited_for),
        CASE(idle_connections_are_closed),
        CASE(answers_may_come_later),
        CASE(pipelined_requests_are_answered_in_their_order),
        CASE(a_client_that_vanishes_harms_nobody),
        CASE(a_client_that_vanishes_within_its_body_is_forgotten),
        cmocka_unit_test_setup_teardown(the_token_opens, setup_token, teardown),
        cmocka_unit_test_setup_teardown(
            ten_wrong_tokens_close_the_door_for_a_minute, setup_token, teardown),
        CASE(without_a_token_only_this_machine_gets_in),
        cmocka_unit_test(it_listens_on_a_unix_socket_and_clears_a_dead_one),
        cmocka_unit_test(it_listens_on_ipv6),
        cmocka_unit_test(what_cannot_be_listened_on_is_said),
    };

    log_setup(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
