/* What became of an article, or of taking it back, as the API answers it. Called by the doors once it is on
 * disk. */

#include "service/intake.h"

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json_put.h"
#include "service/channels.h"
#include "service/crier.h"

/* Why a channel cannot take a post back, or not now; NULL when it can. */
static const char *cannot_retract(struct crier *c, const struct accept_delivery *d)
{
    const struct channel *ch = channels_find(c->channels, d->channel);

    if (!ch) {
        return delivery_state_ended(d->state)
                   ? NULL
                   : "the channel is not configured now; it is retracted when it is back";
    }
    if (!adapter_course_with(ch->adapter, ch->settings->own, COURSE_RETRACT)) {
        return ch->adapter->cannot_retract ? ch->adapter->cannot_retract
                                           : "this platform takes nothing back";
    }
    if (!ch->settings->retracts) {
        return "retractions are switched off for this channel";
    }
    return ch->settings->enabled || delivery_state_ended(d->state)
               ? NULL
               : "the channel is not enabled now; it is retracted when it is back";
}

static void put_deliveries(struct buf *b, const struct ledger_accept *a)
{
    char id[ID_TEXT_BYTES];

    json_put_open(b, "deliveries", '[');
    for (size_t i = 0; i < a->delivery_count; i++) {
        const struct accept_delivery *d = &a->deliveries[i];

        json_put_open(b, NULL, '{');
        json_put_text(b, "id", id_delivery_text(d->id, id));
        json_put_text(b, "channel", d->channel);
        json_put_text(b, "state", delivery_state_name(d->state));
        json_put_close(b, '}');
    }
    json_put_close(b, ']');
}

static void put_cannot(struct buf *b, const struct intake *in)
{
    json_put_open(b, "cannot", '[');
    for (size_t i = 0; i < in->accept.delivery_count; i++) {
        const struct accept_delivery *d = &in->accept.deliveries[i];
        const char *why = cannot_retract(in->crier, d);

        if (why) {
            json_put_open(b, NULL, '{');
            json_put_text(b, "channel", d->channel);
            json_put_text(b, "why", why);
            json_put_close(b, '}');
        }
    }
    json_put_close(b, ']');
}

void intake_write(struct buf *out, const struct intake *in)
{
    const struct ledger_accept *a = &in->accept;
    char time[TIME_TEXT_BYTES];

    json_put_open(out, NULL, '{');
    json_put_text(out, "id", a->public_id);
    json_put_int(out, "revision", a->revision);
    json_put_text(out, "outcome", accept_outcome_name(a->outcome));
    json_put_bool(out, "breaking", a->out_breaking);
    json_put_text(out, "reason", a->out_reason ? a->out_reason : "");
    if (a->outcome == ACCEPT_RECORDED) {
        json_put_text(out, "quiet", a->quiet);
        json_put_bool(out, "held", a->held);
    }
    if (a->outcome == ACCEPT_WITHDRAWN) {
        json_put_text(out, "retract_at", time_rfc3339(a->retract_at_ms, time));
    }
    put_deliveries(out, a);
    if (a->kind == ACCEPT_RETRACT) {
        put_cannot(out, in);
    }
    json_put_close(out, '}');
}
