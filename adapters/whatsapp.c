/* WhatsApp: a template message to each reader who asked for it, through Meta's Cloud API. Called through the
 * registry. Owns its settings and courses; messages are whatsapp_message.c's, answers whatsapp_read.c's, what Meta
 * calls us with whatsapp_hook.c's, numbers whatsapp_address.c's. The readers are the channel's audience
 * (audience.h): the ledger keeps them, and who had which message.
 *
 * A channel of WhatsApp's own, and its status, have no public interface. What there is: messages of a template that
 * Meta has approved, to people who agreed, each billed. One that was sent can be neither changed nor taken back,
 * and Meta knows no key of ours: an answer that is lost leaves open whether it arrived, until a webhook tells, which
 * carries the name we gave the message.
 *
 * Sources: Meta's business-messaging OpenAPI v23.0; https://developers.facebook.com/docs/whatsapp/cloud-api
 * (throughput, 21 May 2026; error codes, 15 May 2026). */

#include "adapters/whatsapp_internal.h"

#include <string.h>

#include "adapters/adapters_list.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/mustache.h"
#include "base/url.h"

static const char *const headers[] = {"none", "picture", "text", NULL};
static const char *const endpoints[] = {"messages", "marketing_messages", NULL};
static const char *const updates[] = {"ignore", "send", NULL};
static const char *const button_names[] = {"path", NULL};

#define AT(member) .offset = offsetof(struct whatsapp_settings, member)

// clang-format off
static const struct field settings[] = {
    {.key = "phone_number_id", .kind = FIELD_STRING, AT(phone_number_id), .required = true, .example = "106540352242922",
     .help = "id of the number that writes, from WhatsApp > API Setup; not the number itself"},
    {.key = "token", .kind = FIELD_SECRET, AT(token), .required = true, .example = "${WHATSAPP_TOKEN}",
     .help = "token of a system user with whatsapp_business_messaging, which does not end"},
    {.key = "app_secret", .kind = FIELD_SECRET, AT(app_secret), .example = "${WHATSAPP_APP_SECRET}",
     .help = "of the app, from App settings > Basic: signs our requests and Meta's webhooks; without it no webhook is believed"},
    {.key = "verify_token", .kind = FIELD_SECRET, AT(verify_token), .min = "8", .example = "${WHATSAPP_VERIFY_TOKEN}",
     .help = "a word of your own that you also type where Meta asks for it when the webhook is set up"},
    {.key = "template", .kind = FIELD_STRING, AT(template_name), .required = true, .min = "1", .max = "512", .example = "breaking_news",
     .help = "name of the approved message template"},
    {.key = "language", .kind = FIELD_STRING, AT(language), .required = true, .min = "2", .max = "15", .example = "en_US",
     .help = "the template's language, exactly as WhatsApp Manager shows its code"},
    {.key = "languages", .kind = FIELD_MAP, AT(languages), .example = "{de: de, pt: pt_BR}",
     .help = "which of the template's languages a member gets, by the language they came with; others get `language`"},
    {.key = "body", .kind = FIELD_STRINGS, AT(body), .example = "[\"{{title}}\", \"{{summary}}\"]",
     .help = "values of the template's body variables in their order, each a template; one line each, an empty one becomes –"},
    {.key = "body_names", .kind = FIELD_STRINGS, AT(body_names), .example = "[headline, summary]",
     .help = "names of those variables, where the template has names and not numbers"},
    {.key = "template_length", .kind = FIELD_INT, AT(template_length), .def = "0", .min = "0", .max = "1000",
     .help = "characters of the template's body without its variables: what is left of 1024 is for the values"},
    {.key = "header", .kind = FIELD_ENUM, AT(header), .choices = headers, .def = "none",
     .help = "what the template's header takes: nothing, the article's picture, or header_text"},
    {.key = "header_text", .kind = FIELD_TEMPLATE, AT(header_text), .example = "\"{{categories.0}}\"",
     .help = "value of the variable in a text header"},
    {.key = "picture_default", .kind = FIELD_URL, AT(picture_default), .example = "https://news.example/logo.jpg",
     .help = "stands in where an article has no picture: JPEG or PNG up to 5 MB, open to everybody"},
    {.key = "button", .kind = FIELD_TEMPLATE, AT(button), .names = button_names, .example = "\"{{path}}\"",
     .help = "end of the address of the template's link button, where it has a variable; {{path}} is the article's link behind the host"},
    {.key = "endpoint", .kind = FIELD_ENUM, AT(endpoint), .choices = endpoints, .def = "messages",
     .help = "marketing_messages where Meta demands it for marketing templates (error 131063)"},
    {.key = "on_update", .kind = FIELD_ENUM, AT(on_update), .choices = updates, .def = "ignore",
     .help = "a correction is another message to everybody, and billed as such: send it, or leave it"},
    {.key = "update_template", .kind = FIELD_STRING, AT(update_template), .min = "1", .max = "512", .example = "correction",
     .help = "another template for corrections, with the same variables"},
    {.key = "stop_words", .kind = FIELD_STRINGS, AT(stop_words), .example = "[no more]",
     .help = "answers that end a subscription, besides stop, unsubscribe and their like in many languages"},
    {.key = "start_words", .kind = FIELD_STRINGS, AT(start_words), .example = "[yes please]",
     .help = "answers that renew one that was ended, besides start and its like"},
    {.key = "api", .kind = FIELD_URL, AT(api), .def = "https://graph.facebook.com/v25.0",
     .help = "where Meta's Graph API is, with its version"},
    FIELD_END,
};

