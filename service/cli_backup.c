/* `crier backup`: a copy of the ledger, while the service runs or not. Finds the file through the
 * settings and goes around the service, so that it works when that does not. */

#include "service/cli.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "queue/upkeep.h"
#include "service/cli_print.h"

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool cli_stopped(void)
{
    return stopped != 0;
}

void cli_stop_on_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction old, stop = {.sa_handler = on_signal};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            (void)sigaction(numbers[i], &stop, NULL);
        }
    }
}

const struct cli_option cli_backup_options[] = {
    {.name = "from",
     .value = "LEDGER",
     .help = "the file to copy, instead of the one in the settings"},
    {.name = NULL},
};

static void print(const struct cli_args *args,
                  const char *file,
                  const struct ledger_size *size,
                  int64_t took_ms)
{
    if (!args->json) {
        (void)printf("%s: %lld articles, %lld deliveries, %.1f MB, in %.1f s\n",
                     file,
                     (long long)size->articles,
                     (long long)size->deliveries,
                     (double)size->bytes / 1e6,
                     (double)took_ms / MS_SECOND);
        return;
    }
    json_t *v = json_object();
    json_set_str(v, "file", file);
    cli_add_ledger_size(v, size, took_ms);
    cli_print_json(v);
    json_decref(v);
}

int cli_backup(const struct cli_args *args)
{
    const char *file = args->operands[0];
    struct ledger_size size;
    struct err why = {0};

    if (strcmp(file, "-") == 0 || *file == '\0') {
        return cli_fail(args, CLI_USAGE, "a ledger is written to a file; name one");
    }
    char *location = cli_ledger_location(args, cli_option(args, "from"));
    if (location == NULL) {
        return CLI_FAILED;
    }
    cli_stop_on_signals();
    int64_t from_ms = clock_mono_ms();
    enum err_code rc = ledger_backup(location, file, cli_stopped, &size, &why);
    mem_free(location);
    if (rc) {
        return cli_fail(args, CLI_FAILED, "%s", why.text);
    }
    print(args, file, &size, clock_mono_ms() - from_ms);
    return CLI_OK;
}
