#ifndef CRIER_SOURCES_FEED_DATE_INTERNAL_H
#define CRIER_SOURCES_FEED_DATE_INTERNAL_H

/* The words that dates are made of: feed_date_words.c for feed_date.c. Words are in lower case, without
 * dots. */

#include <stdbool.h>
#include <stddef.h>

enum date_word {
    WORD_UNKNOWN,
    WORD_MONTH, /* value 1 to 12 */
    WORD_ZONE,  /* value: minutes east of UTC */
    WORD_AM,
    WORD_PM,
    /* Stand behind their number. */
    WORD_YEAR,
    WORD_MONTH_UNIT,
    WORD_DAY,
    WORD_HOUR,
    WORD_MINUTE,
    WORD_SECOND,
    WORD_FILLER, /* says nothing: "of", "um", "nd", days of the week */
};

enum date_word date__word(const char *word, size_t len, int *out_value);
/* Lower case of Latin, Greek and Cyrillic letters, without dots, into out; returns its length. */
size_t date__fold(const char *word, size_t len, char *out, size_t size);

#endif
