#ifndef CRIER_CONFIG_MARKS_H
#define CRIER_CONFIG_MARKS_H

/* The words with which newsrooms mark breaking news, for the rule member `marked`: what stands
 * there as a category or tag in feeds of many countries. A mark in a title alone is no member of
 * this: headlines quote, and a category is an editor's decision. */

#include "base/field.h"

/* FIRST for the first, NEXT for each other. Compared as text_same_word() does, blanks, hyphens and
 * underscores alike. Capitals are there where folding does not do: Greek loses its accents in them,
 * and a Turkish İ does not fold to i. */
/* clang-format off */
#define BREAKING_MARKS(FIRST, NEXT)                                                            \
    FIRST("Breaking") NEXT("Breaking News") NEXT("BreakingNews") NEXT("Live") NEXT("Alert")    \
    NEXT("Urgent") NEXT("Flash")                                                               \
    NEXT("Eilmeldung") NEXT("Eil")                                                             \
    NEXT("Última hora") NEXT("Urgente")                                                        \
    NEXT("Ultime notizie")                                                                     \
    NEXT("Dernière minute") NEXT("Alerte info")                                                \
    NEXT("Laatste nieuws") NEXT("Siste nytt") NEXT("Senaste nytt")                             \
    NEXT("Pilne") NEXT("Срочно") NEXT("Молния")                                                \
    NEXT("速報") NEXT("号外") NEXT("속보") NEXT("عاجل")                                        \
    NEXT("Son dakika") NEXT("SON DAKİKA") NEXT("Έκτακτο") NEXT("ΕΚΤΑΚΤΟ")
/* clang-format on */

/* All of them as one literal: "Breaking, Breaking News, …". */
#define MARK_FIRST(word) word
#define MARK_NEXT(word) ", " word
#define BREAKING_MARKS_TEXT BREAKING_MARKS(MARK_FIRST, MARK_NEXT)

/* The word of words that is a mark: whole, or one of those that a / or | divides ("Breaking/Eil");
 * signs around it ("#breaking", "+++ EIL +++") do not count. NULL: none is. */
const char *marks_find(const struct strings *words);

#endif
