#ifndef CRIER_TESTS_DIALOGUE_INTERNAL_H
#define CRIER_TESTS_DIALOGUE_INTERNAL_H

/* Shared by dialogue.c (plays it), dialogue_setup.c (what it begins with) and dialogue_oauth.c (plays those
 * that are about tokens). */

#include "support/dialogue.h"

#define FEEDS_MAX 4

struct dialogue {
    const struct adapter *adapter;
    const char *path;
    dialogue_request_fn *on_request;
    void *context;
    json_t *root;
    void *settings;
    struct article *article;
    struct site_facts site;
    const char *feeds[FEEDS_MAX + 1];
    struct media media;
    struct buf media_bytes;
    struct step_ctx ctx;
    struct member member;
    const struct step *steps, *step; /* step NULL: the course has ended */
    size_t at;                       /* exchange, from 1; 0: before the first */
    int faults;
};

/* Members of a dialogue, or what they are when absent. */
const char *dialogue__text_or(const json_t *object, const char *name, const char *otherwise);
/* The article, the context, the memories and the media of the dialogue. false: no article. */
bool dialogue__set_up(struct dialogue *d);
/* Whose turn it is; object NULL: the sample's. */
void dialogue__set_member(struct dialogue *d, const json_t *object);
/* The media from now on; m NULL or null: none. */
void dialogue__set_media(struct dialogue *d, const json_t *m);
/* False when the dialogue ends here: refused settings or a course that is ruled out, as expected or not. */
bool dialogue__set_course(struct dialogue *d);

/* The first half of that, for those that have no course. */
bool dialogue__set_settings(struct dialogue *d);
/* A dialogue with `oauth`. */
void dialogue__run_oauth(struct dialogue *d);

/* Comparing; each tells what differs. want NULL: nothing is expected. */
void dialogue__expect_subset(struct dialogue *d,
                             const char *what,
                             const json_t *want,
                             const json_t *got);
void dialogue__expect_text(struct dialogue *d,
                           const char *what,
                           const json_t *want,
                           const char *got);
void dialogue__check_request(struct dialogue *d,
                             const struct http_request *req,
                             const json_t *expect);
bool dialogue__same_request(const struct http_request *a, const struct http_request *b);
/* No secret of the settings or of the grant (NULL: none) may stand in text. */
void dialogue__check_leaks(struct dialogue *d,
                           const char *where,
                           const char *text,
                           const json_t *grant);
/* The answer of an exchange; res->headers and body are to be done with. */
void dialogue__answer(struct dialogue *d,
                      const json_t *answer,
                      struct http_response *res,
                      struct buf *body);

#endif
