/* Posts on another WordPress site: what a channel of this kind can be told, what the platform's limits
 * are, and the order of steps of each course. The steps themselves stand in wordpress_terms.c and
 * wordpress_post.c. Found through registry.h; everything here is constant. */

#include "adapters/wordpress_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/url.h"

const char *const wordpress__statuses[] = {"publish", "draft", "pending", "private", NULL};
static const char *const media_choices[] = {"auto", "never", NULL};
static const char *const retract_choices[] = {"trash", "delete", NULL};

#define SETTING(member) offsetof(struct wordpress_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{#summary}}<p>{{summary}}</p>\n\n{{/summary}}<p><a href=\"{{url}}\">{{title}}</a> "      \
    "({{site}})</p>"

// clang-format off
static const struct field settings[] = {
    {.key = "site", .kind = FIELD_URL, .offset = SETTING(site), .required = true,
     .example = "https://partner.example", .help = "address of the site to post to, with the folder WordPress lives in, if any"},
    {.key = "user", .kind = FIELD_STRING, .offset = SETTING(user), .required = true, .min = "1", .max = "256",
     .example = "newsroom", .help = "name of the account there"},
    {.key = "password", .kind = FIELD_SECRET, .offset = SETTING(password), .required = true,
     .example = "${WORDPRESS_PASSWORD}", .help = "an application password of that account, never the one it signs in with"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .example = "https://partner.example/?rest_route=",
     .help = "address of the site's REST API, where it is not below the site as /wp-json"},
    {.key = "status", .kind = FIELD_ENUM, .offset = SETTING(status), .def = "publish", .choices = wordpress__statuses,
     .help = "public at once, a draft, waiting for review, or for editors only"},
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of the post"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "its content, HTML, with the link back"},
    {.key = "excerpt", .kind = FIELD_TEMPLATE, .offset = SETTING(excerpt), .def = "{{summary}}",
     .help = "what lists show of it"},
    {.key = "categories", .kind = FIELD_STRINGS, .offset = SETTING(categories), .example = "Partners",
     .help = "categories instead of the article's, by name"},
    {.key = "tags", .kind = FIELD_STRINGS, .offset = SETTING(tags), .example = "wire",
     .help = "tags instead of the article's, by name"},
    {.key = "create_terms", .kind = FIELD_BOOL, .offset = SETTING(create_terms), .def = "true",
     .help = "make categories and tags that the site does not have; else the post does without them"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto uploads the article's first picture as the featured image, with its alternative text, never leaves it out"},
    {.key = "retract", .kind = FIELD_ENUM, .offset = SETTING(retract), .def = "trash", .choices = retract_choices,
     .help = "a retracted post goes to the trash, or is deleted for good"},
    {.key = "canonical_field", .kind = FIELD_STRING, .offset = SETTING(canonical_field), .min = "1", .max = "255",
     .example = "_yoast_wpseo_canonical", .help = "meta field, open to the REST API there, that gets the article's address as the original"},
    FIELD_END,
};

const struct text_rule wordpress__limits[] = {
    [WORDPRESS_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_BYTES, .max = 65535,
     .source = "WordPress, wp-admin/includes/schema.php: wp_posts.post_title is TEXT"},
    [WORDPRESS_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_BYTES, .max = 1000000,
     .source = "our choice; the database takes more, the host's guard often does not"},
    [WORDPRESS_LIMIT_EXCERPT] =
    {.name = "excerpt", .unit = TEXT_BYTES, .max = 65535,
     .source = "WordPress, wp-admin/includes/schema.php: wp_posts.post_excerpt is TEXT"},
    [WORDPRESS_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 2000,
     .source = "our choice; WordPress has no limit"},
    {.name = NULL},
};

#define SAMPLE_TERMS "[{\"id\":5,\"name\":\"World\"}]"
#define SAMPLE_MEDIA "{\"id\":77,\"source_url\":\"https://partner.example/wp-content/uploads/flood.jpg\"}"
#define SAMPLE_POST "{\"id\":1234,\"link\":\"https://partner.example/2026/11/flood/\",\"slug\":\"flood\"}"

#define FIRST_STEPS \
    {.name = "find_term", .repeatable = true, \
     .build = wordpress__build_find_term, .read = wordpress__read_find_term, .sample = "[]"}, \
    {.name = "make_term", .repeatable = true, \
     .build = wordpress__build_make_term, .read = wordpress__read_make_term, .sample = "{\"code\":\"x\"}"}, \
    {.name = "upload_media", .repeatable = true, .wants_media = true, .media_wanted = wordpress__media_wanted, \
     .build = wordpress__build_upload, .read = wordpress__read_upload, .sample = SAMPLE_MEDIA}

static const struct step publish[] = {
    FIRST_STEPS,
    {.name = "create_post", .publishes = true,
     .build = wordpress__build_create, .read = wordpress__read_create, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step update[] = {
    FIRST_STEPS,
    {.name = "edit_post", .repeatable = true, .publishes = true,
     .build = wordpress__build_edit, .read = wordpress__read_edit, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete_post", .repeatable = true,
     .build = wordpress__build_delete, .read = wordpress__read_delete, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step verify[] = {
    {.name = "find_slug", .repeatable = true,
     .build = wordpress__build_find, .read = wordpress__read_find, .sample = "[]"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true,
     .build = wordpress__build_whoami, .read = wordpress__read_whoami,
     .sample = "{\"id\":1,\"name\":\"Newsroom\",\"capabilities\":{\"publish_posts\":true,\"edit_posts\":true}}"},
    STEP_END,
};
// clang-format on

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct wordpress_settings *s = object;
    struct url_parts url;

    if (!url_parse(&url, s->site) || url.has_userinfo || url.query || url.fragment) {
        return err_set(why,
                       ERR_INVALID,
                       "site: only the address of the site is accepted, such as "
                       "https://partner.example");
    }
    if (strchr(s->user, ':')) {
        return err_set(why, ERR_INVALID, "user: no name with a colon in it is accepted");
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    return wordpress__post_number(object, remote_id, link) > 0;
}

// clang-format off
static const char setup[] =
    "1. On the site that is to get the posts, an administrator makes an account for crier: Users, then\n"
    "   \"Add New User\", with the role Author (or Editor, where categories are to be made as well).\n"
    "2. Sign in there with that account. Open Profile, scroll to \"Application Passwords\", name one crier,\n"
    "   press \"Add New Application Password\". Copy what is shown (six groups of four): it is shown once.\n"
    "   If that section is missing, the site has no https, or has switched it off.\n"
    "3. Give it to crier as an environment variable, here WORDPRESS_PASSWORD, and write:\n"
    "\n"
    "     channels:\n"
    "       partner-site:\n"
    "         type: wordpress\n"
    "         site: https://partner.example\n"
    "         user: newsroom                        # the account's name, not its e-mail address\n"
    "         password: ${WORDPRESS_PASSWORD}\n"
    "         categories: [Partners]\n"
    "         when: {breaking: true}\n"
    "\n"
    "4. Run `crier check`. With the service running, this answers with the account's name, says whether it\n"
    "   may publish, and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/partner-site/test\n"
    "   If it says rest_not_logged_in though the password is right, the host drops the Authorization\n"
    "   header: its support knows how to let it through. If it says rest_no_route, open\n"
    "   https://partner.example/wp-json/ in a browser; where that is not found, set\n"
    "   api: https://partner.example/?rest_route=\n"
    "\n"
    "The password has no end; it ends when it is revoked in the same place. This is for sites with their\n"
    "own WordPress: blogs at wordpress.com sign in another way, which crier does not know.";
// clang-format on

const struct adapter adapter_wordpress = {
    .name = "wordpress",
    .title = "WordPress",
    .doc_url = "https://developer.wordpress.org/rest-api/reference/posts/",
    .about = "a post on another site, with the picture, a summary and the link back",
    .settings = settings,
    .settings_size = sizeof(struct wordpress_settings),
    .limits = wordpress__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .post_id_form = "the number of the post, or an address that holds it (?p=12)",
    .post_named = post_named,
    .media_max_bytes = WORDPRESS_IMAGE_BYTES,
    .media = "the article's first picture as featured image, with alternative text",
    .answer_timeout_ms =
        60 * MS_SECOND, /* a host that makes six sizes of a picture takes its time */
    .check = check_settings,
    .setup = setup,
};
