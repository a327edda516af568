#ifndef CRIER_SOURCES_FEED_MEND_INTERNAL_H
#define CRIER_SOURCES_FEED_MEND_INTERNAL_H

/* What feed_mend.c (the course, text) shares with feed_mend_tag.c (tags and who is inside whom). */

#include <stdint.h>

#include "sources/feed_mend.h"

#define MEND_DEPTH_MAX 128 /* libxml2's own bound is 256 */
#define MEND_TAG_BYTES ((size_t)64 * 1024)
#define MEND_NAME_BYTES 64 /* of a name, as far as it is kept */
/* libxml2 keeps every name for ever, and finds it slowly when there are many: a feed has a hundred. The
 * table has twice the room. */
#define MEND_NAMES_MAX 1000
#define MEND_NAMES_ROOM 2048
#define MEND_DAMAGE_MAX 100000 /* more things to mend are no accident */

struct mend_open { /* an element that is open */
    char name[MEND_NAME_BYTES];
    size_t len;
};

enum mend_state {
    STATE_PROLOG,
    STATE_CONTENT,
    STATE_CDATA,
    STATE_COMMENT,
    STATE_INSTRUCTION,
    STATE_DECLARATION, /* DOCTYPE */
    STATE_LONG_TAG,
    STATE_BEHIND, /* the root */
};

/* Where in a DOCTYPE. */
struct mend_declaration {
    bool inside; /* its [ ] */
    bool comment;
    char quote;    /* 0: in none */
    uint32_t tail; /* the last four bytes */
};

struct feed_mend {
    enum mend_state state;
    enum mend_state back; /* where to go on behind a comment, … */
    enum feed_mend_verdict verdict;
    bool last;
    struct buf kept; /* a token that is not whole yet */
    struct mend_open open[MEND_DEPTH_MAX];
    size_t depth;
    size_t sought; /* bytes before the root */
    struct mend_declaration declaration;
    struct buf *out;
    char written;                    /* the last byte of the output of earlier calls */
    size_t section;                  /* bytes of the CDATA section that is open */
    uint64_t names[MEND_NAMES_ROOM]; /* hashes; 0: a free place */
    size_t name_count;
    size_t damage; /* all that was mended */
    size_t counts[MEND_KINDS];
};

static inline void mend__count(struct feed_mend *m, enum feed_mend_kind kind)
{
    m->counts[kind]++;
    m->damage++;
}

/* Text up to the end of [text, text + len), as character data or, in a value, between double quotes. All
 * of it is there: nothing is waited for. */
void mend__text(struct feed_mend *m, const char *text, size_t len, bool in_value);

/* The name at text: its length. */
size_t mend__name(const char *text, size_t len);
/* Whatever case it has. */
bool mend__is_one_of(const char *name, size_t len, const char *const *list, size_t count);
/* Letters of ASCII with at most one prefix, and not endless: those that mean something in a feed. The
 * others are written as "x". */
bool mend__is_plain(const char *name, size_t len);
/* Behind the tag that begins at text[0] == '<'; 0: its end is not there. *out_closed: there is a '>'. */
size_t mend__tag_end(const char *text, size_t len, bool *out_closed);
/* A whole start tag or end tag. */
void mend__start_tag(struct feed_mend *m, const char *tag, size_t len, bool closed);
void mend__end_tag(struct feed_mend *m, const char *tag, size_t len);
void mend__close_all(struct feed_mend *m);

#endif
