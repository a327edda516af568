/* What Meta calls us with: what became of messages, who wants marketing messages and who does not, and what
 * people write back. Called by the door through the adapter's audience. Pure.
 *
 *   {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value":
 *     {"metadata": {"phone_number_id"}, "statuses": […], "messages": […], "user_preferences": […]}}]}]}
 *
 * One app may serve several numbers: what is about another one is none of our business. Of what people write
 * only one word is looked at, and nothing is kept.
 *
 * Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks */

#include "adapters/whatsapp_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

#define DEPTH 24
#define NEWS_MAX 4096
/* A longer text is no command. */
#define COMMAND_BYTES 64

// clang-format off
/* As people write them where these languages are spoken. */
static const char *const stop_words[] = {
    "stop", "stopp", "stopall", "unsubscribe", "cancel", "quit", "end", "optout", "opt out", "opt-out", "stop news",
    "abbestellen", "abmelden", "ende", "arret", "arrêt", "désabonner", "desabonner",
    "baja", "alto", "parar", "cancelar", "sair", "pare", "fermare", "ferma", "disiscrivi", "annulla", "afmelden",
    "dur", "iptal", "berhenti", "rezygnuje", "rezygnuję", "avsluta", "lopeta", "стоп", "отписаться",
    "توقف", "إيقاف", "बंद", "रोकें", "停止", "退订", "退訂", "配信停止", "중지", NULL,
};
static const char *const start_words[] = {
    "start", "unstop", "subscribe", "anmelden", "abonnieren", "abonner", "alta", "suscribir", "assinar", "iscrivi",
    "aanmelden", "başla", "mulai", "старт", "подписаться", "ابدأ", "शुरू", "开始", "開始", "시작", NULL,
};
// clang-format on

/* ---- the door's questions ---- */

static bool same_secret(const char *ours, size_t len, const char *theirs)
{
    return strlen(theirs) == len && crypto_equal(ours, theirs, len);
}

const char *whatsapp__challenge(const void *settings,
                                const char *mode,
                                const char *token,
                                const char *challenge)
{
    const struct whatsapp_settings *s = settings;

    if (!s->verify_token.text || !mode || !token || !challenge ||
        strcmp(mode, "subscribe") != 0 ||
        !same_secret(s->verify_token.text, s->verify_token.len, token)) {
        return NULL;
    }
    return challenge;
}

enum audience_signed whatsapp__check(const void *settings, const struct audience_call *call)
{
    const struct whatsapp_settings *s = settings;
    char want[8 + SHA256_HEX_BYTES], hex[SHA256_HEX_BYTES];
    uint8_t mac[SHA256_BYTES];

    if (!s->app_secret.text) {
        return AUDIENCE_NO_SECRET;
    }
    if (!call->signature) {
        return AUDIENCE_UNSIGNED;
    }
    crypto_hmac_sha256(s->app_secret.text, s->app_secret.len, call->body, call->body_len, mac);
    (void)snprintf(want, sizeof want, "sha256=%s", crypto_hex(mac, sizeof mac, hex));
    return same_secret(want, strlen(want), call->signature) ? AUDIENCE_GOOD : AUDIENCE_WRONG;
}

/* ---- news ---- */

static struct member_news *add(struct member_news_list *out, enum member_news_kind kind)
{
    struct member_news *n;

    out->v = mem_realloc(out->v, out->count + 1, sizeof *out->v);
    n = &out->v[out->count++];
    memset(n, 0, sizeof *n);
    n->kind = kind;
    return n;
}

static bool status_parse(const char *text, enum member_status *out)
{
    static const struct {
        const char *name;
        enum member_status status;
    } names[] = {
        {"sent", MEMBER_WAS_SENT},
        {"delivered", MEMBER_WAS_DELIVERED},
        {"read", MEMBER_WAS_READ},
        {"failed", MEMBER_WAS_FAILED},
    };

    for (size_t i = 0; text && i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *out = names[i].status;
            return true;
        }
    }
    return false;
}

static void read_failure(struct member_news *n, const json_t *status)
{
    const json_t *error = json_array_get(json_object_get(status, "errors"), 0);
    const char *title = json_path_str(error, "title");
    int64_t code = json_integer_value(json_object_get(error, "code"));

    n->outcome = whatsapp__outcome(code, &n->stops_channel);
    (void)snprintf(n->detail,
                   sizeof n->detail,
                   "told by webhook: %lld %.100s",
                   (long long)code,
                   title ? title : "");
}

