#ifndef CRIER_SERVICE_GRANT_H
#define CRIER_SERVICE_GRANT_H

/* What a grant (adapters/oauth.h) means at a moment: whether its token may be used, when it is to be renewed,
 * and what a person should know of it. Pure: time is an argument. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/adapter.h"
#include "adapters/oauth.h"
#include "base/crypto.h"

/* A channel's way to tokens. */
struct grant_way {
    const struct oauth *oauth;
    const void *settings; /* the adapter's own */
    bool has_vault;       /* what is got can be kept */
};

/* From the tokens in the settings, new reference; NULL: there are none. */
json_t *grant_from_settings(const struct grant_way *way);
/* Which tokens those are, or what else in the settings a grant is made from, as hex, so that others are noticed;
 * "": there is nothing. */
void grant_origin(const struct grant_way *way, char out[SHA256_HEX_BYTES]);

/* Borrowed; NULL: there is none. */
const char *grant_token(const json_t *grant);
/* There is a token, and it has not ended (nor will while a request is on its way). grant may be NULL. */
bool grant_holds(const json_t *grant, int64_t now_ms);
/* grant NULL: from nothing, which some can (a password in the settings). A rotating one is not renewed
 * where it could not be kept. */
bool grant_can_renew(const struct grant_way *way, const json_t *grant, int64_t now_ms);
/* Old enough to be renewed (Instagram takes none younger than a day). */
bool grant_is_ripe(const struct grant_way *way, const json_t *grant, int64_t now_ms);
/* When it is to be renewed; INT64_MAX: not by the clock, since nobody said when it ends. */
int64_t grant_renew_at(const struct grant_way *way, const json_t *grant);

/* ---- what is to be said of it ---- */

enum forecast_kind {
    FORECAST_NONE,    /* there is no token */
    FORECAST_DEAD,    /* the grant is revoked */
    FORECAST_ENDED,   /* it has ended, and cannot be renewed */
    FORECAST_FAILING, /* its renewal fails */
    FORECAST_ENDS,    /* it ends, and cannot be renewed */
    FORECAST_RENEWED, /* by itself */
    FORECAST_LASTS,   /* it does not end, as far as anybody said */
};
const char *forecast_name(enum forecast_kind kind); /* "none" "revoked" … */

struct forecast_facts {
    const char *channel;
    const json_t *grant; /* NULL: none */
    const char *dead;    /* NULL: it is alive */
    const char *failing; /* why the last renewal failed; NULL: it did not */
    bool refused;        /* with failing: trying again cannot help */
    int64_t retry_at_ms; /* with failing */
    int64_t now_ms;
};
#define FORECAST_TEXT_BYTES 512
struct forecast {
    enum forecast_kind kind;
    bool needs_eye; /* of a person */
    int64_t
        ends_at_ms; /* when posting stops unless somebody does something; 0: not known, or never */
    int64_t renews_at_ms;           /* 0: not planned */
    char text[FORECAST_TEXT_BYTES]; /* "expires in 6 days, cannot be renewed: run …" */
};
/* So long ahead of an end it needs a person's eye. */
#define FORECAST_EYE_MS (14 * MS_DAY)
void forecast_make(struct forecast *out,
                   const struct grant_way *way,
                   const struct forecast_facts *f);

/* As the API and the command line show it, with what may be told of the grant (NULL: none); never a secret. */
void forecast_write(json_t *out, const struct forecast *f, const json_t *grant);

#endif
