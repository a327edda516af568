#ifndef CRIER_ADAPTERS_DEVTO_INTERNAL_H
#define CRIER_ADAPTERS_DEVTO_INTERNAL_H

/* Shared between the files of the dev.to adapter:
 *   devto.c          settings, limits, courses, how to set it up
 *   devto_article.c  requests and answers
 *
 * Members of ctx->record:
 *   remote_id remote_url    number of the article there, and its page
 *   title text description  as sent, fixed by the first request of the delivery */

#include "adapters/adapter.h"
#include "base/secret.h"

enum devto_media { DEVTO_MEDIA_AUTO, DEVTO_MEDIA_NEVER };

struct devto_settings {
    char *api;
    struct secret api_key;
    struct mustache *title, *text, *description;
    struct strings tags; /* none: the article's */
    char *series;
    int64_t organization_id;
    bool published;
    int media; /* enum devto_media */
};

enum { DEVTO_LIMIT_TITLE, DEVTO_LIMIT_TEXT, DEVTO_LIMIT_DESCRIPTION };
extern const struct text_rule devto__limits[];
#define DEVTO_TAGS_MAX 4

static inline const struct devto_settings *devto__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* The number of an article; 0: it names none. */
int64_t devto__number(const char *remote_id);

enum err_code
devto__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict devto__read_create(struct step_ctx *ctx, const struct http_response *res);
enum err_code
devto__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict devto__read_edit(struct step_ctx *ctx, const struct http_response *res);
enum err_code
devto__build_unpublish(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict devto__read_unpublish(struct step_ctx *ctx, const struct http_response *res);
enum err_code
devto__build_list(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict devto__read_list(struct step_ctx *ctx, const struct http_response *res);
enum err_code
devto__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict devto__read_whoami(struct step_ctx *ctx, const struct http_response *res);

#endif