static void read_status(struct member_news_list *out, const json_t *status)
{
    const char *name = json_path_str(status, "biz_opaque_callback_data");
    enum member_status which;
    struct member_news *n;

    if (!name || strlen(name) >= sizeof n->name ||
        !status_parse(json_path_str(status, "status"), &which)) {
        return; /* not of a message of ours, or a word we do not know */
    }
    n = add(out, NEWS_STATUS);
    (void)snprintf(n->name, sizeof n->name, "%s", name);
    n->status = which;
    if (which == MEMBER_WAS_FAILED) {
        read_failure(n, status);
    }
}

/* ---- what people write ---- */

static bool in_words(const char *word, const char *const *words, const struct strings *more)
{
    for (size_t i = 0; words[i]; i++) {
        if (text_same_word(word, words[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < more->count; i++) {
        if (text_same_word(word, more->v[i])) {
            return true;
        }
    }
    return false;
}

/* Without what stands around it: " Stop!" is STOP. */
static bool bare(const char *text, char out[COMMAND_BYTES])
{
    static const char around[] = " \t\r\n.,!?\"'*_-";
    size_t len;

    text += strspn(text, around);
    len = strlen(text);
    while (len > 0 && strchr(around, text[len - 1])) {
        len--;
    }
    if (len == 0 || len >= COMMAND_BYTES) {
        return false;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static void
add_wish(struct member_news_list *out, const char *from, bool stops, const char *said)
{
    struct member_news *n;
    char address[MEMBER_ADDRESS_BYTES];

    if (!from || !whatsapp__address(from, address)) {
        return;
    }
    n = add(out, stops ? NEWS_STOP : NEWS_START);
    (void)snprintf(n->address, sizeof n->address, "%s", address);
    (void)whatsapp__other_address(address, n->other);
    (void)snprintf(n->detail, sizeof n->detail, "WhatsApp: %.100s", said);
}

/* A text, or the label of a button under the message (a template may have one to unsubscribe). */
static const char *text_of(const json_t *message)
{
    const char *text = json_string_value(json_path(message, "text", "body", NULL));

    if (!text) {
        text = json_string_value(json_path(message, "button", "text", NULL));
    }
    if (!text) {
        text =
            json_string_value(json_path(message, "interactive", "button_reply", "title", NULL));
    }
    return text;
}

static void read_message(const struct whatsapp_settings *s,
                         struct member_news_list *out,
                         const json_t *message)
{
    const char *text = text_of(message), *from = json_path_str(message, "from");
    char word[COMMAND_BYTES];

    if (!text || !bare(text, word)) {
        return;
    }
    if (in_words(word, stop_words, &s->stop_words)) {
        add_wish(out, from, true, word);
    } else if (in_words(word, start_words, &s->start_words)) {
        add_wish(out, from, false, word);
    }
}

static void read_preference(struct member_news_list *out, const json_t *p)
{
    const char *value = json_path_str(p, "value"), *category = json_path_str(p, "category");
    bool stops = value && strcmp(value, "stop") == 0;

    if (!value || (category && strcmp(category, "marketing_messages") != 0) ||
        (!stops && strcmp(value, "resume") != 0)) {
        return;
    }
    add_wish(out,
             json_path_str(p, "wa_id"),
             stops,
             stops ? "no marketing messages" : "marketing messages again");
}

static void read_change(const struct whatsapp_settings *s,
                        struct member_news_list *out,
                        const json_t *value)
{
    const char *number =
        json_string_value(json_path(value, "metadata", "phone_number_id", NULL));
    const json_t *one;
    size_t i;

    if (!number || strcmp(number, s->phone_number_id) != 0) {
        return;
    }
    json_array_foreach(json_object_get(value, "statuses"), i, one)
    {
        read_status(out, one);
    }
    json_array_foreach(json_object_get(value, "messages"), i, one)
    {
        read_message(s, out, one);
    }
    json_array_foreach(json_object_get(value, "user_preferences"), i, one)
    {
        read_preference(out, one);
    }
}

bool whatsapp__read_hook(const void *settings,
                         const struct audience_call *call,
                         struct member_news_list *out)
{
    const json_t *entry, *change;
    json_t *body = NULL;
    size_t i, n;

    *out = (struct member_news_list){.v = NULL};
    if (json_read(&body, call->body, call->body_len, DEPTH, NULL) != ERR_NONE ||
        !json_is_object(body)) {
        json_decref(body);
        return false;
    }
    json_array_foreach(json_object_get(body, "entry"), i, entry)
    {
        json_array_foreach(json_object_get(entry, "changes"), n, change)
        {
            if (out->count < NEWS_MAX) {
                read_change(settings, out, json_object_get(change, "value"));
            }
        }
    }
    json_decref(body);
    return true;
}
