/* Web Push: a message to every browser whose reader has subscribed on the site's pages, through the push services of
 * the browsers' makers (RFC 8030), encrypted so that those cannot read it (RFC 8291), signed with the site's key
 * (RFC 8292). Called through the registry. Owns its settings and courses; the other files are told apart in
 * webpush_internal.h. The readers are the channel's audience (audience.h), served by lanes (push.h).
 *
 * What is said of one article has one tag and one topic: a later message takes the place of the one before, at the
 * service as long as the browser is away, on the screen afterwards. So one whose fate is unknown is sent again, a
 * correction replaces what it corrects, and a retraction closes it.
 *
 * Sources: the RFCs; W3C Push API and Notifications API; https://webkit.org/blog/16535/meet-declarative-web-push/. */

#include "adapters/webpush_internal.h"

#include <string.h>

#include "adapters/adapters_list.h"
#include "base/mustache.h"

const char *const webpush__urgencies[] = {
    "very-low", "low", "normal", WEBPUSH_URGENCY_HIGH, NULL};
const char *const webpush__dirs[] = {"auto", "ltr", "rtl", NULL};
static const char *const whens[] = {"never", "breaking", "always", NULL};
static const char *const updates[] = {"corrections", "all", "ignore", NULL};
static const char *const retractions[] = {"notice", "close", NULL};

#define AT(member) .offset = offsetof(struct webpush_settings, member)

// clang-format off
static const struct field settings[] = {
    {.key = "key", .kind = FIELD_SECRET, AT(key), .required = true, .example = "${VAPID_KEY}",
     .help = "private key that browsers know the site by (VAPID), as `crier keys vapid` makes one: 43 characters, or PEM"},
    {.key = "old_keys", .kind = FIELD_SECRET, AT(old_keys), .example = "${VAPID_OLD_KEYS}",
     .help = "keys that were used before, with blanks between them: who subscribed with one gets messages until they come by and are subscribed anew"},
    {.key = "subject", .kind = FIELD_STRING, AT(subject), .required = true, .min = "10", .max = "256", .example = "mailto:push@news.example",
     .help = "where push services find somebody when our messages trouble them: mailto: and an address, or https: and a page"},
    {.key = "title", .kind = FIELD_TEMPLATE, AT(title), .def = "{{title}}",
     .help = "the first line, in bold; phones show 30 to 60 characters of it"},
    {.key = "body", .kind = FIELD_TEMPLATE, AT(body), .def = "{{summary}}",
     .help = "the text below; cut where the message would become too large"},
    {.key = "icon", .kind = FIELD_URL, AT(icon), .example = "https://news.example/icon-192.png",
     .help = "square picture beside the text, the site's logo: PNG, 192 pixels"},
    {.key = "badge", .kind = FIELD_URL, AT(badge), .example = "https://news.example/badge-96.png",
     .help = "what Android shows in its status line: PNG, white on nothing, 96 pixels"},
    {.key = "image", .kind = FIELD_BOOL, AT(image), .def = "true",
     .help = "show the article's first picture, where it has one over https; every reader's browser fetches it from where it is"},
    {.key = "actions", .kind = FIELD_MAP, AT(actions), .example = "{Live blog: \"https://news.example/live\", Read: \"{{url}}\"}",
     .help = "buttons below the text, and the address that each leads to, a template; browsers show two"},
    {.key = "ttl", .kind = FIELD_MS, AT(ttl_ms), .def = "12h", .min = "0", .max = "28d",
     .help = "so long push services keep a message for a browser that is away, unless not_after ends before; 0: those that are there get it"},
    {.key = "urgency", .kind = FIELD_ENUM, AT(urgency), .choices = webpush__urgencies, .def = "normal",
     .help = "of what is not breaking: a sleeping phone is woken by high (which breaking news always have), low waits for power or WLAN"},
    {.key = "sound", .kind = FIELD_ENUM, AT(sound), .choices = whens, .def = "always",
     .help = "which messages may make a sound or shake the phone"},
    {.key = "renotify", .kind = FIELD_ENUM, AT(renotify), .choices = whens, .def = "never",
     .help = "which corrections call for attention again, where what they replace is still shown; others come without a sound"},
    {.key = "require_interaction", .kind = FIELD_ENUM, AT(require_interaction), .choices = whens, .def = "never",
     .help = "which messages stay on a desktop's screen until they are clicked or closed"},
    {.key = "dir", .kind = FIELD_ENUM, AT(dir), .choices = webpush__dirs, .def = "auto",
     .help = "which way the text runs"},
    {.key = "on_update", .kind = FIELD_ENUM, AT(on_update), .choices = updates, .def = "corrections",
     .help = "which later revisions go out, each in the place of what was shown: those that say that they correct something, all that readers would see, none"},
    {.key = "on_retract", .kind = FIELD_ENUM, AT(on_retract), .choices = retractions, .def = "notice",
     .help = "an article that is taken back: notice puts retraction_title and retraction_body in its place; close takes it off the screen, without a word where the browser permits that"},
    {.key = "retraction_title", .kind = FIELD_TEMPLATE, AT(retraction_title), .def = "{{#site}}{{site}}{{/site}}{{^site}}{{title}}{{/site}}",
     .help = "first line of what is shown in the place of an article that was taken back"},
    {.key = "retraction_body", .kind = FIELD_TEMPLATE, AT(retraction_body), .def = "We have taken this report back: {{title}}",
     .help = "and its text"},
    {.key = "prepare", .kind = FIELD_BOOL, AT(prepare), .def = "true",
     .help = "while there is nothing else to do, make the keys that the next message needs for each reader: it leaves thirty times as fast"},
    FIELD_END,
};

