#ifndef CRIER_CONFIG_CONFIG_H
#define CRIER_CONFIG_CONFIG_H

/* The settings of one crier: read from YAML, checked, immutable. A reload makes a new one and
 * swaps it in; whoever holds the old one keeps it by reference. Every value's type, bounds,
 * default and help stand in a field table (config/schema.c; an adapter's own in its file). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/article.h"
#include "base/crypto.h"
#include "base/field.h"
#include "base/quota.h"
#include "config/problem.h"
#include "config/rule.h"

/* One kind of channel or source, handed in by service/ from the registries of adapters and sources, so
 * that config/ needs to know none. */
struct config_type {
    const char *name, *title;
    const struct field *settings;
    size_t settings_size;
    enum err_code (*check)(const void *settings, struct err *why); /* may be NULL */
    const char *help; /* of a source: what it sends */
    bool called;      /* a source that calls /hooks/NAME: it has config_source_called as well */
    /* … and whether anybody may, under these settings: nothing is signed, and no secret comes along. */
    bool (*is_open)(const struct config_type *type, const void *settings);
    /* Of a channel: whether it rests on `outlets` being on, under these settings; may be NULL. */
    bool (*needs_outlets)(const struct config_type *type, const void *settings);
    /* Of a channel: what its platform allows (count 0: nothing known), and whether it tells more itself. */
    struct quota quota;
    bool quota_told;
    /* Of a channel: it addresses people one by one, so it has `audience`; and they can subscribe by themselves, in
     * browsers and apps. */
    bool audience, subscribed;
    const void *of;     /* the adapter or source that this is */
    int64_t max_age_ms; /* of a source, where the file says nothing else; 0: any age */
};
struct config_type_list {
    const struct config_type *v;
    size_t count;
};
struct config_types {
    struct config_type_list channels, sources;
};

struct site_settings {
    char *name, *url, *language;
    struct utm_settings {
        struct mustache *source, *medium, *campaign, *content, *term; /* NULL: not added */
    } utm;
    int64_t link_gate_ms;         /* 0: pages are not looked at */
    int64_t link_gate_card_ms;    /* of that, for what only makes a better card */
    char *link_gate_agent;        /* NULL: crier's own */
    bool allow_private;           /* pages and their pictures may be at private addresses */
    struct secret facebook_token; /* NULL text: Facebook is not told */
    char *facebook_api;
};

enum outlets_articles { OUTLETS_BREAKING, OUTLETS_ALL };
struct outlets_settings { /* what we serve ourselves: feeds and a news sitemap */
    bool enabled;
    char *name, *language; /* NULL: the site's */
    int feeds, sitemap;    /* enum outlets_articles */
    int64_t count;         /* items of a feed */
};

struct server_settings {
    char *listen;     /* "127.0.0.1:8480", "[::1]:8480", "unix:/run/crier.sock" */
    char *public_url; /* where readers and platforms reach us; NULL: not reachable */
    struct secret token;
    int64_t max_body_bytes;
    int64_t max_connections;
    int64_t idle_timeout_ms;
    int64_t request_timeout_ms; /* a request whole, and again an answer taken */
    int64_t drain_ms;           /* SIGTERM: how long deliveries in flight may take */
    int log_form;               /* enum log_form */
    int log_level;              /* enum log_level */
};

struct ledger_settings {
    char *location;  /* "sqlite:/var/lib/crier/crier.db" */
    int64_t keep_ms; /* ended articles and their deliveries are kept so long; 0: for ever */
};

struct media_settings {     /* videos, and pictures made to fit, are kept on disk */
    char *cache;            /* a directory; NULL: "media" beside the ledger's file */
    int64_t max_bytes;      /* of all files in it */
    int64_t max_file_bytes; /* of one video */
};

/* What tokens that crier keeps by itself are sealed with; NULL texts: not set. */
struct vault_settings {
    struct secret key,
        old_key; /* as seal_key_parse() reads them; old_key opens, and seals nothing */
};

struct queue_settings {
    int64_t backoff_min_ms, backoff_max_ms; /* full jitter between 0 and the doubled delay */
    int64_t max_attempts;      /* counted failures after which a delivery is rejected */
    int64_t concurrency;       /* per channel, ceiling of what adapts */
    int64_t total_concurrency; /* over all channels */
    int64_t not_after_ms;      /* default of the channels' not_after */
    int64_t verify_after_ms;   /* after an unknown outcome */
};

struct source_settings {
    char *name; /* the key in the file */
    const struct config_type *type;
    bool trusted_breaking; /* an article's own `breaking` counts */
    int urgency_scale;     /* how it counts, for urgency_scale_at() */
    int64_t max_age_ms;    /* published longer ago: recorded, not sent; 0: type->max_age_ms */
    int64_t retract_after_ms; /* what is taken back stands so long; 0: it goes at once */
    /* of those that are called */
    struct secret secret, old_secret; /* both accepted, for rotation */
    void *own;                        /* the type's settings, by type->settings */
    int line;
    /* Of all that the file says of it, references replaced: another one, other settings. */
    uint8_t fingerprint[SHA256_BYTES];
};

/* A name for several channels. */
struct group_settings {
    char *name;
    struct strings members; /* names of channels and of other groups */
    int line;
};

