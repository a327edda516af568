/* A channel's own test: the adapter's `test` course, which publishes nothing and proves that
 * the settings work. Called by the API; runs beside the scheduler and leaves no trace in the
 * ledger. */

#include "service/courier_internal.h"

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/mem.h"

/* Steps see an article, so there is one; a test course sends nothing of it. */
static char url[] = "https://example.org/", title[] = "Test";
static const struct article article = {.url = url, .title = title, .breaking = -1};

static enum err_code make_context(struct run *run, struct err *why)
{
    struct context_facts facts = {
        .config = run->config,
        .channel = run->settings,
        .article = &article,
        .article_id = "test",
        .revision = 1,
        .created_at_ms = clock_wall_ms(),
        .course = COURSE_TEST,
        .account = run->channel->account,
        .is_test = true,
    };

    return context_init(&run->sc, &facts, why);
}

void courier__probe_finish(struct run *run, const struct verdict *v)
{
    courier_probe_fn *done = run->probe;
    void *context = run->probe_context;
    struct verdict said = *v;

    if (said.kind == VERDICT_NEXT) { /* its last step went well */
        said.kind = VERDICT_DONE;
    }
    courier__run_free(run);
    done(context, &said);
}

enum err_code courier_probe(struct courier *k,
                            const char *channel,
                            courier_probe_fn *done,
                            void *context,
                            struct err *why)
{
    struct channel *ch = channels_find(k->crier->channels, channel);
    const struct step *steps;
    enum err_code rc;
    struct run *run;

    if (!ch) {
        return err_set(why, ERR_NOT_FOUND, "no channel \"%s\"", channel);
    }
    steps = adapter_course_with(ch->adapter, ch->settings->own, COURSE_TEST);
    if (!steps) {
        return err_set(why, ERR_UNSUPPORTED, "%s has no harmless test", ch->adapter->title);
    }
    if (k->draining) {
        return err_set(why, ERR_STOPPED, "shutting down");
    }
    run = courier__run_new(k, ch);
    run->probe = done;
    run->probe_context = context;
    run->settled = true; /* the scheduler never heard of it */
    run->course = COURSE_TEST;
    run->steps = run->step = steps;
    rc = make_context(run, why);
    if (rc) {
        courier__run_free(run);
        return rc;
    }
    run->probe_waits = true;
    courier_poke(k); /* starts it: done may not come before this has returned */
    return ERR_NONE;
}