const struct text_rule webpush__limits[] = {
    [WEBPUSH_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_BYTES, .max = 400, .source = "our own: no browser shows so much"},
    [WEBPUSH_LIMIT_BODY] =
    {.name = "body", .unit = TEXT_BYTES, .max = 1600, .source = "our own: no browser shows so much"},
    [WEBPUSH_LIMIT_MESSAGE] =
    {.name = "message", .unit = TEXT_BYTES, .max = 2820, .source = "https://github.com/web-push-libs/web-push-php (maximum compatible with all services)"},
    {.name = NULL},
};
// clang-format on

const struct webpush_settings *webpush__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* ---- courses ---- */

static const struct step send_steps[] = {
    {.name = "prepare",
     .repeatable = true,
     .build = webpush__prepare_message,
     .read = webpush__read_nothing},
    {.name = "message",
     .repeatable = true,
     .publishes = true,
     .each_member = true,
     .build = push_build,
     .read = push_read,
     .unanswered = push_unanswered},
    STEP_END,
};

static bool rules_out(const void *object, enum course c)
{
    const struct webpush_settings *s = object;

    return c == COURSE_UPDATE && s->on_update == WEBPUSH_UPDATE_IGNORE;
}

static bool update_wanted(const void *object, const struct article *a)
{
    const struct webpush_settings *s = object;

    return s->on_update != WEBPUSH_UPDATE_CORRECTIONS || article_is_correction(a);
}

/* None of its own: each reader's browser has a service, whose trouble is kept apart by the lanes. What stands in the
 * settings is where pictures are, mostly the site itself, and alerts go out also when that is down. */
static void host(const void *object, struct buf *out)
{
    (void)object;
    buf_adds(out, "webpush");
}

/* ---- the audience ---- */

/* The browser of RFC 8291, section 5. */
static const uint8_t sample_keys[WEBPUSH_KEYS_BYTES] = {
    0x04, 0x25, 0x71, 0xb2, 0xbe, 0xcd, 0xfd, 0xe3, 0x60, 0x55, 0x1a, 0xaf, 0x1e, 0xd0,
    0xf4, 0xcd, 0x36, 0x6c, 0x11, 0xce, 0xbe, 0x55, 0x5f, 0x89, 0xbc, 0xb7, 0xb1, 0x86,
    0xa5, 0x33, 0x39, 0x17, 0x31, 0x68, 0xec, 0xe2, 0xeb, 0xe0, 0x18, 0x59, 0x7b, 0xd3,
    0x04, 0x79, 0xb8, 0x6e, 0x3c, 0x8f, 0x8e, 0xce, 0xd5, 0x77, 0xca, 0x59, 0x18, 0x7e,
    0x92, 0x46, 0x99, 0x0d, 0xb6, 0x82, 0x00, 0x8b, 0x0e, 0x05, 0x30, 0x59, 0x32, 0xa1,
    0xc7, 0xea, 0xbe, 0x13, 0xb6, 0xce, 0xc9, 0xfd, 0xa4, 0x88, 0x82};

static const struct member sample = {
    .id = 1,
    .address = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABexample-of-a-reader",
    .keys = sample_keys,
    .keys_len = sizeof sample_keys,
};

const struct audience webpush__audience = {
    .batch = 2000,
    .parallel = 100,
    .again_ms = 30 * MS_SECOND,
    .again_factor = 4,
    .again_max = 6,
    .resend_after_ms = 30 * MS_SECOND,
    .address = webpush__address,
    .address_form = "the endpoint of a push subscription, such as "
                    "https://updates.push.services.mozilla.com/wpush/v2/gAAA…",
    .sample = &sample,
    .push = &webpush__push,
    .replaces = true,
};

