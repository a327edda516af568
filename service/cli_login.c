/* `crier keys login CHANNEL`: walks an operator through a platform's authorisation and stores what comes of it.
 * Talks to the platform itself, and hands the grant, sealed, to the running service (cli_credentials.c).
 *
 *   cli_login          what must be there; secrets for this sign-in; the link; then it waits
 *   login_2_on_return  the browser came back (or somebody pasted where it ended): is it ours, did they say yes?
 *   login_3_on_walked  the adapter's steps are through: from the code to a grant
 *   login_4_keep       sealed, and where the service finds it
 *
 * `state` ties what comes back to this sign-in, PKCE ties the code to this program (RFC 7636), so neither an
 * old window nor another program on this machine can slip an account of its own in. */

#include "service/cli_credentials.h"

#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <uv.h>

#include "adapters/oauth.h"
#include "adapters/record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "service/callback.h"
#include "service/cli_print.h"
#include "service/crier.h"
#include "service/oauth_walk.h"
#include "service/out.h"
#include "service/vault.h"

#define PORT_DEFAULT 8490 /* platforms want the address registered, so it is always the same */
#define WAIT_MS (10 * MS_MINUTE)
#define URL_BYTES ((size_t)64 * 1024)
#define SECRET_BYTES 32

struct login {
    const struct cli_args *args;
    struct config *config;
    const struct channel_settings *ch;
    struct grant_way way;
    uv_loop_t loop;
    uv_timer_t timer;
    struct crier crier; /* what `out` needs of one: a loop and settings */
    struct callback *callback;
    struct oauth_walk walk;
    json_t *returned; /* what the platform came back with */
    char *redirect, *path;
    int port;
    char state[64], verifier[64], challenge[64];
    bool walking;
    int exit;
};

/* ---- the end ---- */

static void finish(struct login *l, int code, const char *sentence)
{
    l->exit = code;
    if (l->callback) {
        callback_answer(l->callback, code == CLI_OK, sentence);
        callback_close(l->callback);
        l->callback = NULL;
    }
    (void)uv_timer_stop(&l->timer);
}

PRINTF_LIKE(2, 3) static void fail(struct login *l, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)cli_fail(l->args, CLI_FAILED, "%s", text);
    finish(l, CLI_FAILED, text);
}

/* ---- 4: kept ---- */

static void say_kept(const struct login *l, const json_t *grant)
{
    struct forecast_facts facts = {
        .channel = l->ch->name, .grant = grant, .now_ms = clock_wall_ms()};
    const char *who = record_str(grant, "who");
    struct forecast f;
    json_t *v;

    forecast_make(&f, &l->way, &facts);
    if (l->args->json) {
        v = json_object();
        json_set_str(v, "channel", l->ch->name);
        forecast_write(v, &f, grant);
        cli_print_json(v);
        json_decref(v);
    } else {
        (void)printf("signed in%s%s; the token is kept, and %s\n",
                     who ? " as " : "",
                     who ? who : "",
                     f.text);
    }
}

static void login_4_keep(struct login *l)
{
    json_t *kept = json_object();
    char *sealed;
    int rc;

    (void)json_object_set(kept, "grant", l->walk.call.grant);
    sealed = vault_seal(l->config, l->ch->name, kept);
    rc = cli_credential_put(l->args, l->config, l->ch, sealed);
    mem_free(sealed);
    json_decref(kept);
    if (rc) {
        finish(l, rc, "The platform gave a token, but it could not be kept: see the terminal.");
        return;
    }
    say_kept(l, l->walk.call.grant);
    finish(l, CLI_OK, "Signed in. You can close this window and go back to the terminal.");
}

/* ---- 3: a grant ---- */

static void on_walk_ended(struct login *l)
{
    const struct oauth_verdict *v = &l->walk.verdict;

    l->walking = false;
    switch (v->outcome) {
    case OAUTH_OK:
        login_4_keep(l);
        break;
    case OAUTH_LATER:
        fail(l, "no token came of it, try again: %s", v->detail);
        break;
    case OAUTH_REVOKED:
        fail(l, "the platform does not take the code, start again: %s", v->detail);
        break;
    case OAUTH_REFUSED:
        fail(l,
             "the platform refuses the app: see client_id, client_secret and the redirect "
             "address %s registered there: %s",
             l->redirect,
             v->detail);
        break;
    }
}

static void login_3_on_walked(struct oauth_walk *w)
{
    on_walk_ended(container_of(w, struct login, walk));
}

