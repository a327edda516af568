/* `crier keys`: fresh secrets for the settings, and the headers under which a CMS would send a
 * body, so that a source can be tried with curl. Those talk to nobody; signing in, and what is kept of it, is in
 * cli_login.c and cli_credentials.c. */

#include "service/cli.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/p256.h"
#include "base/seal.h"
#include "service/cli_credentials.h"
#include "service/cli_print.h"

#define BODY_BYTES ((size_t)64 * 1024 * 1024)
#define KEY_FILE_BYTES ((size_t)16 * 1024)
#define TOKEN_BYTES 32
#define WEBHOOK_BYTES 32 /* 24 to 64 by the Standard Webhooks specification */
#define MESSAGE_ID_BYTES 16

const struct cli_option cli_keys_options[] = {
    {.name = "secret",
     .value = "SECRET",
     .help = "the source's secret (sign); whsec_... signs by Standard Webhooks too"},
    {.name = "id", .value = "ID", .help = "webhook-id to sign with, instead of a fresh one"},
    {.name = "port",
     .value = "N",
     .help = "where the browser is waited for on this machine (login; default 8490)"},
    {.name = "redirect",
     .value = "URI",
     .help =
         "the address registered with the app, where it is not http://127.0.0.1:8490/callback "
         "(login)"},
    {.name = "paste",
     .help = "the browser is on another machine: paste the address it ends at (login)"},
    {.name = NULL},
};

static int print_secret(const struct cli_args *args, const char *name, const char *text)
{
    if (args->json) {
        json_t *v = json_object();
        json_set_str(v, name, text);
        cli_print_json(v);
        json_decref(v);
    } else {
        (void)printf("%s\n", text);
    }
    return CLI_OK;
}

static int make_token(const struct cli_args *args)
{
    uint8_t bytes[TOKEN_BYTES];
    struct buf text;

    crypto_random(bytes, sizeof bytes);
    buf_init(&text, 128);
    crypto_base64url(&text, bytes, sizeof bytes);
    int rc = print_secret(args, "token", buf_str(&text));
    buf_done(&text);
    return rc;
}

static int make_webhook_secret(const struct cli_args *args)
{
    uint8_t bytes[WEBHOOK_BYTES];
    struct buf text;

    crypto_random(bytes, sizeof bytes);
    buf_init(&text, 128);
    buf_adds(&text, "whsec_");
    crypto_base64(&text, bytes, sizeof bytes);
    int rc = print_secret(args, "secret", buf_str(&text));
    buf_done(&text);
    return rc;
}

/* A line of its own, as a file for ${file:…} has it. */
static int make_vault_key(const struct cli_args *args)
{
    uint8_t bytes[SEAL_KEY_BYTES];
    struct buf text;

    crypto_random(bytes, sizeof bytes);
    buf_init_secret(&text, 128);
    crypto_base64(&text, bytes, sizeof bytes);
    int rc = print_secret(args, "key", buf_str(&text));
    buf_done(&text);
    mem_wipe(bytes, sizeof bytes);
    return rc;
}

/* ---- browsers ---- */

static void
print_vapid(const struct cli_args *args, const struct p256_key *key, bool with_private)
{
    uint8_t scalar[P256_PRIVATE_BYTES];
    struct buf private_text, public_text;
    json_t *v = json_object();

    buf_init_secret(&private_text, 128);
    buf_init(&public_text, 128);
    p256_key_private(key, scalar);
    crypto_base64url(&private_text, scalar, sizeof scalar);
    crypto_base64url(&public_text, p256_key_public(key), P256_PUBLIC_BYTES);
    if (args->json) {
        json_set_str(v, "private", with_private ? buf_str(&private_text) : NULL);
        json_set_str(v, "public", buf_str(&public_text));
        cli_print_json(v);
    } else {
        if (with_private) {
            (void)printf("private  %s\n"
                         "         a secret: for the channel's setting `key`, best through the "
                         "environment (key: ${VAPID_KEY});\n"
                         "         keep a copy elsewhere, without it all readers are lost\n",
                         buf_str(&private_text));
        }
        (void)printf("public   %s\n"
                     "         for pages (applicationServerKey); GET /push/key tells them, our "
                     "script asks there\n",
                     buf_str(&public_text));
    }
    json_decref(v);
    mem_wipe(scalar, sizeof scalar);
    buf_done(&private_text);
    buf_done(&public_text);
}

/* The one in a file, which another program may have used before; else a fresh one. */
static int make_vapid_key(const struct cli_args *args)
{
    bool fresh = args->operand_count < 2;
    struct p256_key *key = NULL;
    struct err why = {0};
    struct buf text;
    int rc = CLI_FAILED;

    buf_init_secret(&text, KEY_FILE_BYTES);
    if (fresh) {
        key = p256_key_random();
    } else if (cli_read_file(args->operands[1], &text) &&
               p256_key_read(&key, buf_str(&text), text.len, &why)) {
        rc = cli_fail(args, CLI_FAILED, "%s: %s", args->operands[1], why.text);
    }
    if (key) {
        print_vapid(args, key, fresh);
        rc = CLI_OK;
    }
    p256_key_free(key);
    buf_done(&text);
    return rc;
}