/* ---- settings ---- */

static enum err_code check_https(const char *name, const char *url, struct err *why)
{
    if (url && strncmp(url, "https://", 8) != 0) {
        return err_set(why, ERR_INVALID, "%s: browsers fetch it over https only", name);
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct webpush_settings *s = object;
    struct webpush_keys keys;
    enum err_code rc = webpush__keys_init(&keys, s, why);

    if (rc) {
        return rc;
    }
    webpush__keys_done(&keys);
    if (!webpush__subject_good(s->subject)) {
        return err_set(
            why,
            ERR_INVALID,
            "subject: expected mailto: and an address, or https: and a page, that can "
            "be reached from outside: Apple refuses localhost and its like");
    }
    rc = check_https("icon", s->icon, why);
    if (!rc) {
        rc = check_https("badge", s->badge, why);
    }
    return rc ? rc : webpush__check_actions(s, why);
}

// clang-format off
static const char setup[] =
    "Readers press a button on your pages and allow messages; from then on their browser shows your alerts,\n"
    "also when no page of yours is open. There is no account to make, and nobody to pay: the makers of the\n"
    "browsers carry the messages, and cannot read them.\n"
    "\n"
    "1. Make a key, once, and keep it as you keep a password:\n"
    "     crier keys vapid\n"
    "   Give the private one to crier as an environment variable, here VAPID_KEY. If you send push messages\n"
    "   with another program today, take its private VAPID key instead: then all who have subscribed stay.\n"
    "     crier keys vapid FILE   (shows the public key that belongs to the private one in FILE)\n"
    "2. Write, with an address of yours that is read (and see that site.url is your site's):\n"
    "\n"
    "     channels:\n"
    "       browsers:\n"
    "         type: webpush\n"
    "         key: ${VAPID_KEY}\n"
    "         subject: mailto:push@news.example\n"
    "         icon: https://news.example/icon-192.png\n"
    "         require_interaction: breaking\n"
    "         when: {breaking: true}\n"
    "         not_after: 2h\n"
    "         audience:\n"
    "           undo: 15s\n"
    "\n"
    "3. Let your web server pass /push/ on to crier, so that https://news.example/push/sw.js is crier's: a\n"
    "   worker must come from the site whose messages it shows.\n"
    "4. Put the button on your pages, wherever you like:\n"
    "     <script src=\"/push/client.js\" data-channel=\"browsers\" defer></script>\n"
    "   It asks nobody for permission before they press it: browsers punish sites that do. On an iPhone it\n"
    "   tells the reader how to put the site on the home screen, which Apple demands.\n"
    "5. Run `crier check`, start crier, and subscribe yourself; on /push/ there is a button to try. Make yourself\n"
    "   a test member: a test goes to those, and nobody else.\n"
    "     crier members browsers export\n"
    "     crier members browsers set ADDRESS --test yes\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" -X POST http://127.0.0.1:8480/v1/channels/browsers/test\n"
    "   With `audience: {mode: test}` articles go to nobody else either.\n"
    "6. Subscriptions of the program before come in as browsers make them, one JSON object a line or a list of\n"
    "   them, with where and when those readers agreed:\n"
    "     crier members browsers import subscriptions.json --format web-push \\\n"
    "       --consent \"button on news.example\" --consented-at 2026-01-01T00:00:00Z\n"
    "\n"
    "A new key: put the one in force into old_keys, the new one into key. Who subscribed with the old one\n"
    "keeps getting messages, and is subscribed anew, by the script, on their next visit. Take an old key out\n"
    "when nobody has it any more. Losing the key loses all readers: nobody else can send to them, nor can you.";
// clang-format on

const struct adapter adapter_webpush = {
    .name = "webpush",
    .title = "Web Push",
    .doc_url = "https://www.rfc-editor.org/rfc/rfc8030",
    .about = "a notification in the browser of each reader who subscribed on the site",
    .settings = settings,
    .settings_size = sizeof(struct webpush_settings),
    .limits = webpush__limits,
    .publish = send_steps,
    .update = send_steps,
    .retract = send_steps,
    .rules_out = rules_out,
    .update_wanted = update_wanted,
    .cannot_update = "by another message, which takes the place of the first; on_update says "
                     "which revisions "
                     "are worth that, and ignore means none",
    .cannot_verify =
        "push services cannot be asked for a message; one whose answer is lost is sent "
        "again, and takes its own place",
    .host = host,
    .audience = &webpush__audience,
    .retract_without_post = true,
    .pictures = "by their address, which each browser fetches",
    .media = "the article's first picture, beside the site's icon",
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
