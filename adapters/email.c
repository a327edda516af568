/* E-mail: one mail to each of a list of readers, handed to a mail server of the newsroom's own (or a
 * submission service), which signs, queues and delivers it. Called through the registry; here are its
 * settings and courses, what they do is in the files that email_internal.h names. Everything here is
 * constant.
 *
 * Nothing in SMTP tells a repeat from a second mail, so a mail that may have been taken is not sent
 * again unless somebody says so; the Message-ID, at least, is the same. A correction is a new mail in
 * the thread of the first. A mail cannot be taken back; who wants to, sends a notice.
 *
 * Sources: RFC 5321, 5322, 2045 to 2047, 2369, 2919, 3463, 3834, 8058. */

#include "adapters/email_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/mustache.h"

static const char *const tls_choices[] = {
    "starttls", "implicit", "opportunistic", "none", NULL};

#define AT(member) .offset = offsetof(struct email_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "server", .kind = FIELD_STRING, AT(server), .required = true, .min = "1", .max = "300",
     .example = "mail.example.org:587",
     .help = "the mail server that takes our mail: a host, and a port when it is not the usual one"},
    {.key = "tls", .kind = FIELD_ENUM, AT(tls), .choices = tls_choices, .def = "starttls",
     .help = "starttls: required (port 587); implicit: from the first byte (465); opportunistic: STARTTLS where the server offers it (25); none: in the clear (25). Certificates are always verified"},
    {.key = "user", .kind = FIELD_STRING, AT(user), .min = "1", .max = "300", .example = "news@example.org",
     .help = "name to sign in with; not set: without"},
    {.key = "password", .kind = FIELD_SECRET, AT(password), .example = "${MAIL_PASSWORD}",
     .help = "of that user; only sent over TLS, or to this machine"},
    {.key = "hello", .kind = FIELD_STRING, AT(hello), .min = "1", .max = "253", .example = "crier.example.org",
     .help = "name to greet the server with; not set: this machine's"},
    {.key = "from", .kind = FIELD_STRING, AT(from), .required = true, .min = "3", .max = "500",
     .example = "Example News <news@example.org>", .help = "whom the mail is from"},
    {.key = "bounces", .kind = FIELD_STRING, AT(bounces), .min = "3", .max = "254", .example = "bounces@example.org",
     .help = "address that undeliverable mail is returned to; not set: that of from"},
    {.key = "reply_to", .kind = FIELD_STRING, AT(reply_to), .min = "3", .max = "500",
     .example = "Newsroom <newsroom@example.org>", .help = "whom readers answer; not set: whom it is from"},
    /* A step for each; the courier walks 200 at most (STEPS_MAX in service/courier_run.c). */
    {.key = "to", .kind = FIELD_STRINGS, AT(to), .required = true, .min = "1", .max = "100",
     .example = "[desk@partner.example, breaking@lists.example.org]",
     .help = "readers, each of whom gets a mail of their own; for more, give the address of a list"},
    {.key = "subject", .kind = FIELD_TEMPLATE, AT(subject), .names = email__body_names,
     .example = "\"{{#update}}Correction: {{/update}}{{title}}\"",
     .help = "not set: the title, behind \"Correction:\" or \"Withdrawn:\" where it is one"},
    {.key = "text", .kind = FIELD_TEMPLATE, AT(text), .names = email__body_names,
     .example = "\"{{title}}\\n\\n{{summary}}\\n\\n{{url}}\\n\"",
     .help = "the plain text; not set: title, summary and link"},
    {.key = "html", .kind = FIELD_TEMPLATE, AT(html), .names = email__body_names,
     .example = "\"<h1>{{title}}</h1><p>{{summary}}</p><p><a href='{{url}}'>{{url}}</a></p>\"",
     .help = "the page, values are escaped; not set: title, picture with its credit, summary and link, for light and dark screens"},
    {.key = "picture", .kind = FIELD_BOOL, AT(picture), .def = "true",
     .help = "show the article's first picture, by its address"},
    {.key = "retraction_notice", .kind = FIELD_BOOL, AT(retraction_notice), .def = "false",
     .help = "a mail cannot be taken back; true: a retraction is told in another mail"},
    {.key = "unsubscribe_url", .kind = FIELD_TEMPLATE, AT(unsubscribe_url), .names = email__unsubscribe_names,
     .example = "https://news.example/unsubscribe/{{token}}",
     .help = "where a POST unsubscribes the reader at once (RFC 8058) and a GET asks; {{token}} and {{recipient}} say whom"},
    {.key = "unsubscribe_secret", .kind = FIELD_SECRET, AT(unsubscribe_secret), .min = "16",
     .example = "${UNSUBSCRIBE_SECRET}",
     .help = "makes the token: HMAC-SHA256 over channel name, line feed and address in lower case, as base64url"},
    {.key = "unsubscribe_mail", .kind = FIELD_STRING, AT(unsubscribe_mail), .min = "3", .max = "254",
     .example = "unsubscribe@example.org", .help = "address that takes unsubscriptions too"},
    {.key = "list_id", .kind = FIELD_STRING, AT(list_id), .min = "3", .max = "300",
     .example = "Breaking news <breaking.example.org>", .help = "name of the list, by which readers sort their mail (RFC 2919)"},
    FIELD_END,
};

