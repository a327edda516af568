#ifndef CRIER_ADAPTERS_CONTAINER_INTERNAL_H
#define CRIER_ADAPTERS_CONTAINER_INTERNAL_H

/* Shared between container.c (made, awaited, published) and container_look.c (found again). */

#include "adapters/container.h"

enum container_state {
    CONTAINER_STATE_UNTOLD,
    CONTAINER_STATE_BUSY,
    CONTAINER_STATE_READY,
    CONTAINER_STATE_PUBLISHED,
    CONTAINER_STATE_FAILED,
    CONTAINER_STATE_EXPIRED,
};
/* container may be NULL. */
enum container_state container__state(const struct container_platform *p,
                                      const json_t *container);
/* A request for the state of the container in the record. */
void container__ask(CONTAINER_PARAMETERS, struct http_request *req);

/* A step whose request makes nothing public and may be repeated. */
extern const struct step container__invisible;
bool container__idle(const struct container_platform *p, const struct step_ctx *ctx);
struct verdict container__make_new(struct step_ctx *ctx, const char *said);
struct verdict container__without_media(const struct container_platform *p,
                                        struct step_ctx *ctx,
                                        const char *reason);

#endif
