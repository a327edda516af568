/* `crier check --ledger`: what is wrong in the ledger, or in a copy of it. Goes around the service, so
 * that it works when that does not. */

#include "service/cli_check.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "queue/upkeep.h"
#include "service/cli_print.h"

struct report {
    json_t *findings; /* NULL: they are printed as they come */
    size_t count;
};

static void print_line(const struct ledger_finding *f)
{
    struct buf line;

    buf_init(&line, (size_t)64 * 1024);
    buf_addf(&line,
             "%s%s%s: %s: %s",
             f->table[0] != '\0' ? f->table : "file",
             f->row[0] != '\0' ? " " : "",
             f->row,
             f->what,
             f->todo);
    struct buf clean;
    buf_init(&clean, (size_t)64 * 1024);
    terminal_text(&clean, buf_str(&line), TINT_NONE, false);
    (void)printf("%s\n", buf_str(&clean));
    buf_done(&clean);
    buf_done(&line);
}

static void on_found(void *context, const struct ledger_finding *f)
{
    struct report *r = context;

    r->count++;
    if (r->findings == NULL) {
        print_line(f);
        return;
    }
    json_t *item = json_object();
    json_set_str(item, "table", f->table);
    json_set_str(item, "row", f->row);
    json_set_str(item, "what", f->what);
    json_set_str(item, "todo", f->todo);
    (void)json_array_append_new(r->findings, item);
}

/* An older schema says less: its rows are looked at when they have been brought forward. */
static const char *note_of(const struct ledger_size *size)
{
    return size->version < ledger_schema_version()
               ? "; an older schema, so only its pages and references were looked at"
               : "";
}

static void print_end(const char *file,
                      const struct report *r,
                      const struct ledger_size *size,
                      int64_t took_ms)
{
    if (r->count > 0) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "%zu finding%s\n", r->count, r->count == 1 ? "" : "s");
        return;
    }
    (void)printf("%s: ok (%lld articles, %lld deliveries, %.1f MB, schema %d, in %.1f s%s)\n",
                 file,
                 (long long)size->articles,
                 (long long)size->deliveries,
                 (double)size->bytes / 1e6,
                 size->version,
                 (double)took_ms / MS_SECOND,
                 note_of(size));
}

static void print_as_json(const char *file,
                          const struct report *r,
                          const struct ledger_size *size,
                          int64_t took_ms)
{
    json_t *v = json_object();

    json_set_str(v, "file", file);
    (void)json_object_set_new(v, "ok", json_boolean(r->count == 0));
    (void)json_object_set(v, "findings", r->findings);
    cli_add_ledger_size(v, size, took_ms);
    cli_print_json(v);
    json_decref(v);
}

int cli_check_ledger(const struct cli_args *args)
{
    char *location =
        cli_ledger_location(args, args->operand_count > 0 ? args->operands[0] : NULL);
    struct report report = {.findings = args->json ? json_array() : NULL};
    struct ledger_size size = {.articles = 0};
    struct err why = {0};
    int code = CLI_FAILED;

    if (location == NULL) {
        goto out;
    }
    cli_stop_on_signals();
    int64_t from_ms = clock_mono_ms();
    const char *file = location + sizeof "sqlite:" - 1;
    if (ledger_check(location, on_found, &report, cli_stopped, &size, &why)) {
        (void)fflush(stdout);
        (void)cli_fail(args, CLI_FAILED, "%s", why.text);
        goto out;
    }
    int64_t took_ms = clock_mono_ms() - from_ms;
    if (args->json) {
        print_as_json(file, &report, &size, took_ms);
    } else {
        print_end(file, &report, &size, took_ms);
    }
    code = report.count == 0 ? CLI_OK : CLI_FAILED;
out:
    json_decref(report.findings);
    mem_free(location);
    return code;
}
