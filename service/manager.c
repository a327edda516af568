/* What is told to the service manager, and when. Called by serve.c, reload.c and housekeeping.c; owns
 * the socket (notify.c) and the watchdog (watchdog.c). The words of the protocol are those of
 * sd_notify(3).
 *
 * A reload is RELOADING=1 with the time it began (which tells `Type=notify-reload` that this answers
 * its signal and not an earlier one), and READY=1 after it, whether the new settings were taken or
 * not: the service is ready either way, and the status line says why they were not.
 *
 * The status line shows what a person asks first: where it listens, how many channels there are and
 * which of them are blocked. It never holds more than names and our own words. */

#include "service/manager.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/channels.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/notify.h"
#include "service/watchdog.h"

#define STATUS_BYTES ((size_t)1024)
#define PATIENCE_MS (10 * MS_SECOND) /* beyond our own limits, for the ledger to be closed */

struct manager {
    struct crier *crier;
    struct notify *notify;
    struct watchdog *watchdog;
    char *refused; /* of the last reload; NULL: taken */
    char *status;  /* as last told */
};

enum err_code manager_new(struct manager **out, struct crier *c, struct err *why)
{
    struct manager *m = mem_zalloc(sizeof *m);
    enum err_code rc = notify_new(&m->notify, why);

    m->crier = c;
    if (!rc) {
        rc = watchdog_new(&m->watchdog, c, m->notify, why);
    }
    if (rc) {
        manager_free(m);
        return rc;
    }
    *out = m;
    return ERR_NONE;
}

void manager_free(struct manager *m)
{
    if (m == NULL) {
        return;
    }
    watchdog_free(m->watchdog);
    notify_free(m->notify);
    mem_free(m->refused);
    mem_free(m->status);
    mem_free(m);
}

static bool is_heard(const struct manager *m)
{
    return m != NULL && m->notify != NULL;
}

/* variables and the status in one datagram; a status is one line. */
static void tell(struct manager *m, const char *variables, const char *status)
{
    char *lines;

    mem_free(m->status);
    m->status = mem_strdup(status);
    for (char *c = m->status; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' ? ' ' : *c;
    }
    lines = mem_printf("%s%sSTATUS=%s", variables, *variables != '\0' ? "\n" : "", m->status);
    notify_tell(m->notify, lines);
    mem_free(lines);
}

/* ---- the status line ---- */

static void add_blocked(const struct crier *c, struct buf *out)
{
    const struct channel *ch;
    size_t cursor = 0, count = 0;

    while ((ch = channels_each(c->channels, &cursor)) != NULL) {
        if (ch->kept.blocked) {
            buf_addf(out, "%s%s", count++ > 0 ? ", " : "; blocked: ", ch->name);
        }
    }
}

static char *status_line(const struct manager *m)
{
    const struct crier *c = m->crier;
    struct ledger_stats stats;
    struct buf out;

    buf_init(&out, STATUS_BYTES);
    ledger_stats(c->ledger, &stats);
    buf_addf(&out,
             "on %s; %zu channel%s",
             door_url(c->door),
             c->config->channel_count,
             c->config->channel_count == 1 ? "" : "s");
    add_blocked(c, &out);
    if (stats.last_failed) {
        buf_adds(&out, "; the last write to the ledger failed");
    }
    if (m->refused != NULL) {
        buf_addf(&out, "; the last reload was refused: %s", m->refused);
    }
    if (buf_ok(&out)) {
        return buf_detach(&out, NULL);
    }
    buf_done(&out);
    return mem_strdup("more to tell than fits in a line: see /v1/channels");
}

static void tell_status(struct manager *m, const char *variables)
{
    char *status = status_line(m);

    tell(m, variables, status);
    mem_free(status);
}

void manager_status(struct manager *m)
{
    char *status;

    if (!is_heard(m) || m->crier->phase != CRIER_READY) {
        return;
    }
    status = status_line(m);
    if (m->status == NULL || strcmp(status, m->status) != 0) {
        tell(m, "", status);
    }
    mem_free(status);
}

/* ---- the course of a life ---- */

void manager_ready(struct manager *m)
{
    if (is_heard(m)) {
        tell_status(m, "READY=1");
        watchdog_start(m->watchdog);
    }
}

void manager_failed(struct manager *m, const char *why)
{
    if (is_heard(m)) {
        tell(m, "", why);
    }
}

void manager_reloading(struct manager *m)
{
    char *lines;

    if (!is_heard(m) || m->crier->phase != CRIER_READY) {
        return;
    }
    lines = mem_printf("RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
    tell(m, lines, "reading the settings again");
    mem_free(lines);
}

void manager_reloaded(struct manager *m, const char *refused)
{
    if (!is_heard(m) || m->crier->phase != CRIER_READY) {
        return;
    }
    mem_free(m->refused);
    m->refused = mem_strdup(refused);
    tell_status(m, "READY=1");
}

void manager_stopping(struct manager *m, const char *reason, int64_t at_most_ms)
{
    char *lines, *status;

    if (!is_heard(m)) {
        return;
    }
    lines = mem_printf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64,
                       (at_most_ms + PATIENCE_MS) * 1000);
    status = mem_printf("%s: deliveries in flight end", reason);
    tell(m, lines, status);
    mem_free(status);
    mem_free(lines);
}
