/* An article in a file, for the verbs that look at one without sending it: `preview` and
 * `check --article`. Owns nothing. */

#include "service/cli.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"

#define FILE_BYTES ((size_t)16 * 1024 * 1024)
#define DEPTH 64

int cli_read_article(const struct cli_args *args, const char *path, json_t **out)
{
    struct err why = {0};
    struct buf text;
    int rc = CLI_OK;

    buf_init(&text, FILE_BYTES);
    if (!cli_read_file(path, &text)) {
        rc = CLI_FAILED;
    } else if (text.len == 0) {
        rc = cli_fail(args, CLI_FAILED, "%s: is empty", path);
    } else if (json_read(out, buf_str(&text), text.len, DEPTH, &why)) {
        rc = cli_fail(args, CLI_FAILED, "%s: %s", path, why.text);
    }
    buf_done(&text);
    return rc;
}

int cli_say_faults(const struct cli_args *args,
                   const char *path,
                   const struct article_faults *faults,
                   const struct err *why)
{
    for (size_t i = 0; i < faults->count; i++) {
        (void)fprintf(stderr, "%s: %s: %s\n", path, faults->v[i].where, faults->v[i].what);
    }
    return cli_fail(args, CLI_FAILED, "%s", why->text);
}

int cli_source(const struct cli_args *args, const struct config *config, const char **out)
{
    const char *name = cli_option(args, "source");
    const char *close, **names;

    if (name == NULL || config_source(config, name) != NULL) {
        *out = name != NULL ? name : "api";
        return CLI_OK;
    }
    names = mem_calloc(config->source_count + 1, sizeof(*names));
    for (size_t i = 0; i < config->source_count; i++) {
        names[i] = config->sources[i].name;
    }
    close = parse_closest(name, names, config->source_count);
    mem_free(names);
    return cli_fail(args,
                    CLI_USAGE,
                    "no source \"%s\" in %s%s%s%s",
                    name,
                    config->path,
                    close != NULL ? "; did you mean \"" : "",
                    close != NULL ? close : "",
                    close != NULL ? "\"?" : "");
}
