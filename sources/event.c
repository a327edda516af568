/* The list of what a source said. Filled by the readers of webhooks and feeds, emptied by service/. */

#include "sources/event.h"

#include "base/attr.h"
#include "base/mem.h"

const char *source_event_name(enum source_event_kind kind)
{
    static const char *const names[] = {
        [EVENT_PUBLISHED] = "published",
        [EVENT_UPDATED] = "updated",
        [EVENT_CORRECTED] = "corrected",
        [EVENT_UNPUBLISHED] = "unpublished",
        [EVENT_DRAFTED] = "back to draft",
        [EVENT_DELETED] = "deleted",
        [EVENT_KILLED] = "killed",
        [EVENT_NOTHING] = "nothing",
    };

    return names[kind];
}

struct source_event *source_events_add(struct source_events *events,
                                       enum source_event_kind kind)
{
    struct source_event *e;

    events->v = mem_realloc(events->v, events->count + 1, sizeof *events->v);
    e = &events->v[events->count++];
    *e = (struct source_event){.kind = kind};
    return e;
}

static void event_done(struct source_event *e)
{
    json_decref(e->article);
    mem_free(e->id);
    strings_done(&e->ids);
    mem_free(e->guid);
    mem_free(e->url);
    strings_done(&e->urls);
    mem_free(e->key);
    mem_free(e->why);
}

void source_events_done(struct source_events *events)
{
    for (size_t i = 0; i < events->count; i++) {
        event_done(&events->v[i]);
    }
    mem_free(events->v);
    *events = (struct source_events){0};
}
