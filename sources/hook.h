#ifndef CRIER_SOURCES_HOOK_H
#define CRIER_SOURCES_HOOK_H

/* The settings of every kind of source that calls /hooks/NAME. They are one struct; which of them a kind
 * has, under which name and with which default, its own table of rows says, made of the rows below. */

#include "sources/map.h"
#include "sources/sign.h"
#include "sources/source.h"

struct hook_settings {
    int signature;     /* the index in the source's schemes */
    int64_t window_ms; /* a signed time may differ from ours by so much */
    char *token_header;
    char *url;  /* Mustache over the item; NULL: the item tells its address */
    char *base; /* what relative addresses in the item are relative to; NULL: its address */
    struct strings types; /* of content that is taken; none: all */
    char *environment;    /* the only one that counts (Sanity: dataset); NULL: any */
    char *breaking_tag;   /* Ghost: a tag that makes news breaking */
    char *locale;         /* Contentful: of fields that have several */
    struct map_settings map;
    struct pairs events; /* values of map.event and what they mean */
    struct sign_profile hmac;
};

/* clang-format off */
#define HOOK_AT(member) .offset = offsetof(struct hook_settings, member)
/* choices in the order of the source's schemes; first: its default. */
#define HOOK_SIGNATURE(list, first, text) \
    {.key = "signature", .kind = FIELD_ENUM, HOOK_AT(signature), .choices = list, .def = first, .help = text}
#define HOOK_WINDOW(time) \
    {.key = "replay_window", .kind = FIELD_MS, HOOK_AT(window_ms), .def = time, .min = "1s", .max = "1d", \
     .help = "a signed time may differ from ours by so much"}
#define HOOK_TOKEN_HEADER \
    {.key = "token_header", .kind = FIELD_STRING, HOOK_AT(token_header), .min = "1", .max = "100", .example = "X-Api-Key", \
     .help = "signature: token: another header than Authorization that may carry the secret"}
#define HOOK_URL(needed, like) \
    {.key = "url", .kind = FIELD_STRING, HOOK_AT(url), .required = needed, .max = "2000", .example = like, \
     .help = "the article's address on your site: a template over the fields of the item, {{id}} too"}
#define HOOK_BASE \
    {.key = "base", .kind = FIELD_URL, HOOK_AT(base), .example = "https://cms.news.example", \
     .help = "where relative addresses of pictures begin; not set: at the article's address"}
#define HOOK_TYPES(name, first, like, text) \
    {.key = name, .kind = FIELD_STRINGS, HOOK_AT(types), .max = "50", .def = first, .example = like, .help = text}
#define HOOK_ENVIRONMENT(name, first, text) \
    {.key = name, .kind = FIELD_STRING, HOOK_AT(environment), .def = first, .max = "200", .help = text}
#define HOOK_MAP \
    {.key = "map", .kind = FIELD_OBJECT, HOOK_AT(map), .fields = map_fields, \
     .help = "where in the item things are: JSON Pointers, the first that holds something counts"}
#define HOOK_HMAC \
    {.key = "hmac", .kind = FIELD_OBJECT, HOOK_AT(hmac), .fields = sign_profile_fields, \
     .help = "signature: hmac: how the sender signs"}
/* clang-format on */

/* Whether the call is from whom it says. */
struct hook_secrets {
    const struct secret *secret, *old_secret;
};
enum sign_verdict hook_check_call(const struct source *source,
                                  const void *settings,
                                  const struct hook_secrets *secrets,
                                  const struct source_call *call);
const char *hook_explain(const struct source *source,
                         const void *settings,
                         enum sign_verdict v,
                         char out[SIGN_TEXT_BYTES]);
/* Anybody may call: only for a door that nobody else can reach. */
bool hook_is_open(const struct source *source, const void *settings);
/* What all of them check: struct source's check, or the end of it. */
MUST_USE enum err_code hook_check_settings(const void *settings, struct err *why);
/* The same for kinds that may have `signature: hmac`. */
MUST_USE enum err_code
hook_check_with_hmac(const struct sign_scheme *chosen, const void *settings, struct err *why);

/* hook_url.c: the template over the item, as an absolute address. NULL: what it needs is not there. */
char *hook_url_dup(const struct hook_settings *s, const json_t *view);
MUST_USE enum err_code hook_url_check(const char *template, struct err *why);

#endif
