#ifndef CRIER_SERVICE_CRIER_H
#define CRIER_SERVICE_CRIER_H

/* The running program: one libuv loop thread owns everything here; no locks. Made by serve.c in
 * the order of the members, taken down in the opposite order. The parts know each other through
 * this struct and call each other's public functions. */

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/clock.h"
#include "base/id.h"
#include "config/config.h"
#include "queue/ledger.h"
#include "queue/sched.h"
#include "service/unreadable.h"

struct channels;      /* channels.h: the configured destinations and their live state */
struct keeper;        /* keeper.h: tokens that end */
struct out;           /* out.h: outbound HTTP */
struct lanes;         /* lane.h: outbound HTTP/2, to very many */
struct media;         /* adapters */
struct media_store;   /* media.h: pictures, fetched once */
struct pages;         /* page_fetch.h: pages of articles */
struct gate;          /* gate.h: what waits for its page */
struct completer;     /* complete.h: events without a title */
struct withdrawals;   /* withdrawals.h: what is retracted unless it comes back */
struct courier;       /* courier.h: runs deliveries */
struct reader;        /* reader.h: the thread that reads what comes in */
struct event_hub;     /* events.h: state changes to whoever listens */
struct metrics;       /* metrics.h */
struct door;          /* door.h: the HTTP server */
struct lookout;       /* lookout.h: how audiences and their waves are */
struct canaries;      /* canary.h: dry runs of audiences */
struct watch;         /* watch.h: feeds and sitemaps, looked at */
struct share_targets; /* share.h */
struct topics;        /* topics.h: what members of audiences choose from */
struct push_door;     /* push_door.h: readers who subscribe */
struct preparer;      /* prepare.h: what waves need, made while there is nothing to do */
struct outlet;        /* outlet.h: the feeds and the news sitemap we serve */
struct manager;       /* manager.h: tells the service manager */
struct passed;        /* passed.h: a socket the service manager made */

enum crier_phase { CRIER_STARTING, CRIER_READY, CRIER_DRAINING };

struct crier {
    uv_loop_t *loop;
    enum crier_phase phase;
    struct manager *manager; /* NULL in tests of parts */
    struct passed *passed;   /* NULL: none */
    int64_t started_at_ms;
    struct rng rng;
    struct id_maker ids;
    struct config_types types;
    struct config *config;
    struct metrics *metrics;
    struct reader *reader;
    struct ledger *ledger;
    uv_async_t ledger_wake;
    struct event_hub *events;
    struct sched *sched;
    struct channels *channels;
    struct out *out;
    struct lanes *lanes;
    struct keeper *keeper;
    struct media_store *media;
    struct pages *pages;
    struct courier *courier;
    struct lookout *lookout;
    struct canaries *canaries;
    struct watch *watch;
    struct gate *gate;
    struct completer *completer;
    struct withdrawals *withdrawals;
    struct unreadables unreadables;
    struct preparer *preparer;
    struct share_targets *share;
    struct topics *topics;
    struct push_door *push_door;
    struct outlet *outlet;
    struct door *door;
    const char *config_path;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t housekeeping;
    int64_t pruned_mono_ms;
};

/* Every adapter and kind of source as a type for config_load(); the arrays are static. */
struct config_types crier_config_types(void);

/* Read the settings again: all or nothing. 0 and the new settings are in force; ERR_INVALID and
 * problems tells why not (the old ones stay). restart gets the names of settings that a reload
 * cannot change and that differ (they keep their old values), empty when none. */
MUST_USE enum err_code
crier_reload(struct crier *c, struct problems *problems, struct buf *restart, struct err *why);
/* SIGTERM: stop accepting, let deliveries in flight end (at most server.drain), give the others
 * back, close. serve_run() returns after it. Calling again hurries. */
void crier_drain(struct crier *c, const char *reason);

#endif
