/* Threads: what a channel of this kind can be told, what the platform's limits are, and the order of steps of
 * each course. What a post is made of stands in threads_post.c, what becomes of older posts in
 * threads_standing.c, the way to a token in threads_login.c, and how containers are made, published and found
 * again in container.c. Found through registry.h; everything here is constant.
 *
 * A post is never held up by its picture: what Threads cannot fetch or does not take is left out, and the
 * text goes with its link card. */

#include "adapters/threads_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/record.h"
#include "base/mustache.h"

static const char *const post_choices[] = {"link", "image", "carousel", "video", NULL};
static const char *const on_update_choices[] = {"replace", "reply", "ignore", NULL};
const char *const threads__reply_controls[] = {"everyone",
                                               "accounts_you_follow",
                                               "mentioned_only",
                                               "parent_post_author_only",
                                               "followers_only",
                                               NULL};

#define SETTING(member) offsetof(struct threads_settings, member)
#define DEFAULT_TEXT "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}"

// clang-format off
static const struct field settings[] = {
    {.key = "user_id", .kind = FIELD_STRING, .offset = SETTING(user_id), .min = "1", .max = "32", .example = "17841400000000000",
     .help = "number of the account; not needed, since the token is one account's"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "THREADS", "Meta's app dashboard"),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "THREADS"),
    {.key = "post", .kind = FIELD_ENUM, .offset = SETTING(post), .def = "link", .choices = post_choices,
     .help = "link shows the article as a card; or its picture, its pictures, or its video: then the text must hold {{url}}"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post; the link stands in the card below it"},
    {.key = "topic_tag", .kind = FIELD_TEMPLATE, .offset = SETTING(topic_tag), .def = "{{#tags}}{{.}}\n{{/tags}}", .example = "News",
     .help = "topic of the post: the first line of this, by default the article's first tag"},
    {.key = "reply_control", .kind = FIELD_ENUM, .offset = SETTING(reply_control), .def = "everyone", .choices = threads__reply_controls,
     .help = "who may reply"},
    {.key = "on_update", .kind = FIELD_ENUM, .offset = SETTING(on_update), .def = "replace", .choices = on_update_choices,
     .help = "posts cannot be edited: replace them by a new one (likes and replies stay behind), reply with the change, or leave them as they are"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://graph.threads.net/v1.0",
     .help = "address and version of the API"},
    {.key = "login_page", .kind = FIELD_URL, .offset = SETTING(login_page), .def = "https://threads.net/oauth/authorize",
     .help = "the page where one signs in"},
    FIELD_END,
};

const struct text_rule threads__limits[] = {
    [THREADS_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_EMOJI_BYTES, .max = 500,
     .source = "https://developers.facebook.com/docs/threads/posts, text; …/threads/overview: emoji count as their bytes"},
    [THREADS_LIMIT_TOPIC] =
    {.name = "topic_tag", .unit = TEXT_CODE_POINTS, .max = 50,
     .source = "the same page, topic_tag"},
    [THREADS_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 1000,
     .source = "the same page, alt_text"},
    {.name = NULL},
};

#define SAMPLE_ID "{\"id\":\"17889455560051444\"}"
#define SAMPLE_FINISHED "{\"id\":\"17889455560051444\",\"status\":\"FINISHED\"}"
#define SAMPLE_PERMALINK "{\"id\":\"17895695668004550\",\"permalink\":\"https://www.threads.net/@news/post/DRabcdefghi\"}"
#define SAMPLE_QUOTA "{\"data\":[{\"quota_usage\":4,\"config\":{\"quota_total\":250,\"quota_duration\":86400}}]}"
// clang-format on

CONTAINER_STEP(quota, &threads__platform)
CONTAINER_STEP(item, &threads__platform)
CONTAINER_STEP(create, &threads__platform)
CONTAINER_STEP(await, &threads__platform)
CONTAINER_STEP(permalink, &threads__platform)
CONTAINER_STEP(look, &threads__platform)

static struct verdict stands(struct step_ctx *ctx, struct verdict v)
{
    if (record_str(ctx->record, "remote_id") &&
        (v.kind == VERDICT_NEXT || v.kind == VERDICT_DONE)) {
        threads__note_standing(ctx);
    }
    return v;
}

static enum err_code
build_publish(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return container_build_publish(&threads__platform, ctx, req, why);
}

static struct verdict read_publish(struct step_ctx *ctx, const struct http_response *res)
{
    return stands(ctx, container_read_publish(&threads__platform, ctx, res));
}

static enum err_code
build_republish(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return container_build_republish(&threads__platform, ctx, req, why);
}

static struct verdict read_republish(struct step_ctx *ctx, const struct http_response *res)
{
    return stands(ctx, container_read_republish(&threads__platform, ctx, res));
}

static enum err_code build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return container_build_find(&threads__platform, ctx, req, why);
}

static struct verdict read_find(struct step_ctx *ctx, const struct http_response *res)
{
    return stands(ctx, container_read_find(&threads__platform, ctx, res));
}

// clang-format off
#define FIRST_STEPS \
    {.name = "read_quota", .repeatable = true, .build = build_quota, .read = read_quota, .sample = SAMPLE_QUOTA}, \
    {.name = "create_item", .repeatable = true, .wants_media = true, \
     .media_wanted = threads__item_wanted, .media_wish = threads__item_wish, \
     .build = build_item, .read = read_item, .sample = SAMPLE_ID}, \
    {.name = "create", .repeatable = true, .wants_media = true, \
     .media_wanted = threads__media_wanted, .media_wish = threads__media_wish, \
     .build = build_create, .read = read_create, .sample = SAMPLE_ID}, \
    {.name = "await", .repeatable = true, .build = build_await, .read = read_await, .sample = SAMPLE_FINISHED}