const struct text_rule email__limits[] = {
    [EMAIL_LIMIT_SUBJECT] =
    {.name = "subject", .unit = TEXT_CODE_POINTS, .max = 200, .max_bytes = 700,
     .source = "our choice; RFC 5322 section 2.1.1 has lines of 998 bytes"},
    [EMAIL_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_BYTES, .source = "our choice: none; servers take 10 MB and more"},
    [EMAIL_LIMIT_HTML] =
    {.name = "html", .unit = TEXT_BYTES, .source = "our choice: none; Gmail shows the first 102 kB"},
    {.name = NULL},
};

static const struct step courses[] = {
    {.name = "send", .repeatable = true, .publishes = true,
     .build = email__build_more, .read = email__read, .unanswered = email__unanswered},
    {.name = "send_last", .publishes = true,
     .build = email__build_last, .read = email__read, .unanswered = email__unanswered},
    STEP_END,
};
static const struct step test[] = {
    {.name = "noop", .repeatable = true, .build = email__build_noop, .read = email__read_noop},
    STEP_END,
};
// clang-format on

/* ---- checks ---- */

static enum err_code check_mailbox(const char *setting, const char *text, struct err *why)
{
    struct email_mailbox m;
    enum err_code rc;

    if (!text) {
        return ERR_NONE;
    }
    rc = email__mailbox_read(&m, setting, text, why);
    if (!rc) {
        email__mailbox_done(&m);
    }
    return rc;
}

static enum err_code check_bare(const char *setting, const char *text, struct err *why)
{
    if (text && strpbrk(text, "<> ")) {
        return err_set(why,
                       ERR_INVALID,
                       "%s: the address alone is accepted, such as news@example.org",
                       setting);
    }
    return check_mailbox(setting, text, why);
}

static enum err_code check_readers(const struct strings *to, struct err *why)
{
    enum err_code rc = ERR_NONE;

    for (size_t i = 0; !rc && i < to->count; i++) {
        struct email_mailbox m, other;

        rc = email__mailbox_read(&m, "to", to->v[i], why);
        for (size_t k = 0; !rc && k < i; k++) {
            if (email__mailbox_read(&other, "to", to->v[k], NULL) == ERR_NONE) {
                if (strcmp(m.key, other.key) == 0) {
                    rc = err_set(why, ERR_INVALID, "to: %s stands in it twice", m.address);
                }
                email__mailbox_done(&other);
            }
        }
        email__mailbox_done(&m);
    }
    return rc;
}

static enum err_code
check_login(const struct email_settings *s, const struct email_server *server, struct err *why)
{
    bool secure = s->tls == EMAIL_STARTTLS || s->tls == EMAIL_IMPLICIT;

    if ((s->user == NULL) != (s->password.text == NULL)) {
        return err_set(why,
                       ERR_INVALID,
                       "%s: needs a %s beside it",
                       s->user ? "user" : "password",
                       s->user ? "password" : "user");
    }
    if (s->user && !secure && !email__server_is_loopback(server)) {
        return err_set(
            why,
            ERR_INVALID,
            "password: is not sent in the clear; tls must be starttls or implicit, or the "
            "server this machine");
    }
    return ERR_NONE;
}

static enum err_code check_server(const struct email_settings *s, struct err *why)
{
    struct email_server server;

    if (!email__server_read(&server, s->server)) {
        return err_set(why,
                       ERR_INVALID,
                       "server: a host and maybe a port is accepted, such as mail.example.org, "
                       "mail.example.org:587 or [::1]:25");
    }
    if (s->hello && !email__is_domain(s->hello, strlen(s->hello))) {
        return err_set(
            why, ERR_INVALID, "hello: a host name is accepted, such as crier.example.org");
    }
    return check_login(s, &server, why);
}

static void note_token(void *context, const char *name)
{
    bool *has_token = context;

    *has_token = *has_token || strcmp(name, "token") == 0;
}

static enum err_code check_unsubscribe(const struct email_settings *s, struct err *why)
{
    bool has_token = false;

    if (!s->unsubscribe_url) {
        return s->unsubscribe_secret.text && !s->unsubscribe_mail
                   ? err_set(why,
                             ERR_INVALID,
                             "unsubscribe_secret: needs unsubscribe_url or unsubscribe_mail "
                             "beside it")
                   : ERR_NONE;
    }
    mustache_names(s->unsubscribe_url, note_token, &has_token);
    if (!has_token || !s->unsubscribe_secret.text) {
        return err_set(
            why,
            ERR_INVALID,
            "unsubscribe_url: needs {{token}} in it and unsubscribe_secret beside it, or "
            "anybody could unsubscribe anybody");
    }
    if (strncmp(mustache_source(s->unsubscribe_url), "https://", 8) != 0) {
        return err_set(
            why,
            ERR_INVALID,
            "unsubscribe_url: begins with https://, as one-click unsubscribing demands");
    }
    return ERR_NONE;
}

