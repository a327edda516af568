#ifndef CRIER_TESTS_DIALOGUE_INTERNAL_H
#define CRIER_TESTS_DIALOGUE_INTERNAL_H

/* Shared by dialogue.c (plays it) and dialogue_setup.c (what it begins with). */

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
/* False when the dialogue ends here: refused settings or a course that is ruled out, as expected or not. */
bool dialogue__set_course(struct dialogue *d);

#endif
