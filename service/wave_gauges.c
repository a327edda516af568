/* How the waves and their lanes stand, for the page that Prometheus reads. Called by metrics.c; keeps nothing. */

#include "service/wave_internal.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "service/lane.h"

static int64_t pace_of(const struct crier *c, const struct channel *ch)
{
    (void)c;
    return atomic_load(&ch->pace.lane.per_second);
}

static int64_t per_second_of(const struct crier *c, const struct channel *ch)
{
    double sum = 0;

    LIST_EACH(&c->courier->runs, n)
    {
        const struct run *run = container_of(n, struct run, node);

        sum += run->wave && run->channel == ch ? run->wave->flow.per_ms : 0;
    }
    return (int64_t)(sum * (double)MS_SECOND);
}

static int64_t in_lanes_of(const struct crier *c, const struct channel *ch)
{
    size_t sum = 0;

    LIST_EACH(&c->courier->runs, n)
    {
        const struct run *run = container_of(n, struct run, node);

        sum +=
            run->wave && run->channel == ch ? run->wave->in_lanes + run->wave->sends.count : 0;
    }
    return (int64_t)sum;
}

static void print_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_channels(struct crier *c, struct buf *out)
{
    static const struct {
        const char *name, *help;
        int64_t (*value)(const struct crier *c, const struct channel *ch);
    } rows[] = {
        {"crier_push_pace", "Messages a second that may go at most; 0: any number", pace_of},
        {"crier_push_per_second", "Messages a second that go", per_second_of},
        {"crier_push_on_their_way",
         "Messages that were handed out and not answered",
         in_lanes_of},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct channel *ch;
        size_t cursor = 0;

        print_head(out, rows[i].name, "gauge", rows[i].help);
        while ((ch = channels_each(c->channels, &cursor)) != NULL) {
            if (ch->adapter->audience && ch->adapter->audience->push) {
                /* Names of channels are a-z, 0-9, _ and -: nothing to escape. */
                buf_addf(out,
                         "%s{channel=\"%s\"} %" PRId64 "\n",
                         rows[i].name,
                         ch->name,
                         rows[i].value(c, ch));
            }
        }
    }
}

void waves_print_gauges(struct crier *c, struct buf *out)
{
    struct lanes_stats s;

    if (!c->lanes) {
        return;
    }
    print_channels(c, out);
    lanes_stats(c->lanes, &s);
    print_head(out, "crier_push_connections", "gauge", "Connections to push services");
    buf_addf(out, "crier_push_connections %zu\n", s.connections);
    print_head(out, "crier_push_streams", "gauge", "Requests under way to push services");
    buf_addf(out, "crier_push_streams %zu\n", s.streams);
    print_head(
        out, "crier_push_connections_opened_total", "counter", "Connections made so far");
    buf_addf(out, "crier_push_connections_opened_total %" PRIu64 "\n", s.connections_opened);
    print_head(out, "crier_push_goaways_total", "counter", "Connections that services ended");
    buf_addf(out, "crier_push_goaways_total %" PRIu64 "\n", s.goaways);
    print_head(out, "crier_push_bytes_total", "counter", "Bytes of requests so far");
    buf_addf(out, "crier_push_bytes_total %" PRIu64 "\n", s.bytes);
}