static enum err_code check_list_id(const char *text, struct err *why)
{
    const char *open = text ? strrchr(text, '<') : NULL;
    const char *id = open ? open + 1 : text;
    size_t len = id ? strlen(id) : 0;

    if (!text) {
        return ERR_NONE;
    }
    if (open && (len == 0 || id[--len] != '>')) {
        return err_set(why, ERR_INVALID, "list_id: the \"<\" in it is never closed");
    }
    if (!email__is_domain(id, len) || !memchr(id, '.', len)) {
        return err_set(why,
                       ERR_INVALID,
                       "list_id: a name like that of a host is accepted, such as "
                       "breaking.example.org or Breaking news <breaking.example.org>");
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct email_settings *s = object;
    enum err_code rc = check_server(s, why);

    rc = rc ? rc : check_mailbox("from", s->from, why);
    rc = rc ? rc : check_bare("bounces", s->bounces, why);
    rc = rc ? rc : check_mailbox("reply_to", s->reply_to, why);
    rc = rc ? rc : check_readers(&s->to, why);
    rc = rc ? rc : check_unsubscribe(s, why);
    rc = rc ? rc : check_bare("unsubscribe_mail", s->unsubscribe_mail, why);
    return rc ? rc : check_list_id(s->list_id, why);
}

static void host(const void *object, struct buf *out)
{
    const struct email_settings *s = object;
    struct email_server server;

    if (email__server_read(&server, s->server)) {
        buf_addf(out, "%.*s:%d", (int)server.host_len, server.host, email__port(s, &server));
    }
}

// clang-format off
static const char setup[] =
    "1. Have a mail server take the mail: one of your own on this machine, or the submission\n"
    "   service of whoever carries your domain's mail. Do not let it deliver from an address that\n"
    "   nobody knows: it is what signs (DKIM), queues, retries and gets the bounces. Let it sign\n"
    "   List-Unsubscribe and List-Unsubscribe-Post too. SPF, DKIM and DMARC of the domain in `from`\n"
    "   must be right, or big receivers refuse the mail.\n"
    "2. Give the password to crier as an environment variable, here MAIL_PASSWORD, and write:\n"
    "\n"
    "     channels:\n"
    "       desks:\n"
    "         type: email\n"
    "         server: mail.example.org:587\n"
    "         user: news@example.org\n"
    "         password: ${MAIL_PASSWORD}\n"
    "         from: Example News <news@example.org>\n"
    "         to: [desk@partner.example, night@example.org]\n"
    "         when: {breaking: true}\n"
    "\n"
    "   For a server on this machine: server: 127.0.0.1:25, tls: none, allow_private: true, and no\n"
    "   user.\n"
    "3. For readers who may leave, make a secret (openssl rand -hex 32) and add\n"
    "\n"
    "         unsubscribe_url: https://news.example/unsubscribe/{{token}}?who={{recipient}}\n"
    "         unsubscribe_secret: ${UNSUBSCRIBE_SECRET}\n"
    "         list_id: Breaking news <breaking.example.org>\n"
    "\n"
    "   The page there takes {{recipient}}, makes the token anew (HMAC-SHA256 with the secret over\n"
    "   the channel's name, a line feed and the address in lower case; base64url without padding)\n"
    "   and compares. A POST whose body is List-Unsubscribe=One-Click unsubscribes at once, without\n"
    "   cookies or redirects; a GET must not, since programs follow links too: it shows a button.\n"
    "   Then take the address out of `to` and reload.\n"
    "4. Run `crier check`. With the service running, this greets the server, signs in and sends\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/desks/test\n"
    "   Without the --json part a marked test mail goes to everybody in `to`.";
// clang-format on

const struct adapter adapter_email = {
    .name = "email",
    .title = "E-mail",
    .doc_url = "https://www.rfc-editor.org/rfc/rfc5321",
    .about =
        "a mail to each reader of a list, as text and as a page, with one click to unsubscribe",
    .settings = settings,
    .settings_size = sizeof(struct email_settings),
    .limits = email__limits,
    .publish = courses,
    .update = courses,
    .retract = courses,
    .test = test,
    .cannot_update = "by another mail, in the thread of the first",
    .cannot_retract = "in another mail, if retraction_notice says so",
    .cannot_verify = "nobody can be asked whether a mail has arrived",
    .host = host,
    .media = "a picture in the page, by its address; no video",
    .pictures = "by their address, in the page",
    /* RFC 5321 section 4.5.3.2.6: a server may think ten minutes over a message, and who goes before
     * makes an unknown outcome of a good one. */
    .answer_timeout_ms = 10 * MS_MINUTE,
    .check = check,
    .setup = setup,
};