/* ---- what a CMS would send ---- */

static void add_header(json_t *headers, const char *name, struct buf *value)
{
    json_set_str(headers, name, buf_str(value));
    buf_clear(value);
}

/* X-Hub-Signature-256: HMAC over the raw body with the secret's bytes as they are. */
static void sign_hub(json_t *headers, const char *secret, const struct buf *body)
{
    uint8_t mac[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    struct buf value;

    crypto_hmac_sha256(secret, strlen(secret), buf_str(body), body->len, mac);
    buf_init(&value, 128);
    buf_addf(&value, "sha256=%s", crypto_hex(mac, sizeof mac, hex));
    add_header(headers, "X-Hub-Signature-256", &value);
    buf_done(&value);
}

/* Standard Webhooks: HMAC over "id.timestamp.body" with the decoded key. */
static void
sign_standard(json_t *headers, const struct buf *key, const char *id, const struct buf *body)
{
    uint8_t mac[SHA256_BYTES];
    struct buf content, value;
    long long now_s = (long long)(clock_wall_ms() / MS_SECOND);

    buf_init(&content, BODY_BYTES + 1024);
    buf_init(&value, 512);
    buf_addf(&content, "%s.%lld.", id, now_s);
    buf_add(&content, buf_str(body), body->len);
    crypto_hmac_sha256(buf_str(key), key->len, buf_str(&content), content.len, mac);
    buf_adds(&value, id);
    add_header(headers, "webhook-id", &value);
    buf_addf(&value, "%lld", now_s);
    add_header(headers, "webhook-timestamp", &value);
    buf_adds(&value, "v1,");
    crypto_base64(&value, mac, sizeof mac);
    add_header(headers, "webhook-signature", &value);
    buf_done(&value);
    buf_done(&content);
}

static char *message_id(const struct cli_args *args)
{
    uint8_t bytes[MESSAGE_ID_BYTES];
    char hex[2 * MESSAGE_ID_BYTES + 1];

    if (cli_given(args, "id")) {
        return mem_strdup(cli_option(args, "id"));
    }
    crypto_random(bytes, sizeof bytes);
    return mem_printf("msg_%s", crypto_hex(bytes, sizeof bytes, hex));
}

/* The key of a Standard Webhooks secret: base64 behind "whsec_". A secret of another form is
 * used as it is, as for X-Hub-Signature-256. */
static bool standard_key(const char *secret, struct buf *key)
{
    static const char prefix[] = "whsec_";
    size_t skip = sizeof prefix - 1;

    if (strncmp(secret, prefix, skip) != 0) {
        buf_adds(key, secret);
        return true;
    }
    return crypto_unbase64(key, secret + skip, strlen(secret + skip));
}

static void print_headers(const struct cli_args *args, json_t *headers)
{
    const char *name;
    json_t *value;

    if (args->json) {
        cli_print_json(headers);
        return;
    }
    json_object_foreach(headers, name, value)
    {
        (void)printf("%s: %s\n", name, json_string_value(value));
    }
}

static int sign_file(const struct cli_args *args)
{
    const char *secret = cli_option(args, "secret");
    struct buf body, key;
    int rc = CLI_FAILED;

    if (args->operand_count < 2 || secret == NULL) {
        return cli_fail(args, CLI_USAGE, "usage: crier keys sign FILE --secret SECRET");
    }
    buf_init(&body, BODY_BYTES);
    buf_init_secret(&key, 1024);
    if (!standard_key(secret, &key)) {
        rc = cli_fail(args, CLI_USAGE, "behind whsec_ stands no base64");
    } else if (cli_read_file(args->operands[1], &body)) {
        json_t *headers = json_object();
        char *id = message_id(args);
        sign_hub(headers, secret, &body);
        sign_standard(headers, &key, id, &body);
        print_headers(args, headers);
        mem_free(id);
        json_decref(headers);
        rc = CLI_OK;
    }
    buf_done(&key);
    buf_done(&body);
    return rc;
}

int cli_keys(const struct cli_args *args)
{
    static const struct {
        const char *name;
        cli_verb_fn *run;
        size_t operands;
    } kinds[] = {{"token", make_token, 1},
                 {"webhook", make_webhook_secret, 1},
                 {"vault", make_vault_key, 1},
                 {"vapid", make_vapid_key, 2},
                 {"sign", sign_file, 2},
                 {"login", cli_login, 2},
                 {"show", cli_credentials_show, 2},
                 {"forget", cli_credentials_forget, 2}};
    const char *what = args->operands[0];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(what, kinds[i].name) != 0) {
            continue;
        }
        if (args->operand_count > kinds[i].operands) {
            return cli_fail(
                args, CLI_USAGE, "\"%s\" is too much", args->operands[kinds[i].operands]);
        }
        return kinds[i].run(args);
    }
    return cli_fail(
        args,
        CLI_USAGE,
        "no key \"%s\"; accepted: token, webhook, vault, vapid, sign, login, show, forget",
        what);
}
