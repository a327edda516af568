/* Addresses as settings have them: of people and of the mail server. Called by the checks of the
 * settings and by who builds a message. Pure.
 *
 * Only what every mail server takes is accepted: dots and ASCII before the @, a domain of letters,
 * digits and hyphens behind it. Quoted local parts are legal and nobody has one; other scripts need
 * SMTPUTF8 all the way to the reader (RFC 6531), which we do not speak, so such an address is refused
 * where it is written down and not when news is due. */

#include "adapters/email_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define LOCAL_BYTES 64 /* RFC 5321 section 4.5.3.1 */
#define DOMAIN_BYTES 253
#define ADDRESS_BYTES 254
#define LABEL_BYTES 63

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool email__is_domain(const char *text, size_t len)
{
    size_t label = 0;

    if (len == 0 || len > DOMAIN_BYTES) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == '.') {
            if (label == 0 || label > LABEL_BYTES || text[i - 1] == '-') {
                return false;
            }
            label = 0;
        } else if (is_letter_or_digit(text[i]) || (text[i] == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

/* RFC 5322 section 3.2.3: dot-atom. */
static bool is_local(const char *text, size_t len)
{
    if (len == 0 || len > LOCAL_BYTES || text[0] == '.' || text[len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' ? text[i + 1] == '.'
                           : !is_letter_or_digit(text[i]) &&
                                 (!text[i] || !strchr("!#$%&'*+-/=?^_`{|}~", text[i]))) {
            return false;
        }
    }
    return true;
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static enum err_code
check_address(const char *setting, const char *text, size_t len, struct err *why)
{
    const char *at = memrchr(text, '@', len);
    size_t local = at ? (size_t)(at - text) : len;

    if (!is_ascii(text, len)) {
        return err_set(
            why,
            ERR_INVALID,
            "%s: \"%.*s\" is not ASCII: a domain of another script is accepted in its "
            "xn-- form, a name before the @ is not",
            setting,
            (int)len,
            text);
    }
    if (!at || len > ADDRESS_BYTES || !is_local(text, local) ||
        !email__is_domain(at + 1, len - local - 1)) {
        return err_set(why,
                       ERR_INVALID,
                       "%s: \"%.*s\" is no address, such as news@example.org or Example News "
                       "<news@example.org>",
                       setting,
                       (int)len,
                       text);
    }
    return ERR_NONE;
}

static char *lower_dup(const char *text)
{
    char *copy = mem_strdup(text);

    for (char *c = copy; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c + ('a' - 'A'));
        }
    }
    return copy;
}

/* The name before <…>, without its quotes; yours. */
static char *display_dup(const char *text, size_t len)
{
    while (len > 0 && *text == ' ') {
        text++;
        len--;
    }
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }
    return mem_strndup(text, len);
}

enum err_code email__mailbox_read(struct email_mailbox *out,
                                  const char *setting,
                                  const char *text,
                                  struct err *why)
{
    const char *open = strrchr(text, '<');
    const char *from = open ? open + 1 : text;
    size_t len = strlen(from);
    enum err_code rc;

    *out = (struct email_mailbox){0};
    if (open && len > 0 && from[len - 1] == '>') {
        len--;
    } else if (open) {
        return err_set(why, ERR_INVALID, "%s: the \"<\" in it is never closed", setting);
    }
    rc = check_address(setting, from, len, why);
    if (rc) {
        return rc;
    }
    out->address = mem_strndup(from, len);
    out->key = lower_dup(out->address);
    out->display = display_dup(text, open ? (size_t)(open - text) : 0);
    return ERR_NONE;
}

void email__mailbox_done(struct email_mailbox *m)
{
    mem_free(m->address);
    mem_free(m->key);
    mem_free(m->display);
    *m = (struct email_mailbox){0};
}

const char *email__domain(const struct email_mailbox *m)
{
    return strrchr(m->key, '@') + 1;
}

/* ---- the server ---- */

static bool read_port(const char *text, int *out)
{
    int64_t port;

    if (!parse_i64(text, &port) || port < 1 || port > 65535) {
        return false;
    }
    *out = (int)port;
    return true;
}

bool email__server_read(struct email_server *out, const char *text)
{
    bool bracket = *text == '[';
    size_t len = bracket ? strcspn(text, "]") + 1 : strcspn(text, ":");

    *out = (struct email_server){.host = text, .host_len = len};
    if (bracket) {
        if (text[len - 1] != ']' || len < 4 ||
            strspn(text + 1, "0123456789abcdefABCDEF:.") != len - 2) {
            return false;
        }
    } else if (!email__is_domain(text, len)) {
        return false;
    }
    return text[len] == '\0' || (text[len] == ':' && read_port(text + len + 1, &out->port));
}

bool email__server_is_loopback(const struct email_server *server)
{
    static const char *const hosts[] = {"localhost", "[::1]"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        if (strlen(hosts[i]) == server->host_len &&
            strncasecmp(hosts[i], server->host, server->host_len) == 0) {
            return true;
        }
    }
    return strncmp(server->host, "127.", 4) == 0 &&
           strspn(server->host, "0123456789.") == server->host_len;
}

int email__port(const struct email_settings *s, const struct email_server *server)
{
    static const int usual[] = {
        [EMAIL_STARTTLS] = 587, /* RFC 6409 */
        [EMAIL_IMPLICIT] = 465, /* RFC 8314 */
        [EMAIL_OPPORTUNISTIC] = 25,
        [EMAIL_NO_TLS] = 25,
    };

    return server->port ? server->port : usual[s->tls];
}
