#ifndef CRIER_SERVICE_CONTEXT_H
#define CRIER_SERVICE_CONTEXT_H

/* Everything an adapter's step may see, put together from the settings and a delivery; used by
 * the courier and by preview. */

#include "adapters/adapter.h"
#include "base/id.h"
#include "config/config.h"

struct step_context {
    struct step_ctx ctx; /* handed to build and read */
    struct site_facts site;
    char *feeds[3]; /* what site.feeds lists */
    char *sitemap;
    char key[65];
    char delivery_text[20];
    struct buf link;
    json_t *post;
};

struct context_facts {
    const struct config *config;
    const struct channel_settings *channel;
    const struct article *article; /* borrowed, until context_done() */
    const char *article_id;        /* public */
    struct delivery_id delivery;
    int64_t revision;
    bool breaking;
    const char *reason;
    int64_t created_at_ms, not_after_ms; /* not_after_ms 0: never */
    enum course course;
    enum course
        in_doubt;       /* verify: the course whose outcome is unknown; its key is looked for */
    const char *record; /* JSON text or NULL */
    const char *post;   /* JSON text or NULL */
    json_t *account;    /* borrowed */
    bool is_test;
};
/* ERR_INVALID when a record cannot be read (a damaged ledger). */
MUST_USE enum err_code
context_init(struct step_context *sc, const struct context_facts *facts, struct err *why);
void context_done(struct step_context *sc); /* also of a zeroed one */

#endif