static void start_walk(struct login *l)
{
    l->walk = (struct oauth_walk){
        .out = l->crier.out,
        .channel = l->ch,
        .steps = l->way.oauth->login,
        .call = {.settings = l->ch->own,
                 .grant = json_object(),
                 .redirect_uri = l->redirect,
                 .state = l->state,
                 .verifier = l->way.oauth->pkce ? l->verifier : NULL,
                 .challenge = l->way.oauth->pkce ? l->challenge : NULL,
                 .code = json_path_str(l->returned, "code"),
                 .callback = l->returned},
        .once = true, /* a code is good for one time */
        .done = login_3_on_walked,
    };
    l->walking = oauth_walk_start(&l->walk);
    if (!l->walking) {
        on_walk_ended(l);
    }
}

/* ---- 2: it came back ---- */

/* Parameters that cannot be read are left out. */
static json_t *read_query(const char *query)
{
    json_t *out = json_object();

    while (*query && *query != '#') {
        size_t len = strcspn(query, "&#"), name_len = strcspn(query, "=&#");
        struct buf name, value;

        buf_init(&name, URL_BYTES);
        buf_init_secret(&value, URL_BYTES);
        if (name_len < len && url_decode(&name, query, name_len, true) &&
            url_decode(&value, query + name_len + 1, len - name_len - 1, true)) {
            json_set_str(out, buf_str(&name), buf_str(&value));
        }
        buf_done(&name);
        buf_done(&value);
        query += len + (query[len] == '&');
    }
    return out;
}

static bool is_ours(const struct login *l)
{
    const char *state = json_path_str(l->returned, "state");
    size_t len = strlen(l->state);

    return state && strlen(state) == len && crypto_equal(state, l->state, len);
}

/* An error may come without the state. */
static void take_return(struct login *l, const char *query)
{
    const char *error, *about;

    json_decref(l->returned);
    l->returned = read_query(query);
    error = json_path_str(l->returned, "error");
    about = json_path_str(l->returned, "error_description");
    if (!is_ours(l)) {
        fail(l,
             "what came back belongs to another sign-in (its state is another one): start "
             "again%s%s",
             error ? "; it says " : "",
             error ? error : "");
    } else if (error) {
        fail(l,
             "the platform's page said no: %.100s%s%.300s",
             error,
             about ? ": " : "",
             about ? about : "");
    } else if (!json_path_str(l->returned, "code")) {
        fail(l, "what came back has no code in it: start again");
    } else {
        start_walk(l);
    }
}

static void login_2_on_return(void *context, const char *query)
{
    struct login *l = context;

    if (l->walking) {
        return; /* once is enough */
    }
    take_return(l, query);
}

/* ---- 1: waiting ---- */

static void print_link(struct login *l)
{
    struct oauth_call call = {.settings = l->ch->own,
                              .redirect_uri = l->redirect,
                              .state = l->state,
                              .challenge = l->way.oauth->pkce ? l->challenge : NULL,
                              .now_ms = clock_wall_ms()};
    struct buf url;

    call.grant = json_object();
    buf_init(&url, URL_BYTES);
    l->way.oauth->authorize(&call, &url);
    (void)fprintf(l->args->json ? stderr : stdout,
                  "open this address in a browser, signed in as who may post there:\n\n  %s\n\n"
                  "it comes back to %s, which must be registered with the app\n",
                  buf_str(&url),
                  l->redirect);
    (void)fflush(stdout);
    buf_done(&url);
    json_decref(call.grant);
}

static void on_late(uv_timer_t *timer)
{
    struct login *l = container_of(timer, struct login, timer);

    if (!l->walking) {
        fail(l, "nobody came back within ten minutes: start again");
    }
}

static void wait_for_browser(struct login *l)
{
    struct err why;
    enum err_code rc =
        callback_listen(&l->callback, &l->loop, l->port, l->path, login_2_on_return, l, &why);

    if (rc == ERR_BUSY) {
        fail(l,
             "port %d is in use: end what uses it, or choose another with --port (and register "
             "that address with the platform)",
             l->port);
    } else if (rc) {
        fail(l, "%s", why.text);
    } else {
        print_link(l); /* nobody shall follow it before there is somebody to come back to */
        must(uv_timer_start(&l->timer, on_late, WAIT_MS, 0) == 0);
    }
}

static void wait_for_paste(struct login *l)
{
    char *line = mem_zalloc(URL_BYTES);
    char *query;

    print_link(l);
    if (!l->args->json) {
        (void)printf("\nthen paste the address that the browser ends at (it may show an error "
                     "page), and press Enter:\n");
        (void)fflush(stdout);
    }
    if (!fgets(line, (int)URL_BYTES, stdin)) {
        fail(l, "nothing was pasted");
    } else {
        line[strcspn(line, "\r\n")] = '\0';
        query = strchr(line, '?');
        take_return(l, query ? query + 1 : line);
    }
    mem_wipe(line, URL_BYTES);
    mem_free(line);
}

