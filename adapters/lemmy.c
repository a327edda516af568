/* Lemmy: what a channel of this kind can be told, what the platform's limits are, and the order of steps
 * of each course. The steps themselves stand in lemmy_account.c and lemmy_post.c. Found through
 * registry.h; everything here is constant.
 *
 * Publishing: learn once a day which numbers the site has for languages and for the community, then make a
 * link post. The site takes the same link twice, so an unknown outcome is looked for before anything is
 * sent again. The interface is that of 0.19, /api/v3, which 1.0 still answers. */

#include "adapters/lemmy_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/url.h"

static const char *const thumbnail_choices[] = {"auto", "never", NULL};

#define SETTING(member) offsetof(struct lemmy_settings, member)

// clang-format off
static const struct field settings[] = {
    {.key = "instance", .kind = FIELD_URL, .offset = SETTING(instance), .required = true,
     .example = "https://lemmy.example", .help = "address of the site the account lives on"},
    {.key = "username", .kind = FIELD_STRING, .offset = SETTING(username), .required = true, .min = "1", .max = "256",
     .example = "news", .help = "the account's name there, or its e-mail address"},
    {.key = "password", .kind = FIELD_SECRET, .offset = SETTING(password), .required = true,
     .example = "${LEMMY_PASSWORD}", .help = "its password; two-factor sign-in must be off"},
    {.key = "community", .kind = FIELD_STRING, .offset = SETTING(community), .required = true, .min = "1", .max = "256",
     .example = "news", .help = "where it posts: name, or name@site for one of another site"},
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of the post, which leads to the article"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = "{{#summary}}{{summary}}{{/summary}}",
     .help = "text below it, Markdown"},
    {.key = "language", .kind = FIELD_STRING, .offset = SETTING(language), .min = "2", .max = "35", .example = "en",
     .help = "language to declare instead of the article's or the site's"},
    {.key = "nsfw", .kind = FIELD_BOOL, .offset = SETTING(nsfw), .def = "false",
     .help = "mark posts as not safe for work"},
    {.key = "thumbnail", .kind = FIELD_ENUM, .offset = SETTING(thumbnail), .def = "auto", .choices = thumbnail_choices,
     .help = "auto shows the article's first picture with its alternative text, never leaves it to the link preview"},
    FIELD_END,
};

const struct text_rule lemmy__limits[] = {
    [LEMMY_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 200,
     .source = "LemmyNet/lemmy, crates/utils validation.rs: TITLE_MAX_LENGTH"},
    /* 50,000 in later ones; the older sites are the measure. */
    [LEMMY_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_CODE_POINTS, .max = 10000,
     .source = "LemmyNet/lemmy 0.19, crates/utils validation.rs: BODY_MAX_LENGTH"},
    [LEMMY_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 1500,
     .source = "LemmyNet/lemmy, crates/utils validation.rs: ALT_TEXT_MAX_LENGTH"},
    {.name = NULL},
};

#define SAMPLE_SITE \
    "{\"version\":\"0.19.11\",\"all_languages\":[{\"id\":0,\"code\":\"und\",\"name\":\"Undetermined\"}," \
    "{\"id\":37,\"code\":\"en\",\"name\":\"English\"}],\"my_user\":{\"local_user_view\":" \
    "{\"person\":{\"id\":2,\"name\":\"news\"}}}}"
#define SAMPLE_COMMUNITY "{\"community_view\":{\"community\":{\"id\":7,\"name\":\"news\"}},\"discussion_languages\":[0,37]}"
#define SAMPLE_POST \
    "{\"post_view\":{\"post\":{\"id\":1234,\"ap_id\":\"https://lemmy.example/post/1234\"}}}"

#define LEARN \
    {.name = "learn_site", .repeatable = true, \
     .build = lemmy__build_site, .read = lemmy__read_site, .sample = SAMPLE_SITE}, \
    {.name = "learn_community", .repeatable = true, \
     .build = lemmy__build_community, .read = lemmy__read_community, .sample = SAMPLE_COMMUNITY}

static const struct step publish[] = {
    LEARN,
    {.name = "create_post", .publishes = true,
     .build = lemmy__build_create, .read = lemmy__read_create, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step update[] = {
    LEARN,
    {.name = "edit_post", .repeatable = true, .publishes = true,
     .build = lemmy__build_edit, .read = lemmy__read_edit, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete_post", .repeatable = true,
     .build = lemmy__build_delete, .read = lemmy__read_delete, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step verify[] = {
    LEARN,
    {.name = "search_link", .repeatable = true,
     .build = lemmy__build_search, .read = lemmy__read_search, .sample = "{\"posts\":[]}"},
    {.name = "list_own", .repeatable = true,
     .build = lemmy__build_list, .read = lemmy__read_list, .sample = "{\"posts\":[]}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "learn_site", .repeatable = true,
     .build = lemmy__build_site, .read = lemmy__read_site, .sample = SAMPLE_SITE},
    {.name = "find_community", .repeatable = true,
     .build = lemmy__build_community, .read = lemmy__read_test, .sample = SAMPLE_COMMUNITY},
    STEP_END,
};
// clang-format on

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct lemmy_settings *s = object;
    struct url_parts url;

    if (!url_parse(&url, s->instance) || url.has_userinfo || url.query || url.fragment) {
        return err_set(why,
                       ERR_INVALID,
                       "instance: only the address of the site is accepted, such as "
                       "https://lemmy.example");
    }
    if (s->community[strspn(s->community,
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "_@.:-")] != '\0') {
        return err_set(why,
                       ERR_INVALID,
                       "community: its name is accepted, such as news or news@lemmy.example, "
                       "without ! before it");
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    return lemmy__post_number(object, remote_id, link) > 0;
}

// clang-format off
static const char setup[] =
    "1. Choose the site the account is to live on, and sign up there in a browser. Many sites ask why:\n"
    "   say that it is the account of a newsroom. Wait until it is admitted.\n"
    "2. Sign in. Open the account's Settings. Tick \"Bot account\", leave two-factor sign-in off, save.\n"
    "3. Open the community it is to post to. Its name stands in the address, behind /c/. If it is not\n"
    "   yours, read its rules: many want no automatic posts. Ask its moderators.\n"
    "4. Give the account's password to crier as an environment variable, here LEMMY_PASSWORD, and write:\n"
    "\n"
    "     channels:\n"
    "       lemmy:\n"
    "         type: lemmy\n"
    "         instance: https://lemmy.example       # the site of step 1\n"
    "         username: news\n"
    "         password: ${LEMMY_PASSWORD}\n"
    "         community: news                       # of another site: news@other.example\n"
    "         when: {breaking: true}\n"
    "\n"
    "5. Run `crier check`. With the service running, this signs in, finds the community and posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/lemmy/test\n"
    "   crier signs in by itself, and again when the site has forgotten it. There is nothing to renew.";
// clang-format on

const struct adapter adapter_lemmy = {
    .name = "lemmy",
    .title = "Lemmy",
    .doc_url = "https://join-lemmy.org/api/",
    .about = "a link post in a community, with the article's picture and its summary below",
    .settings = settings,
    .settings_size = sizeof(struct lemmy_settings),
    .limits = lemmy__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .post_id_form = "the number of the post, or its link on this site",
    .post_named = post_named,
    .pictures = "the site fetches it from its address",
    .media = "the article's first picture as thumbnail, with alternative text, which the site "
             "fetches",
    .rate = {.count = 6, .per_ms = 10 * MS_MINUTE},
    .oauth = &lemmy__oauth,
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
