/* Reddit: what a channel of this kind can be told, what the platform's limits are, and the order of steps
 * of each course. The steps themselves stand in reddit_post.c and reddit_verify.c, tokens in
 * reddit_token.c. Found through registry.h; everything here is constant. */

#include "adapters/reddit_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"

static const char *const kinds[] = {"link", "self", NULL};

#define SETTING(member) offsetof(struct reddit_settings, member)

// clang-format off
static const struct field settings[] = {
    {.key = "subreddit", .kind = FIELD_STRING, .offset = SETTING(subreddit), .required = true, .min = "2", .max = "64",
     .example = "examplenews", .help = "the community to post to, without r/"},
    {.key = "username", .kind = FIELD_STRING, .offset = SETTING(username), .required = true, .min = "2", .max = "64",
     .example = "examplenews", .help = "the account that posts, without u/; Reddit wants it told with every request"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "REDDIT", "https://www.reddit.com/prefs/apps"),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "REDDIT"),
    {.key = "password", .kind = FIELD_SECRET, .offset = SETTING(password), .example = "${REDDIT_PASSWORD}",
     .help = "of the account, for apps of the kind script only; not set: sign in with `crier keys login`"},
    {.key = "kind", .kind = FIELD_ENUM, .offset = SETTING(kind), .def = "link", .choices = kinds,
     .help = "link posts the article's link, self a text with the link in it; only a text can be corrected later"},
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of the post"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = "{{#summary}}{{summary}}\n\n{{/summary}}{{url}}",
     .help = "text of the post when kind is self, Markdown"},
    {.key = "flair_id", .kind = FIELD_STRING, .offset = SETTING(flair_id), .min = "1", .max = "64", .example = "a1b2c3d4-0000-11ee-8000-000000000000",
     .help = "id of the post flair, where the community wants one"},
    {.key = "flair_text", .kind = FIELD_STRING, .offset = SETTING(flair_text), .min = "1", .max = "64", .example = "News",
     .help = "text of the flair, where the community lets one write it"},
    {.key = "nsfw", .kind = FIELD_BOOL, .offset = SETTING(nsfw), .def = "false", .help = "mark posts as not safe for work"},
    {.key = "spoiler", .kind = FIELD_BOOL, .offset = SETTING(spoiler), .def = "false", .help = "hide the preview"},
    {.key = "send_replies", .kind = FIELD_BOOL, .offset = SETTING(send_replies), .def = "false",
     .help = "let the account's inbox get the replies"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://oauth.reddit.com", .help = "address of the API"},
    {.key = "login_url", .kind = FIELD_URL, .offset = SETTING(login_url), .def = "https://www.reddit.com",
     .help = "where tokens are asked for"},
    FIELD_END,
};

const struct text_rule reddit__limits[] = {
    [REDDIT_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 300, .source = "https://www.reddit.com/dev/api#POST_api_submit"},
    [REDDIT_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_CODE_POINTS, .max = 40000, .source = "https://www.reddit.com/dev/api#POST_api_submit"},
    {.name = NULL},
};

#define SAMPLE_SUBMITTED \
    "{\"json\":{\"errors\":[],\"data\":{\"url\":\"https://www.reddit.com/r/examplenews/comments/1abcde/a_title/\"," \
    "\"id\":\"1abcde\",\"name\":\"t3_1abcde\"}}}"
#define FIND_POST \
    {.name = "find_post", .repeatable = true, \
     .build = reddit__build_find, .read = reddit__read_find, .sample = "{\"data\":{\"children\":[],\"after\":null}}"}

static const struct step publish[] = {
    {.name = "submit_link", .repeatable = true, .publishes = true, /* resubmit=false */
     .build = reddit__build_link, .read = reddit__read_link, .sample = SAMPLE_SUBMITTED},
    {.name = "submit_self", .publishes = true,
     .build = reddit__build_self, .read = reddit__read_self, .sample = SAMPLE_SUBMITTED},
    FIND_POST, /* where the link is there already */
    STEP_END,
};
static const struct step update[] = {
    {.name = "edit_text", .repeatable = true, .publishes = true,
     .build = reddit__build_edit, .read = reddit__read_edit, .sample = "{\"json\":{\"errors\":[],\"data\":{\"things\":[]}}}"},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete_post", .repeatable = true, .build = reddit__build_delete, .read = reddit__read_delete},
    STEP_END,
};
static const struct step verify[] = {FIND_POST, STEP_END};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true,
     .build = reddit__build_whoami, .read = reddit__read_whoami, .sample = "{\"name\":\"news\"}"},
    {.name = "look_at_subreddit", .repeatable = true,
     .build = reddit__build_about, .read = reddit__read_about,
     .sample = "{\"data\":{\"display_name\":\"examplenews\",\"submission_type\":\"any\"}}"},
    STEP_END,
};
// clang-format on

