/* `crier schema`: the settings as a JSON Schema for editors, or as the Markdown tables of the
 * README. Made from the field tables alone. */

#include "service/cli.h"

#include <jansson.h>

#include "config/manual.h"
#include "service/cli_print.h"
#include "service/crier.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024)

const struct cli_option cli_schema_options[] = {
    {.name = "reference", .help = "Markdown tables of all settings instead"},
    {.name = NULL},
};

int cli_schema(const struct cli_args *args)
{
    struct config_types types = crier_config_types();
    struct buf text;

    if (!cli_given(args, "reference")) {
        json_t *schema = config_schema(&types);
        cli_print_json(schema);
        json_decref(schema);
        return CLI_OK;
    }
    buf_init(&text, TEXT_MAX);
    config_reference(&types, &text);
    (void)fputs(buf_str(&text), stdout);
    buf_done(&text);
    return CLI_OK;
}
