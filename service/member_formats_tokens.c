/* Tokens of apps in JSON of any shape: databases of apps keep them under the names that somebody once found for
 * them, as values, in lists, or as the names themselves ({"fcmTokens": {"cXy…:APA91b…": true}}). So no shape is
 * asked for: every string is looked at as it comes by, with the name before it. Called by member_formats.c. */

#include "service/member_formats_internal.h"

#include <string.h>

#include "base/json_put.h"
#include "base/mem.h"

/* A registration token of FCM: an id, a colon, and more than a hundred characters of base64url. */
#define TOKEN_MIN 100

static bool has_token_letters(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:.") ==
           strlen(text);
}

static bool looks_like_token(const char *text)
{
    return strlen(text) >= TOKEN_MIN && has_token_letters(text) && strchr(text, ':');
}

/* "token", "fcmToken", "registration_tokens", "registrationId" … */
static bool names_tokens(const char *name)
{
    static const char *const parts[] = {"token", "registrationid", "registration_id"};
    char folded[64];
    size_t len = 0;

    for (; *name && len + 1 < sizeof folded; name++) {
        folded[len++] = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
    }
    folded[len] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strstr(folded, parts[i])) {
            return true;
        }
    }
    return false;
}

void member__emit_token(struct member_reading *m, const char *token)
{
    struct buf out;

    if (!has_token_letters(token)) {
        member__fault(m, "no token: letters, digits and : _ - . are in one");
        return;
    }
    buf_init(&out, 2 * MEMBER_ITEM_BYTES);
    json_put_open(&out, NULL, '{');
    json_put_open(&out, "subscription", '{');
    json_put_text(&out, "token", token);
    json_put_close(&out, '}');
    json_put_close(&out, '}');
    member__emit(m, buf_str(&out), out.len);
    buf_done(&out);
}

/* A string of which it is now known that it was a value. In a list of nothing but strings there is no name. */
static void settle_value(struct member_reading *m)
{
    const char *value = buf_str(&m->value);

    if (m->has_value && m->plain && buf_ok(&m->value) && m->value.len > 0 &&
        (looks_like_token(value) || m->key.len == 0 || names_tokens(buf_str(&m->key))) &&
        has_token_letters(value)) {
        member__emit_token(m, value);
    }
    m->has_value = false;
}

/* … that it was a name. */
static void settle_name(struct member_reading *m)
{
    if (m->plain && looks_like_token(buf_str(&m->value))) {
        member__emit_token(m, buf_str(&m->value));
    }
    buf_clear(&m->key);
    buf_add(&m->key, buf_str(&m->value), m->value.len);
    m->has_value = false;
}

static void push_string(struct member_reading *m, char c)
{
    if (m->escaped) {
        m->escaped = false;
        m->plain = m->plain && c == '/';
        buf_addc(&m->value, c);
    } else if (c == '\\') {
        m->escaped = true;
    } else if (c == '"') {
        m->in_string = false;
        m->has_value = true;
    } else {
        buf_addc(&m->value, c);
    }
}

void member__tokens_push(struct member_reading *m, char c)
{
    if (m->in_string) {
        push_string(m, c);
    } else if (c == '"') {
        settle_value(m);
        m->item_line = m->line;
        buf_clear(&m->value);
        m->in_string = m->plain = true;
    } else if (c == ':' && m->has_value) {
        settle_name(m);
    } else if (strchr(",]}", c) && c != '\0') {
        settle_value(m);
    }
}

void member__tokens_end(struct member_reading *m)
{
    settle_value(m);
    if (m->in_string) {
        member__fault(m, "the file ends within a string");
    }
}