static bool is_word(const char *text, const char *more)
{
    size_t len = 0;

    while ((text[len] >= 'a' && text[len] <= 'z') || (text[len] >= 'A' && text[len] <= 'Z') ||
           (text[len] >= '0' && text[len] <= '9') || (text[len] && strchr(more, text[len]))) {
        len++;
    }
    return len > 0 && text[len] == '\0';
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct reddit_settings *s = object;

    if (!is_word(s->subreddit, "_")) {
        return err_set(
            why, ERR_INVALID, "subreddit: its name is accepted, such as news, without r/");
    }
    if (!is_word(s->username, "_-")) {
        return err_set(why, ERR_INVALID, "username: the name is accepted, without u/");
    }
    if (s->password.text && (!s->oauth.client_id || !s->oauth.client_secret.text)) {
        return err_set(
            why,
            ERR_INVALID,
            "password: client_id and client_secret of the script app must be set with "
            "it");
    }
    return oauth_check(&reddit__oauth, object, why);
}

static bool rules_out(const void *object, enum course c)
{
    const struct reddit_settings *s = object;

    return c == COURSE_UPDATE && s->kind == REDDIT_LINK;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char name[REDDIT_NAME_BYTES];

    (void)object;
    return reddit__post_name(remote_id, link, name) != NULL;
}

// clang-format off
static const char setup[] =
    "1. Since November 2025 Reddit admits each program by hand. Ask for access with the form of its\n"
    "   \"Responsible Builder Policy\" (search help at https://support.reddithelp.com), as the account that\n"
    "   is to post. Say that it posts your own articles to your own community. Wait for the yes.\n"
    "2. Post to a community of your own, or one whose rules allow a newsroom's own links: most forbid\n"
    "   automatic links, and ban for them.\n"
    "3. Signed in with that account, open https://www.reddit.com/prefs/apps and press \"create another\n"
    "   app\". Name: crier. Kind: web app. Redirect uri: the address of \"Signing in\" below. Press \"create\n"
    "   app\".\n"
    "4. The id stands below the app's name, the secret beside \"secret\". Give both to crier as environment\n"
    "   variables, here REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       reddit:\n"
    "         type: reddit\n"
    "         subreddit: examplenews\n"
    "         username: examplenews                 # the account of step 1\n"
    "         client_id: ${REDDIT_CLIENT_ID}\n"
    "         client_secret: ${REDDIT_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "5. Run `crier check`, then `crier keys login reddit`. Open the address it shows, signed in as the\n"
    "   account, and press \"Allow\". (An app of the kind script needs no such step: set `password` instead.)\n"
    "6. With the service running, this answers with the account's name and the community's, and posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/reddit/test\n"
    "\n"
    "The token lives for a day, and crier renews it by itself. The sign-in ends when it is revoked at\n"
    "https://www.reddit.com/prefs/apps.\n"
    "\n"
    "Reddit lets nobody change the title or the link of a post. A correction has to be made by hand: in a\n"
    "comment, or by deleting the post and sending the article again.";
// clang-format on

const struct adapter adapter_reddit = {
    .name = "reddit",
    .title = "Reddit",
    .doc_url = "https://www.reddit.com/dev/api#POST_api_submit",
    .about = "a link post in a community, or a text with the link",
    .settings = settings,
    .settings_size = sizeof(struct reddit_settings),
    .limits = reddit__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update =
        "nobody can change the title or the link of a post there: say it in a comment, or "
        "delete the post and send the article again; only a text (kind: self) can be edited",
    .rules_out = rules_out,
    .post_id_form = "the id of the post (t3_…), or its link",
    .post_named = post_named,
    .pictures = "Reddit takes it from the article's page",
    .media = "what the article's page shows, which Reddit fetches by itself",
    .rate = {.count = 100, .per_ms = MS_MINUTE},
    .oauth = &reddit__oauth,
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