#define COMPONENTS "https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components"
const struct text_rule whatsapp__limits[] = {
    [WHATSAPP_LIMIT_BODY] =
    {.name = "body", .unit = TEXT_CODE_POINTS, .max = 1024, .source = COMPONENTS},
    [WHATSAPP_LIMIT_HEADER] =
    {.name = "header_text", .unit = TEXT_CODE_POINTS, .max = 60, .source = COMPONENTS},
    [WHATSAPP_LIMIT_BUTTON] =
    {.name = "button", .unit = TEXT_CODE_POINTS, .max = 2000, .source = COMPONENTS},
    {.name = NULL},
};
// clang-format on

const struct whatsapp_settings *whatsapp__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* ---- courses ---- */

#define SAMPLE_SENT                                                                            \
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"15550001111\",\"wa_id\":"  \
    "\"15550001111\"}],\"messages\":[{\"id\":\"wamid.HBgLMTU1NTAwMDExMTEVAgARGBI5QTNDQQA=\","  \
    "\"message_status\":\"accepted\"}]}"
#define SAMPLE_NUMBER                                                                          \
    "{\"display_phone_number\":\"+1 555-000-1111\",\"verified_name\":\"Example News\","        \
    "\"quality_rating\":\"GREEN\",\"id\":\"106540352242922\"}"

#define SEND                                                                                   \
    {.name = "prepare",                                                                        \
     .repeatable = true,                                                                       \
     .wants_media = true,                                                                      \
     .media_wanted = whatsapp__wants_picture,                                                  \
     .media_wish = whatsapp__wish,                                                             \
     .build = whatsapp__prepare,                                                               \
     .read = whatsapp__read_prepared},                                                         \
    {                                                                                          \
        .name = "message", .repeatable = true, .publishes = true, .each_member = true,         \
        .build = whatsapp__build, .read = whatsapp__read, .unanswered = whatsapp__unanswered,  \
        .sample = SAMPLE_SENT                                                                  \
    }

static const struct step send_steps[] = {SEND, STEP_END};
static const struct step test_steps[] = {
    {.name = "look_number",
     .repeatable = true,
     .build = whatsapp__build_number,
     .read = whatsapp__read_number,
     .sample = SAMPLE_NUMBER},
    STEP_END,
};

static bool rules_out(const void *object, enum course c)
{
    const struct whatsapp_settings *s = object;

    return c == COURSE_UPDATE && s->on_update == WHATSAPP_UPDATE_IGNORE;
}

/* Of a JPEG or PNG behind a link. */
static void media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    (void)ctx;
    bounds->types = MEDIA_JPEG | MEDIA_PNG;
}

/* ---- the audience ---- */

static const struct member sample = {.id = 1, .address = "+15550001111", .language = NULL};

const struct audience whatsapp__audience = {
    .batch = 100, /* a second and a bit at the usual pace */
    .parallel = 20,
    .again_ms = 4 * MS_SECOND, /* Meta: 4^n seconds, to one recipient */
    .again_factor = 4,
    .again_max = 6,
    .resend_after_ms = 10 * MS_MINUTE,
    .address = whatsapp__address,
    .address_form = "a telephone number with its country code, such as +4915112345678",
    .sample = &sample,
    .challenge = whatsapp__challenge,
    .signature_header = "X-Hub-Signature-256",
    .check = whatsapp__check,
    .read = whatsapp__read_hook,
};

/* ---- settings ---- */

static enum err_code refuse(struct err *why, const char *text)
{
    return err_set(why, ERR_INVALID, "%s", text);
}

static enum err_code check(const void *object, struct err *why)
{
    const struct whatsapp_settings *s = object;

    if (!graph_is_id(s->phone_number_id) || strchr(s->phone_number_id, '_')) {
        return refuse(why,
                      "phone_number_id: digits only, as WhatsApp > API Setup shows it; not the "
                      "telephone number");
    }
    if (s->header == WHATSAPP_HEADER_TEXT && !s->header_text) {
        return refuse(why, "header_text: needed with header: text");
    }
    if (s->header != WHATSAPP_HEADER_TEXT && s->header_text) {
        return refuse(why, "header_text: only with header: text");
    }
    if (s->picture_default && strncmp(s->picture_default, "https://", 8) != 0) {
        return refuse(why, "picture_default: Meta fetches it over https only");
    }
    if (s->update_template && s->on_update == WHATSAPP_UPDATE_IGNORE) {
        return refuse(why, "update_template: only with on_update: send");
    }
    return whatsapp__check_body(s, why);
}

