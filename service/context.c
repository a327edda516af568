/* What an adapter's step may see, put together from the settings and one delivery. Called by
 * the courier and by preview; owns the copies it makes (record, post, link); leaves
 * the picture and the clock of each step to its caller.
 *
 * The key. Every id that an adapter makes for a platform (idempotency key, transaction id,
 * record key) comes from ctx->key, so it must be the same on every attempt of a delivery, after
 * a restart as well, and never the same for two deliveries. It is the SHA-256 of what a
 * delivery is, nothing of when or how often. A look (verify) gets the key of the course in
 * doubt: that is what it looks for. */

#include "service/context.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/intake.h"
#include "service/outlet.h"

#define DOCUMENT_DEPTH 64
#define LINK_BYTES ((size_t)16 * 1024)

static void fill_key(struct step_context *sc, const struct context_facts *f)
{
    enum course course = f->course == COURSE_VERIFY ? f->in_doubt : f->course;
    uint8_t digest[SHA256_BYTES];
    char *text = mem_printf("%s\n%lld\n%s\n%s",
                            f->article_id,
                            (long long)f->revision,
                            f->channel->name,
                            course_name(course));

    crypto_sha256(text, strlen(text), digest);
    mem_free(text);
    (void)crypto_hex(digest, sizeof digest, sc->key);
}

static enum err_code
read_object(json_t **out, const char *text, const char *what, struct err *why)
{
    enum err_code rc;

    if (!text) {
        return ERR_NONE;
    }
    rc = json_read(out, text, strlen(text), DOCUMENT_DEPTH, why);
    if (rc) {
        return err_wrap(why, "%s", what);
    }
    if (!json_is_object(*out)) {
        return err_set(why, ERR_INVALID, "%s: no object", what);
    }
    return ERR_NONE;
}

static void fill_site(struct step_context *sc, const struct config *config)
{
    sc->site.name = config->site.name;
    sc->site.url = config->site.url;
    sc->site.language = config->site.language;
    if (config->outlets.enabled && config->server.public_url) {
        sc->feeds[0] = outlet_url_dup(config, OUTLET_RSS);
        sc->feeds[1] = outlet_url_dup(config, OUTLET_JSON);
        sc->site.feeds = (const char *const *)sc->feeds;
        sc->sitemap = outlet_url_dup(config, OUTLET_SITEMAP);
        sc->site.sitemap = sc->sitemap;
    }
}

static const struct audience *audience_of(const struct channel_settings *channel)
{
    const struct adapter *adapter = channel->type ? channel->type->of : NULL;

    return adapter ? adapter->audience : NULL;
}

static void fill_ctx(struct step_context *sc, const struct context_facts *f)
{
    struct step_ctx *ctx = &sc->ctx;

    ctx->settings = f->channel->own;
    ctx->site = &sc->site;
    ctx->channel = f->channel->name;
    ctx->article = f->article;
    ctx->article_id = f->article_id;
    ctx->delivery_id = id_delivery_text(f->delivery, sc->delivery_text);
    ctx->key = sc->key;
    ctx->link = buf_str(&sc->link);
    ctx->reason = f->reason ? f->reason : "";
    ctx->breaking = f->breaking;
    ctx->revision = f->revision;
    ctx->created_at_ms = f->created_at_ms;
    ctx->not_after_ms = f->not_after_ms;
    ctx->now_ms = f->created_at_ms;
    ctx->course = f->course;
    ctx->is_test = f->is_test;
    ctx->post = sc->post;
    ctx->account = f->account;
    ctx->audience = audience_of(f->channel);
}

enum err_code
context_init(struct step_context *sc, const struct context_facts *f, struct err *why)
{
    enum err_code rc;

    memset(sc, 0, sizeof *sc);
    buf_init(&sc->link, LINK_BYTES);
    rc = read_object(&sc->ctx.record, f->record, "stored record", why);
    if (rc) {
        goto out;
    }
    rc = read_object(&sc->post, f->post, "stored post", why);
    if (rc) {
        goto out;
    }
    if (!sc->ctx.record) {
        sc->ctx.record = json_object();
    }
    intake_url_for_channel(f->config, f->channel, f->article, &sc->link);
    rc = buf_check(&sc->link, "link", why);
    if (rc) {
        goto out;
    }
    fill_site(sc, f->config);
    fill_key(sc, f);
    fill_ctx(sc, f);
out:
    if (rc) {
        context_done(sc);
    }
    return rc;
}

void context_done(struct step_context *sc)
{
    json_decref(sc->ctx.record);
    json_decref(sc->post);
    buf_done(&sc->link);
    mem_free(sc->feeds[0]);
    mem_free(sc->feeds[1]);
    mem_free(sc->sitemap);
    memset(sc, 0, sizeof *sc);
}