#define LAST_STEPS \
    {.name = "find_new", .repeatable = true, .build = build_find, .read = read_find, .sample = "{\"data\":[]}"}, \
    {.name = "permalink", .repeatable = true, .build = build_permalink, .read = read_permalink, \
     .unanswered = container_unanswered_permalink, .sample = SAMPLE_PERMALINK}
#define DELETE(step) \
    {.name = (step), .repeatable = true, .build = threads__build_delete, .read = threads__read_delete, \
     .sample = "{\"success\":true}"}

static const struct step publish[] = {
    FIRST_STEPS,
    {.name = "publish", .publishes = true, .build = build_publish, .read = read_publish, .sample = SAMPLE_ID},
    LAST_STEPS,
    STEP_END,
};
static const struct step update[] = {
    FIRST_STEPS,
    /* A second time it looks at the container first, as long as that is known. */
    {.name = "publish", .repeatable = true, .repeat_within_ms = CONTAINER_KEPT_MS, .publishes = true, .makes_post = true, .build = build_republish, .read = read_republish,
     .unanswered = container_unanswered_republish, .sample = SAMPLE_ID},
    LAST_STEPS,
    DELETE("delete_old"),
    STEP_END,
};
static const struct step retract[] = {DELETE("delete_post"), STEP_END};
static const struct step verify[] = {
    {.name = "look", .repeatable = true, .build = build_look, .read = read_look, .sample = SAMPLE_FINISHED},
    {.name = "find_post", .repeatable = true, .build = build_find, .read = read_find, .sample = "{\"data\":[]}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true, .build = threads__build_whoami, .read = threads__read_whoami,
     .sample = "{\"id\":\"17841400000000000\",\"username\":\"news\"}"},
    STEP_END,
};
// clang-format on

static void note_link(void *context, const char *name)
{
    bool *has_link = context;

    *has_link = *has_link || strcmp(name, "url") == 0 || strcmp(name, "canonical_url") == 0;
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct threads_settings *s = object;
    bool has_link = false;

    if (s->user_id && (!graph_is_id(s->user_id) || strchr(s->user_id, '_'))) {
        return err_set(why,
                       ERR_INVALID,
                       "user_id: the account's number is accepted, such as 17841400000000000");
    }
    mustache_names(s->text, note_link, &has_link);
    if (s->post != THREADS_LINK && !has_link) {
        return err_set(why,
                       ERR_INVALID,
                       "text: {{url}} must stand in it when post is not link, since nothing "
                       "else carries the link then");
    }
    return oauth_check(&threads__oauth, object, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    (void)object;
    (void)link;
    return graph_is_id(remote_id);
}

static void media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    (void)ctx;
    bounds->types = MEDIA_JPEG | MEDIA_PNG;
    bounds->min_ratio_milli = 100;
    bounds->max_ratio_milli = 10000;
}

static int64_t quota_told(const void *object, const json_t *own)
{
    (void)object;
    return container_quota_told(own);
}

// clang-format off
static const char setup[] =
    "1. Sign in at https://developers.facebook.com, \"My Apps\", \"Create App\". Use case: \"Access the\n"
    "   Threads API\". Name it, for example, Example News publishing.\n"
    "2. In the app: \"Use cases\", \"Access the Threads API\", \"Customize\". Add the permissions\n"
    "   threads_content_publish and threads_delete to threads_basic.\n"
    "3. There, under \"Settings\", copy \"Threads app ID\" and \"Threads app secret\" (they are not the\n"
    "   app's own id and secret), and add to \"Redirect Callback URLs\" the address of \"Signing in\" below.\n"
    "4. Below \"App roles\", \"Roles\", add the Threads account as \"Threads tester\"; accept the invitation\n"
    "   in the account's settings at https://www.threads.net (\"Website permissions\"). For an account\n"
    "   of your own no review of the app is needed.\n"
    "5. Give id and secret to crier as environment variables, here THREADS_CLIENT_ID and\n"
    "   THREADS_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       threads:\n"
    "         type: threads\n"
    "         client_id: ${THREADS_CLIENT_ID}\n"
    "         client_secret: ${THREADS_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "6. Run `crier check`, then `crier keys login threads`. Open the address it shows, signed in as the\n"
    "   account, and allow everything.\n"
    "7. With the service running, this answers with the account's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/threads/test\n"
    "\n"
    "The token lives for 60 days; crier renews it every week while it runs. One that has ended cannot be\n"
    "renewed: sign in again.";
// clang-format on

const struct adapter adapter_threads = {
    .name = "threads",
    .title = "Threads",
    .doc_url = "https://developers.facebook.com/docs/threads/posts",
    .about = "a post with a link card that shows the article, or with its picture, pictures or "
             "video",
    .settings = settings,
    .settings_size = sizeof(struct threads_settings),
    .limits = threads__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update =
        "posts cannot be edited: by a new post in place of the old one, or by a reply, "
        "as on_update says",
    .post_id_form = "the id of the post, digits",
    .post_named = post_named,
    .media_max_bytes = THREADS_IMAGE_BYTES,
    .media_bounds = media_bounds,
    .media =
        "a link card with the page's picture; or a picture with alternative text, 2 to 20 of "
        "them, or a video of up to 5 minutes",
    .quota = {.count = 250,
              .window = QUOTA_ROLLING,
              .per_ms = MS_DAY,
              .source = "https://developers.facebook.com/docs/threads/overview"},
    .quota_told = quota_told,
    .oauth = &threads__oauth,
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