/* Not that of picture_default, which is the site's. */
static void host(const void *object, struct buf *out)
{
    (void)url_put_host(out, ((const struct whatsapp_settings *)object)->api);
}

// clang-format off
static const char setup[] =
    "WhatsApp channels and status cannot be posted to by programs. This sends a message of a template to\n"
    "each reader who agreed to get it; Meta bills each one.\n"
    "\n"
    "1. At https://developers.facebook.com/apps press Create App, choose the use case \"Connect with\n"
    "   customers through WhatsApp\" and your business portfolio.\n"
    "2. In the app, open WhatsApp > API Setup. Add your own telephone number (one that no WhatsApp app\n"
    "   uses) and copy its Phone number ID. Add a way to pay in WhatsApp Manager.\n"
    "3. At https://business.facebook.com/settings open Users > System users, add one (role: Admin), press\n"
    "   Assign assets: the app and the WhatsApp account, full control. Press Generate token: choose the\n"
    "   app, Token expiration: Never, tick whatsapp_business_messaging and whatsapp_business_management.\n"
    "   Copy it.\n"
    "4. In WhatsApp Manager > Message templates create one, for example breaking_news, with the body\n"
    "   \"{{1}}\" and below it \"{{2}}\", perhaps an image header, a button \"Visit website\" with a dynamic\n"
    "   address https://your.site/{{1}}, and a button to unsubscribe. Do so for each language. Wait until\n"
    "   it is approved.\n"
    "5. In the app, App settings > Basic, press Show beside App secret and copy it.\n"
    "6. Give the three secrets to crier as environment variables, here WHATSAPP_TOKEN,\n"
    "   WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN, and write:\n"
    "\n"
    "     channels:\n"
    "       whatsapp:\n"
    "         type: whatsapp\n"
    "         phone_number_id: \"106540352242922\"\n"
    "         token: ${WHATSAPP_TOKEN}\n"
    "         app_secret: ${WHATSAPP_APP_SECRET}\n"
    "         verify_token: ${WHATSAPP_VERIFY_TOKEN}   # a long word that you make up\n"
    "         template: breaking_news\n"
    "         language: en_US\n"
    "         body: [\"{{title}}\", \"{{summary}}\"]\n"
    "         header: picture                          # if the template has an image header\n"
    "         button: \"{{path}}\"                       # if its button has a variable\n"
    "         when: {breaking: true}\n"
    "\n"
    "7. Run `crier check`, start crier. In the app, WhatsApp > Configuration > Webhook press Edit: as\n"
    "   callback address give your server.public_url with /callbacks/whatsapp behind it (the channel's\n"
    "   name), as verify token the word of step 6. Then subscribe to the fields messages and\n"
    "   user_preferences. Without this nobody's STOP arrives, and what became of messages is never known.\n"
    "8. Bring in the readers who agreed, with the proof of it, one JSON object a line:\n"
    "     {\"address\": \"+4915112345678\", \"language\": \"de\", \"opted_in_at\": \"2026-11-01T10:00:00Z\", \"source\": \"form on /news\"}\n"
    "     crier members whatsapp import readers.ndjson\n"
    "   Who answers STOP, or says so to WhatsApp, gets nothing more; `crier members whatsapp remove NUMBER`\n"
    "   erases one.\n"
    "9. With the service running, this asks Meta for the number and sends nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/whatsapp/test\n"
    "\n"
    "The token of a system user has no end; it ends when it is revoked, or the user loses the account. A\n"
    "new account may write to 250 people a day; Meta raises that by itself as long as few people block you.\n"
    "Numbers of the United States (+1) may get no messages of the kind \"marketing\".";
// clang-format on

const struct adapter adapter_whatsapp = {
    .name = "whatsapp",
    .title = "WhatsApp",
    .doc_url = "https://developers.facebook.com/docs/whatsapp/cloud-api",
    .about = "a message of an approved template to each reader who agreed to get it",
    .settings = settings,
    .settings_size = sizeof(struct whatsapp_settings),
    .limits = whatsapp__limits,
    .publish = send_steps,
    .update = send_steps,
    .test = test_steps,
    .rules_out = rules_out,
    .cannot_update =
        "a WhatsApp message cannot be changed, and a correction is another billed message to "
        "everybody: it goes out with on_update: send",
    .cannot_retract = "a business cannot take back a WhatsApp message",
    .cannot_verify =
        "WhatsApp cannot be asked for a message; its webhook tells what became of each",
    .host = host,
    .audience = &whatsapp__audience,
    .media_max_bytes = (size_t)5 * 1000 * 1000,
    .media_bounds = media_bounds,
    .pictures = "by their address, which Meta fetches",
    .media = "the article's first picture as the template's header",
    .rate = {.count = 80, .per_ms = MS_SECOND},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
