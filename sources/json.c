/* Crier's own JSON, as in POST /v1/articles, posted by whatever can make it. */

#include "sources/source.h"
#include "sources/sources_list.h"

static const struct field settings[] = {FIELD_END};

const struct source source_json = {
    .name = "json",
    .title = "JSON",
    .about = "the article as crier's own JSON, posted to /hooks/NAME",
    .settings = settings,
    .called = true,
};
