/* Requests to a WordPress site, and what its error answers mean. Called by every step of the adapter.
 * Errors are {"code","message","data":{"status"}}; what is none of it comes from the host's guard. */

#include "adapters/wordpress_internal.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/url.h"

#define ADDRESS_BYTES_MAX 8192
#define LOGIN_BYTES_MAX 8192
#define SAID_BYTES_MAX 4096
#define LOGIN "see `user` and `password`: it must be an application password"
#define HEADER                                                                                 \
    "where both are right, the host drops the Authorization header: ask it to pass it on"
#define ROLE "the account needs the role of an author or editor"

// clang-format off
static const struct trouble_code rows[] = {
    {"incorrect_password",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, LOGIN, false},
    {"invalid_username",               VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, LOGIN, false},
    {"invalid_email",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, LOGIN, false},
    {"application_passwords_disabled", VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "the site has switched application passwords off", false},
    {"application_passwords_disabled_for_user", VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "the site has switched them off for this account", false},
    {"rest_not_logged_in",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, HEADER, false},
    {"rest_cannot_create",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_cannot_publish",            VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_cannot_edit",               VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_cannot_delete",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_forbidden",                 VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_forbidden_context",         VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_forbidden_status",          VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ROLE, false},
    {"rest_disabled",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "a plugin of the site has switched its REST API off", false},
    {"rest_no_route",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "see `site` and `api`", false},
    {"rest_invalid_param",             VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_missing_callback_param",    VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"empty_content",                  VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_post_invalid_id",           VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_upload_no_data",            VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_upload_file_too_big",       VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_upload_limited_space",      VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_upload_user_quota_exceeded", VERDICT_REJECTED, SCOPE_POST,   0, NULL, false},
    {"rest_upload_sideload_error",     VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_upload_unknown_error",      VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"rest_upload_image_type_not_supported", VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"db_insert_error",                VERDICT_UNKNOWN,  SCOPE_POST,    0, NULL, false},
    {"internal_server_error",          VERDICT_UNKNOWN,  SCOPE_POST,    0, NULL, false},
    TROUBLE_CODE_END,
};
// clang-format on

void wordpress__api(const struct wordpress_settings *s, struct buf *out)
{
    const char *address = s->api ? s->api : s->site;
    size_t len = strlen(address);

    while (len > 0 && address[len - 1] == '/') {
        len--;
    }
    buf_addf(out, "%.*s%s", (int)len, address, s->api ? "" : "/wp-json");
}

/* Basic, of RFC 7617; the blanks in an application password may stay. */
static void set_login(struct http_request *req, const struct wordpress_settings *s)
{
    struct buf pair, text;

    buf_init_secret(&pair, LOGIN_BYTES_MAX);
    buf_init_secret(&text, LOGIN_BYTES_MAX);
    buf_addf(&pair, "%s:%s", s->user, s->password.text);
    crypto_base64(&text, buf_str(&pair), pair.len);
    http_set_headerf(req, "Authorization", "Basic %s", buf_str(&text));
    buf_done(&text);
    buf_done(&pair);
}

void wordpress__request(const struct step_ctx *ctx,
                        struct http_request *req,
                        enum http_method method,
                        const char *path_format,
                        ...)
{
    const struct wordpress_settings *s = wordpress__settings(ctx);
    struct buf base;
    va_list args;

    buf_init(&base, ADDRESS_BYTES_MAX);
    wordpress__api(s, &base);
    buf_adds(&base, "/wp/v2");
    req->method = method;
    va_start(args, path_format);
    http_vset_url_below(req, buf_str(&base), path_format, args);
    va_end(args);
    buf_done(&base);
    set_login(req, s);
    http_set_header(req, "Accept", "application/json");
}

bool wordpress__error_is(const struct http_response *res, const char *code)
{
    json_t *body = http_json(res);
    const char *told = record_str(body, "code");
    bool same = told && strcmp(told, code) == 0;

    json_decref(body);
    return same;
}

/* A guard's page says "no" in its status only when it comes as a page: retried, then a person looks. */
struct verdict wordpress__trouble(const struct http_response *res, bool publishes)
{
    const struct step step = {.repeatable = !publishes, .publishes = publishes};
    json_t *body = http_json(res);
    struct trouble_said said = {.status = res->status,
                                .code = record_str(body, "code"),
                                .told_ms = http_retry_after_ms(res)};
    const char *message = record_str(body, "message");
    struct verdict v;
    struct buf plain;

    buf_init(&plain, SAID_BYTES_MAX); /* messages are HTML at times */
    text_from_html(&plain, message ? message : "", message ? strlen(message) : 0);
    said.message = buf_ok(&plain) ? buf_str(&plain) : NULL;
    if (res->status >= 300 && res->status < 400) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "%d: the site sends us elsewhere: set `site` to the address it itself "
                         "uses (https, with or without www)",
                         res->status);
    } else if (!trouble_by_code(rows, &step, &said, &v)) {
        v = trouble_is_page(res) ? trouble_from_page(&step, res)
                                 : trouble_from_status(&step, res);
    }
    buf_done(&plain);
    json_decref(body);
    return v;
}

/* ---- names ---- */

int64_t wordpress__number(const char *text)
{
    int64_t number = 0;

    return text && parse_i64(text, &number) && number > 0 ? number : 0;
}

static int64_t number_in_link(const struct wordpress_settings *s, const char *link)
{
    struct url_parts url, own;
    int64_t number = 0;
    struct buf value;

    if (!link || !url_parse(&url, link) || !url_parse(&own, s->site) || !url.query ||
        url.host_len != own.host_len || strncasecmp(url.host, own.host, own.host_len) != 0) {
        return 0;
    }
    buf_init(&value, 64);
    if (url_query_get(&value, url.query, url.query_len, "p") && buf_ok(&value)) {
        number = wordpress__number(buf_str(&value));
    }
    buf_done(&value);
    return number;
}

int64_t wordpress__post_number(const struct wordpress_settings *s,
                               const char *remote_id,
                               const char *link)
{
    int64_t number = wordpress__number(remote_id);

    number = number > 0 ? number : number_in_link(s, remote_id);
    return number > 0 ? number : number_in_link(s, link);
}
