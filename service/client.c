/* The verbs' side of the HTTP API. Called by cli_send.c, cli_status.c and cli_replay.c. Owns
 * one curl handle for calls and, per stream of events, one of its own under a multi handle, so
 * that a call can be made while events are awaited. Leaves to client_events.c what happens
 * inside a stream. */

#include "service/client_internal.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/http.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/cli.h"

#define ANSWER_BYTES ((size_t)256 * 1024 * 1024)
#define REQUEST_BYTES ((size_t)64 * 1024 * 1024)
#define CONNECT_MS 5000L
#define CALL_MS 60000L
#define DEPTH 64
#define LINE_BYTES ((size_t)1024 * 1024)

/* "host:port" as the door listens to where a client finds it. */
static char *reachable(const char *listen)
{
    static const struct {
        const char *from, *to;
    } rows[] = {{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}, {"*:", "127.0.0.1:"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].from);
        if (strncmp(listen, rows[i].from, len) == 0) {
            return mem_printf("http://%s%s", rows[i].to, listen + len);
        }
    }
    return mem_printf("http://%s", listen);
}

enum err_code
client_new(struct client **out, const char *listen, const struct secret *token, struct err *why)
{
    struct client *c = mem_zalloc(sizeof *c);

    if (strncmp(listen, "unix:", 5) == 0) {
        c->socket = mem_strdup(listen + 5);
        c->base = mem_strdup("http://localhost");
    } else if (strncmp(listen, "http://", 7) == 0 || strncmp(listen, "https://", 8) == 0) {
        size_t len = strlen(listen);
        c->base = mem_strndup(listen, listen[len - 1] == '/' ? len - 1 : len);
    } else {
        c->base = reachable(listen);
    }
    if (token != NULL && token->text != NULL && token->len > 0) {
        c->authorization = mem_printf("Authorization: Bearer %s", token->text);
    }
    c->curl = curl_easy_init();
    if (c->curl == NULL) {
        client_free(c);
        return err_set(why, ERR_NETWORK, "libcurl has no handle");
    }
    *out = c;
    return ERR_NONE;
}

void client_free(struct client *c)
{
    if (c == NULL) {
        return;
    }
    curl_easy_cleanup(c->curl);
    mem_free_secret_text(c->authorization);
    mem_free(c->base);
    mem_free(c->socket);
    mem_free(c);
}

const char *client_url(const struct client *c)
{
    return c->socket != NULL ? c->socket : c->base;
}

static struct client *client_made(const struct cli_args *args,
                                  const char *listen,
                                  const struct secret *token,
                                  int *out_exit)
{
    struct client *c = NULL;
    struct err why = {0};

    if (client_new(&c, listen, token, &why)) {
        *out_exit = client_fail(args, why.code, &why);
        return NULL;
    }
    return c;
}

struct client *client_for(const struct cli_args *args, int *out_exit)
{
    if (args->server != NULL) {
        struct secret token = {0};
        secret_take(&token, mem_strdup(getenv("CRIER_TOKEN")));
        struct client *c = client_made(args, args->server, &token, out_exit);
        secret_done(&token);
        return c;
    }
    struct config *config = cli_load_config(args);
    if (config == NULL) {
        *out_exit = CLI_FAILED;
        return NULL;
    }
    struct client *c =
        client_made(args, config->server.listen, &config->server.token, out_exit);
    config_unref(config);
    return c;
}

/* What calls and streams have in common. */
struct curl_slist *
client__prepare(struct client *c, CURL *curl, const char *path, struct buf *url)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

    buf_init(url, 16384);
    buf_addf(url, "%s%s", c->base, path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, buf_str(url));
    if (c->socket != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
    }
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "crier/" CRIER_VERSION);
    if (c->authorization != NULL) {
        headers = curl_slist_append(headers, c->authorization);
    }
    return headers;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct buf *body = context;

    buf_add(body, bytes, size * count);
    return buf_ok(body) ? size * count : 0;
}

static enum err_code perform(struct client *c,
                             enum http_method method,
                             const char *path,
                             const char *type,
                             const struct buf *request,
                             struct buf *answer,
                             struct err *why)
{
    char text[CURL_ERROR_SIZE] = "";
    struct buf url;

    curl_easy_reset(c->curl);
    struct curl_slist *headers = client__prepare(c, c->curl, path, &url);
    headers = curl_slist_append(headers, "Accept: application/json");
    if (request != NULL) {
        char *line = mem_printf("Content-Type: %s", type);

        headers = curl_slist_append(headers, line);
        mem_free(line);
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, buf_str(request));
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
    } else if (method == HTTP_POST) {
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, "");
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
    }
    (void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, http_method_name(method));
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, CALL_MS);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform(c->curl);
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    buf_done(&url);
    if (code != CURLE_OK) {
        return err_set(why,
                       ERR_NETWORK,
                       "no answer from %s: %s",
                       client_url(c),
                       text[0] != '\0' ? text : curl_easy_strerror(code));
    }
    return ERR_NONE;
}

enum err_code client_ask_text(struct client *c,
                              enum http_method method,
                              const char *path,
                              const char *type,
                              const struct buf *body,
                              long *out_status,
                              json_t **out,
                              struct err *why)
{
    struct buf answer;
    enum err_code rc;

    buf_init(&answer, ANSWER_BYTES);
    rc = perform(c, method, path, type, body, &answer, why);
    if (rc) {
        goto out;
    }
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, out_status);
    *out = NULL;
    if (answer.len > 0 && json_read(out, answer.data, answer.len, DEPTH, NULL)) {
        *out = json_stringn(answer.data, answer.len); /* NULL when it is no UTF-8 either */
    }
    if (*out == NULL) {
        *out = json_null();
    }
out:
    buf_done(&answer);
    return rc;
}

