#ifndef CRIER_BASE_TEXT_H
#define CRIER_BASE_TEXT_H

/* Text as platforms measure it, cut where a reader would cut it. All text is UTF-8 and valid
 * once it is inside (text_valid at the doors). Grapheme clusters are utf8proc's (UAX #29). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum text_unit {
    TEXT_BYTES,
    TEXT_CODE_POINTS,
    TEXT_UTF16,
    TEXT_GRAPHEMES,
    TEXT_EMOJI_BYTES, /* graphemes, but an emoji as many as its bytes (Threads) */
    TEXT_X_WEIGHTED,  /* as X counts (text_x.c); links are those X would make */
};

/* One limit of a platform: a row in the adapter's table, with its source beside it. */
struct text_rule {
    const char *name; /* "text", "caption", "alt" */
    enum text_unit unit;
    size_t max;         /* 0: no limit */
    size_t max_bytes;   /* 0: none; a second ceiling in bytes (Bluesky) */
    size_t link_length; /* every http(s) URL counts so much; 0: as long as it is */
    const char *source; /* where the platform says so */
};

const char *
text_unit_name(enum text_unit unit); /* "bytes" "code points" "UTF-16 units" "graphemes" … */
bool text_valid(const char *text, size_t len); /* UTF-8, no NUL, no surrogates, no overlong */
/* Bytes of the UTF-8 character at the start, 0 when there is none or it is broken. */
size_t text_character(const char *text, size_t len);
/* What is no whole character is taken out: of a text whose words were cut to fit ("%.60s"), wherever in it they
 * stand. Returns its length. */
size_t text_drop_halves(char *text);
size_t text_measure(const struct text_rule *rule, const char *text, size_t len);
bool text_fits(const struct text_rule *rule, const char *text, size_t len);
/* Length in bytes of the longest prefix of at most `units` in the rule's unit, never inside a
 * grapheme cluster. Links are plain text here. */
size_t text_prefix(enum text_unit unit, const char *text, size_t len, size_t units);
/* Append text cut to at most `units` (the ellipsis "…" counted): whole when it fits, else at
 * the last word boundary (at a grapheme when the cut would lose more than half), never inside a
 * link, no blank or punctuation left before the ellipsis. Returns whether it was cut. */
bool text_cut(struct buf *out, enum text_unit unit, const char *text, size_t len, size_t units);
/* The next http(s) URL at or after *pos: its bounds, as Mastodon and others link it (trailing
 * punctuation and unbalanced closing brackets left out). False when there is none. */
bool text_next_link(
    const char *text, size_t len, size_t pos, size_t *out_start, size_t *out_end);
/* The same as X makes them: without a scheme too, where the name ends in a top-level domain there is.
 * pos 0, or the end of the link before. */
bool text_x_next_link(
    const char *text, size_t len, size_t pos, size_t *out_start, size_t *out_end);
/* White space folded to single blanks, ends trimmed, control characters dropped. */
void text_collapse(struct buf *out, const char *text, size_t len);
/* HTML to plain text: tags dropped, blocks become line breaks, script and style left out,
 * entities decoded (named ones of HTML 4, numeric ones), white space folded, ends trimmed. A
 * '<' that begins no tag stays. Never fails; hostile input gives bounded output (at most three
 * times its size). */
void text_from_html(struct buf *out, const char *html, size_t len);
/* Appends what the entity at the start of text stands for, as in text_from_html; nothing for what
 * cannot be shown. The bytes it takes up; 0, and nothing appended: there is none. */
size_t text_entity(struct buf *out, const char *text, size_t len);
/* The code point of a byte of windows-1252; 0 for the five that it leaves open. */
int32_t text_windows_1252(unsigned char byte);
void text_escape_html(struct buf *out, const char *text, size_t len);     /* & < > " ' */
void text_escape_brackets(struct buf *out, const char *text, size_t len); /* & < > alone */
/* A tag as hashtag word without '#': letters, marks, digits and underscore of any script,
 * blanks and hyphens joined out; false (and nothing) when nothing is left or it is digits
 * only. */
bool text_hashtag(struct buf *out, const char *tag);
/* Bytes of the hashtag word at the start of text, behind its '#'; 0: none, or digits only. */
size_t text_hashtag_length(const char *text, size_t len);
/* Case-insensitive equality for ASCII, bytes beyond that as they are. */
bool text_same_fold(const char *a, const char *b);
/* The same for every script, whole words of categories and names: case folded, an accent the same
 * whether it is part of its letter or stands behind it. Slower where there is more than ASCII. */
bool text_same_word(const char *a, const char *b);
/* Column width in a terminal, for tables. */
size_t text_columns(const char *text, size_t len);

#endif
