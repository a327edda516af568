#ifndef CRIER_QUEUE_LEDGER_REQUEST_H
#define CRIER_QUEUE_LEDGER_REQUEST_H

/* What all requests to the ledger begin with. What each asks, and what it gets, is in ledger.h, which says how they
 * are handed over, and in ledger_audience.h. */

#include "base/err.h"
#include "base/list.h"

struct ledger_request;
typedef void ledger_done_fn(struct ledger_request *r);

enum ledger_kind {
    LEDGER_NONE, /* a request that was zeroed and never filled: has nothing to free */
    /* writes */
    LEDGER_ACCEPT,
    LEDGER_BEGIN,
    LEDGER_END,
    LEDGER_MOVE,
    LEDGER_CHANNEL_SAVE,
    LEDGER_RELEASE_CHANNEL,
    LEDGER_EXPIRE,
    LEDGER_CLICK,
    LEDGER_PRUNE,
    LEDGER_CLOCK_BACK,
    LEDGER_GATE,
    LEDGER_DROP,
    LEDGER_SOURCE_SAVE,
    LEDGER_CREDENTIAL_PUT,
    LEDGER_FALLBACK,
    LEDGER_MEMBERS_PUT,
    LEDGER_MEMBER_SET,
    LEDGER_WAVE_OPEN,
    LEDGER_WAVE_NEXT,
    LEDGER_WAVE_END,
    LEDGER_WAVE_TOLD,
    LEDGER_WAVE_SAY,
    LEDGER_TOPICS,
    LEDGER_MEMBERS_BACK,
    LEDGER_PREPARED_PUT,
    LEDGER_INBOX_PUT,
    LEDGER_INBOX_END,
    LEDGER_WRITES_PULSE, /* nothing but its done, once the writing thread has come to it */
    /* reads */
    LEDGER_DUE,
    LEDGER_LOAD,
    LEDGER_ARTICLES,
    LEDGER_ARTICLE,
    LEDGER_DELIVERIES,
    LEDGER_CHANNELS,
    LEDGER_EVENTS,
    LEDGER_WITHDRAWN,
    LEDGER_GATED,
    LEDGER_SOURCES,
    LEDGER_CREDENTIALS,
    LEDGER_QUOTA,
    LEDGER_MEMBERS,
    LEDGER_UNPREPARED,
    LEDGER_WAVES,
    LEDGER_INBOX_LIST,
    LEDGER_OUTLET,
    LEDGER_READS_PULSE, /* the same of the reading thread; both touch no disk */
};

struct ledger_request {
    struct list_node node;
    enum ledger_kind kind;
    ledger_done_fn *done;
    enum err_code rc;
    struct err why;
};

#endif