enum fallback_then { FALLBACK_THEN_SKIP, FALLBACK_THEN_BOTH };
enum on_unknown { ON_UNKNOWN_HOLD, ON_UNKNOWN_RETRY };
/* Of a channel that addresses people one by one. */
#define CONFIG_CANARY_MIN_MS ((int64_t)60 * 1000) /* less often is soon enough */
enum audience_mode { AUDIENCE_LIVE, AUDIENCE_TEST };
struct audience_settings {
    struct pairs topics;   /* name -> what readers see */
    struct rate cap;       /* alerts for one member; count 0: any number */
    bool quiet_hours;      /* a member's are kept, but for breaking news */
    int mode;              /* enum audience_mode */
    int64_t confirm_above; /* 0: never */
    int64_t undo_ms;
    int64_t gone_max;        /* in an hour */
    struct strings origins;  /* pages that may subscribe */
    struct secret app_key;   /* apps may, with it */
    struct rate per_address; /* requests of one to the readers' door; count 0: any number */
    struct pace_settings {
        char *probe; /* NULL: none */
        int64_t slow_above_ms;
    } pace;
    int64_t canary_ms;   /* 0: none */
    int64_t connections; /* to one push service */
};

struct channel_settings {
    char *name; /* the key in the file */
    const struct config_type *type;
    bool enabled;
    struct rule *when;          /* NULL: every article */
    int64_t not_after_ms;       /* from the revision's arrival; 0: queue.not_after */
    int on_unknown;             /* enum on_unknown */
    struct rate rate;           /* count 0: the adapter's; under 0: no limit */
    struct rate quota;          /* count 0: the adapter's; under 0: none */
    int64_t reserve;            /* so many posts of it are kept for breaking articles */
    struct strings fallback;    /* as written: channels and groups */
    struct strings fallback_to; /* the channels that makes, each once, never itself */
    int fallback_then;          /* enum fallback_then */
    int64_t concurrency;        /* 0: queue.concurrency */
    int64_t timeout_ms;         /* wait for one answer; 0: the adapter's */
    bool allow_private;         /* may connect to private addresses */
    bool updates, retracts;     /* pass corrections, retractions on */
    bool tag_links;             /* add the site's campaign parameters */
    struct audience_settings audience;
    void *own; /* the adapter's settings, by type->settings */
    int line;
    /* Of all that the file says of it, references replaced: another one, other settings. */
    uint8_t fingerprint[SHA256_BYTES];
};

struct config {
    struct site_settings site;
    struct outlets_settings outlets;
    struct server_settings server;
    struct ledger_settings ledger;
    struct media_settings media;
    struct vault_settings vault;
    struct queue_settings queue;
    struct source_settings *sources;
    size_t source_count;
    struct rule **breaking; /* any that matches */
    size_t breaking_count;
    struct channel_settings *channels;
    size_t channel_count;
    struct group_settings *groups;
    size_t group_count;
    char *path; /* of the file */
    int refs;
};

/* Read a file. All mistakes are collected in problems (with file, line, column); ERR_INVALID
 * when there is at least one. ${NAME}, ${file:PATH} and ${credential:NAME} are replaced inside
 * values before they are parsed; an unset variable or unreadable file is a mistake at that place. */
MUST_USE enum err_code config_load(struct config **out,
                                   const char *path,
                                   const struct config_types *types,
                                   struct problems *problems,
                                   struct err *why);
/* The same from memory; name stands for the file in messages. Used by tests and fuzzing. */
MUST_USE enum err_code config_read(struct config **out,
                                   const char *text,
                                   size_t len,
                                   const char *name,
                                   const struct config_types *types,
                                   struct problems *problems,
                                   struct err *why);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

const struct channel_settings *config_channel(const struct config *c, const char *name);
const struct source_settings *config_source(const struct config *c, const char *name);
/* The channels of a name, which is one of theirs or of a group: appended to out, those not there yet, in the
 * order of the group. False: nothing has that name. */
bool config_channels_of(const struct config *c, const char *name, struct strings *out);
/* What a channel may use; count 0: there is no quota. told: what its platform said of itself, 0: nothing. */
struct quota config_quota(const struct channel_settings *channel, int64_t told);
/* Anybody who reaches the door may say something in its name. */
bool config_source_is_open(const struct source_settings *source);

/* An article not known yet that was published longer ago is only recorded; 0: any age will do. */
int64_t config_max_age_ms(const struct source_settings *source);

/* Names of settings that differ and that a reload cannot change ("server.listen", "ledger"), as
 * one text; false when there are none. */
bool config_needs_restart(const struct config *old, const struct config *new, struct buf *out);

/* What the rules may ask of an article; `breaking` is not decided yet. source NULL: from nowhere. */
struct rule_facts config_rule_facts(const struct config *c,
                                    const struct article *a,
                                    const char *source,
                                    int64_t now_ms);
/* The breaking rules over an article: an article that says so itself comes first. reason gets
 * "the source says so", "rule 2: urgency 1..3 (2)", or "". */
bool config_is_breaking(const struct config *c,
                        const struct rule_facts *facts,
                        struct buf *reason);

/* Whether an article goes to the channel, and why or why not. */
bool config_channel_wants(const struct channel_settings *channel,
                          const struct rule_facts *facts,
                          struct buf *why);

#endif