/* ---- what must be there ---- */

static void make_secrets(struct login *l)
{
    uint8_t bytes[SECRET_BYTES], digest[SHA256_BYTES];
    struct buf text;

    buf_init_secret(&text, sizeof l->state);
    crypto_random(bytes, sizeof bytes);
    crypto_base64url(&text, bytes, sizeof bytes);
    (void)snprintf(l->state, sizeof l->state, "%s", buf_str(&text));
    buf_clear(&text);
    crypto_random(bytes, sizeof bytes);
    crypto_base64url(&text, bytes, sizeof bytes);
    (void)snprintf(l->verifier, sizeof l->verifier, "%s", buf_str(&text));
    buf_clear(&text);
    crypto_sha256(l->verifier, strlen(l->verifier), digest);
    crypto_base64url(&text, digest, sizeof digest);
    (void)snprintf(l->challenge, sizeof l->challenge, "%s", buf_str(&text));
    buf_done(&text);
}

static bool is_here(const struct url_parts *url)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (url->host_len == strlen(names[i]) &&
            strncmp(url->host, names[i], url->host_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the browser is sent back to, and where we wait for it: the same, unless there is a tunnel between. */
static bool set_redirect(struct login *l)
{
    const char *redirect = cli_option(l->args, "redirect");
    const char *port = cli_option(l->args, "port");
    int64_t n = PORT_DEFAULT;
    struct url_parts url;

    if (port && (!parse_i64(port, &n) || n < 1 || n > 65535)) {
        (void)cli_fail(l->args, CLI_USAGE, "--port: a number from 1 to 65535");
        return false;
    }
    l->redirect =
        redirect ? mem_strdup(redirect) : mem_printf("http://127.0.0.1:%d/callback", (int)n);
    if (!url_parse(&url, l->redirect)) {
        (void)cli_fail(l->args, CLI_USAGE, "--redirect: an address such as https://…/callback");
        return false;
    }
    l->port = !port && is_here(&url) && url.port > 0 ? url.port : (int)n;
    l->path = url.path_len > 0 ? mem_strndup(url.path, url.path_len) : mem_strdup("/");
    return true;
}

static bool can_sign_in(struct login *l)
{
    const struct oauth *o = l->way.oauth;

    if (!o->authorize || !o->login) {
        (void)cli_fail(l->args,
                       CLI_FAILED,
                       "%s signs in by itself, with what the settings say: there is no page to "
                       "go to",
                       l->ch->name);
    } else if (!oauth_settings_of(o, l->ch->own)->client_id) {
        (void)cli_fail(l->args,
                       CLI_FAILED,
                       "channels.%s.client_id is not set: `crier channels %s` tells where to "
                       "get one",
                       l->ch->name,
                       l->ch->type->name);
    } else if (!vault_has_key(l->config)) {
        (void)cli_fail(l->args,
                       CLI_FAILED,
                       "there is no key to keep the token with. Make one:\n\n"
                       "  crier keys vault > /etc/crier/vault.key   (readable by crier's user "
                       "alone)\n\nand say so in %s:\n\n"
                       "  vault: {key: \"${file:/etc/crier/vault.key}\"}\n",
                       l->config->path);
    } else {
        return true;
    }
    return false;
}

static void run(struct login *l)
{
    struct err why = {0};

    must(uv_loop_init(&l->loop) == 0);
    must(uv_timer_init(&l->loop, &l->timer) == 0);
    l->crier.loop = &l->loop;
    l->crier.config = l->config;
    (void)signal(SIGPIPE, SIG_IGN);
    if (out_new(&l->crier.out, &l->crier, &why)) {
        fail(l, "%s", why.text);
    } else {
        make_secrets(l);
        (cli_given(l->args, "paste") ? wait_for_paste : wait_for_browser)(l);
    }
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
    out_free(l->crier.out);
    uv_close((uv_handle_t *)&l->timer, NULL);
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&l->loop) == 0);
}

int cli_login(const struct cli_args *args)
{
    struct login l = {.args = args, .exit = CLI_FAILED};

    if (args->operand_count < 2) {
        return cli_fail(args, CLI_USAGE, "usage: crier keys login CHANNEL");
    }
    l.config = cli_load_config(args);
    l.ch = l.config ? cli_signed_channel(args, l.config, args->operands[1], &l.way) : NULL;
    if (l.ch && can_sign_in(&l)) {
        if (set_redirect(&l)) {
            run(&l);
        } else {
            l.exit = CLI_USAGE;
        }
    }
    oauth_walk_done(&l.walk);
    json_decref(l.returned);
    mem_free(l.redirect);
    mem_free(l.path);
    mem_wipe(l.verifier, sizeof l.verifier);
    config_unref(l.config);
    return l.exit;
}
