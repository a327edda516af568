#ifndef CRIER_SERVICE_PREVIEW_MEDIA_H
#define CRIER_SERVICE_PREVIEW_MEDIA_H

/* The picture or video of a step, for `crier preview`: nothing is fetched, so a stand-in is lent, and what
 * would be done to the real one is said in words. */

#include "adapters/adapter.h"

struct config;

struct preview_media {
    struct media_wish wish;
    struct media media; /* the stand-in */
    char *url;          /* with by_address */
    char error[256];
    const char *of; /* the article's address of it; NULL: this step has none */
};

/* Sets ctx->media or ctx->media_error as the courier would. Before preview_media_lend() m is zeroed. */
void preview_media_lend(struct preview_media *m,
                        struct step_ctx *ctx,
                        const struct adapter *adapter,
                        const struct step *step,
                        const struct config *config);
void preview_media_done(struct preview_media *m);
/* "the picture at URL, made a JPEG if it is none, cut from its middle to 0.8:1 to 1.91:1, resized if it has
 * more than 8MB"; NULL: there is none. */
json_t *preview_media_text(const struct preview_media *m);

#endif