enum err_code client_ask(struct client *c,
                         enum http_method method,
                         const char *path,
                         const json_t *body,
                         long *out_status,
                         json_t **out,
                         struct err *why)
{
    struct buf request;
    enum err_code rc;

    buf_init(&request, REQUEST_BYTES);
    if (body != NULL) {
        json_write(&request, body);
    }
    rc = buf_check(&request, "request", why);
    if (!rc) {
        rc = client_ask_text(c,
                             method,
                             path,
                             "application/json",
                             body != NULL ? &request : NULL,
                             out_status,
                             out,
                             why);
    }
    buf_done(&request);
    return rc;
}

/* The members of a problem document that name single faults: arrays of objects (or of strings),
 * whatever they are called, one line each. */
static void add_faults(struct buf *text, json_t *problem)
{
    const char *name;
    json_t *value, *item, *part;
    size_t i;

    json_object_foreach(problem, name, value)
    {
        json_array_foreach(value, i, item)
        {
            const char *separator = "\n  ";
            const char *key;
            if (json_is_string(item)) {
                buf_addf(text, "\n  %s", json_string_value(item));
            }
            json_object_foreach(item, key, part)
            {
                if (json_is_string(part) && json_string_length(part) > 0) {
                    buf_addf(text, "%s%s", separator, json_string_value(part));
                    separator = ": ";
                }
            }
        }
    }
}

static enum err_code code_of(long status)
{
    switch (status) {
    case 401:
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_BIG;
    case 429:
    case 503:
        return ERR_BUSY;
    default:
        return status >= 500 ? ERR_IO : ERR_INVALID;
    }
}

static enum err_code
problem_error(const struct client *c, long status, json_t *problem, struct err *why)
{
    const char *title = json_path_str(problem, "title");
    const char *detail = json_path_str(problem, "detail");
    struct buf text;

    if (title == NULL && detail == NULL) {
        return err_set(
            why, ERR_NETWORK, "%s answered %ld, and not as crier does", client_url(c), status);
    }
    buf_init(&text, ERR_TEXT_BYTES);
    buf_adds(&text, detail != NULL ? detail : title);
    add_faults(&text, problem);
    enum err_code rc = err_set(why, code_of(status), "%s (%ld)", buf_str(&text), status);
    buf_done(&text);
    return rc;
}

enum err_code client_call(struct client *c,
                          enum http_method method,
                          const char *path,
                          const json_t *body,
                          json_t **out,
                          struct err *why)
{
    json_t *answer = NULL;
    long status = 0;
    enum err_code rc = client_ask(c, method, path, body, &status, &answer, why);

    if (rc) {
        return rc;
    }
    if (status < 200 || status > 299) {
        rc = problem_error(c, status, answer, why);
    } else if (out != NULL) {
        *out = json_incref(answer);
    }
    json_decref(answer);
    return rc;
}

/* ---- answers of any length ---- */

struct lines {
    struct client *client;
    client_line_fn *line;
    void *context;
    struct buf text; /* of the line so far, or of a problem document */
    bool stopped;
};

static void push_lines(struct lines *l, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len && !l->stopped;) {
        const char *end = memchr(bytes + at, '\n', len - at);
        size_t n = end ? (size_t)(end - bytes) - at : len - at;

        buf_add(&l->text, bytes + at, n);
        at += n + (end ? 1 : 0);
        if (end && l->text.len > 0) {
            l->stopped = !l->line(l->context, buf_str(&l->text), l->text.len);
            buf_clear(&l->text);
        }
    }
}

static size_t on_lines(char *bytes, size_t size, size_t count, void *context)
{
    struct lines *l = context;
    long status = 0;

    (void)curl_easy_getinfo(l->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        push_lines(l, bytes, size * count);
    } else {
        buf_add(&l->text, bytes, size * count);
    }
    return l->stopped || !buf_ok(&l->text) ? 0 : size * count;
}

static enum err_code
lines_end(struct lines *l, CURLcode code, const char *text, struct err *why)
{
    json_t *problem = NULL;
    long status = 0;
    enum err_code rc = ERR_NONE;

    (void)curl_easy_getinfo(l->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (l->stopped) {
        return ERR_NONE;
    }
    if (code != CURLE_OK) {
        return err_set(why,
                       ERR_NETWORK,
                       "no whole answer from %s: %s",
                       client_url(l->client),
                       text[0] != '\0' ? text : curl_easy_strerror(code));
    }
    if (status != 200) {
        if (json_read(&problem, buf_str(&l->text), l->text.len, DEPTH, NULL)) {
            problem = json_null();
        }
        rc = problem_error(l->client, status, problem, why);
        json_decref(problem);
    } else if (l->text.len > 0) {
        push_lines(l, "\n", 1);
    }
    return rc;
}

enum err_code client_lines(
    struct client *c, const char *path, client_line_fn *line, void *context, struct err *why)
{
    struct lines l = {.client = c, .line = line, .context = context};
    char text[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    struct buf url;
    CURLcode code;
    enum err_code rc;

    buf_init(&l.text, LINE_BYTES);
    curl_easy_reset(c->curl);
    headers = client__prepare(c, c->curl, path, &url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    /* However long it takes, something must come. */
    (void)curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, CALL_MS / 1000);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_lines);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &l);
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, text);
    code = curl_easy_perform(c->curl);
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    buf_done(&url);
    rc = lines_end(&l, code, text, why);
    buf_done(&l.text);
    return rc;
}

int client_fail(const struct cli_args *args, enum err_code rc, const struct err *why)
{
    int code = rc == ERR_NETWORK ? CLI_UNREACHABLE : CLI_FAILED;

    return cli_fail(args, code, "%s", why->text[0] != '\0' ? why->text : err_describe(rc));
}
