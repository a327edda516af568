#ifndef CRIER_SOURCES_CMS_H
#define CRIER_SOURCES_CMS_H

/* The body of a hook becomes events, in one way for all: what happened is a word (in the body, a header
 * or the path) that a table knows, an article is a map (map.h), and the few things that a CMS does in its own
 * way are a function or two. */

#include "sources/hook.h"

/* What a word means. One that begins with `*` is the end of a longer one. */
struct cms_word {
    const char *word;
    enum source_event_kind kind;
    const char *why; /* of NOTHING, and of what takes back; NULL */
};

struct cms_reading;
struct cms {
    struct map map;               /* MAP_EVENT and MAP_TYPE too */
    const struct cms_word *words; /* ended by one without a word; NULL: judge decides alone */
    const char *word_header;      /* where the word may stand as well; NULL */
    bool word_in_path;            /* … /hooks/NAME/WORD */
    const char *item;             /* place of the article in the body; NULL: it is the body */
    /* The articles in it, where that is not enough: a new list. NULL: use item. */
    json_t *(*unfold)(const struct cms_reading *r);
    const char *types_key; /* the name of the setting that `types` has, for messages */
    bool url_of_public; /* what is not public any more has another address than readers knew */
    const char *id_header;      /* where the id may stand as well; NULL */
    const char *key_headers[2]; /* the same call again has the same in it */
    const char
        *without_url; /* why an article without an address is left alone; NULL: it is refused */
    /* What no word tells: drafts, passwords, other environments. May change kind, and calls
     * cms_why() with a reason. NULL: nothing. */
    void (*judge)(struct cms_reading *r);
};

/* One article of one call, while it is read. */
struct cms_reading {
    const struct cms *cms;
    const struct hook_settings *settings;
    const struct source_call *call;
    const json_t *body;
    const json_t *item;
    struct map_view view;
    char *word; /* NULL: none */
    enum source_event_kind kind;
    char *why;     /* NULL: none */
    bool breaking; /* judge says so */
};
void cms_why(struct cms_reading *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* The kind and the reason at once. */
void cms_is(struct cms_reading *r, enum source_event_kind kind, const char *why);
bool cms_is_content(const struct cms_reading *r);
/* The text at a place of the item, of the body (`^`); borrowed. NULL: none. */
const char *cms_text(const struct cms_reading *r, const char *place);
bool cms_text_is(const struct cms_reading *r, const char *place, const char *text);

/* The words of many models, where newsrooms name the fields. */
#define CMS_TITLES "/title", "/headline", "/name"
#define CMS_SUMMARIES                                                                          \
    "/summary", "/description", "/excerpt", "/teaser", "/standfirst", "/lead", "/subtitle"
#define CMS_IMAGES "/image", "/cover", "/featuredImage", "/featured_image", "/hero", "/photo"

/* A source's read, with its tables. */
MUST_USE enum err_code cms_read(const struct cms *cms,
                                const void *settings,
                                const struct source_call *call,
                                struct source_events *out,
                                struct err *why);

/* The words of `events:` and of crier's own envelope: "published", "retracted", … ; false: none. */
bool cms_kind(const char *name, enum source_event_kind *out);
MUST_USE enum err_code cms_check_events(const struct pairs *events, struct err *why);

#endif
