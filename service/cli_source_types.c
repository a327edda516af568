/* The types of sources this program knows, and all there is to know about one. Called by `crier sources`;
 * made from the sources' tables alone, needs neither settings nor service. */

#include "service/cli_sources.h"

#include "base/json.h"
#include "base/parse.h"
#include "config/manual.h"
#include "service/cli.h"
#include "service/cli_print.h"
#include "sources/registry.h"

#define TEXT_MAX ((size_t)1024 * 1024)

static json_t *type_json(const struct source *s, bool whole)
{
    json_t *v = json_object();

    json_set_str(v, "type", s->name);
    json_set_str(v, "title", s->title);
    json_set_str(v, "about", s->about);
    json_set_str(v, "documentation", s->doc_url);
    (void)json_object_set_new(v, "watched", json_boolean(!s->called));
    if (whole) {
        json_set_str(v, "setup", s->setup);
        (void)json_object_set_new(v, "settings", config_fields_json(s->settings));
        (void)json_object_set_new(
            v, "common_settings", config_fields_json(config_source_fields()));
        if (s->called) {
            (void)json_object_set_new(
                v, "called_settings", config_fields_json(config_called_fields()));
        }
    }
    return v;
}

int cli_source_types(const struct cli_args *args)
{
    static const char *const titles[] = {"type", "name", "how", "what it sends"};
    size_t count;
    const struct source *const *all = sources_all(&count);

    if (args->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++) {
            (void)json_array_append_new(list, type_json(all[i], false));
        }
        cli_print_json(list);
        json_decref(list);
        return CLI_OK;
    }
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < count; i++) {
        table_row(t);
        table_cell(t, all[i]->name, TINT_BOLD);
        table_cell(t, all[i]->title, TINT_NONE);
        table_cell(t, all[i]->called ? "calls us" : "watched", TINT_NONE);
        table_cell(t, all[i]->about, TINT_NONE);
    }
    cli_print_table(t);
    table_free(t);
    (void)printf("\n`crier sources TYPE` tells how to set one up.\n");
    return CLI_OK;
}

bool cli_is_source_type(const char *name)
{
    return source_find(name) != NULL;
}

int cli_explain_source(const struct cli_args *args, const char *type)
{
    const struct source *s = source_find(type);
    struct buf out;

    if (args->json) {
        json_t *v = type_json(s, true);
        cli_print_json(v);
        json_decref(v);
        return CLI_OK;
    }
    buf_init(&out, TEXT_MAX);
    buf_addf(&out, "%s (type: %s)\n%s\n", s->title, s->name, s->about);
    buf_addf(&out, "%s%s", s->doc_url ? s->doc_url : "", s->doc_url ? "\n" : "");
    if (s->setup) {
        buf_addf(&out, "\nSetting it up\n%s\n", s->setup);
    }
    if (s->settings->kind != FIELD_END_KIND) {
        buf_adds(&out, "\nSettings\n");
        config_fields_text(s->settings, &out);
    }
    if (s->called) {
        buf_adds(&out, "\nSettings every source has that calls /hooks/NAME\n");
        config_fields_text(config_called_fields(), &out);
    }
    buf_adds(&out, "\nSettings every source has\n");
    config_fields_text(config_source_fields(), &out);
    (void)fputs(buf_str(&out), stdout);
    buf_done(&out);
    return CLI_OK;
}
