/* GET /v1/inbox: what sources said and cannot be accepted yet, since it lacks a title and its page could
 * not be read so far; and calls that could not be read at all, for a person to look at. Called by the
 * door. */

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "service/api_internal.h"

static void set_time(json_t *row, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    json_set_str(row, key, time_rfc3339(at_ms, text));
}

static json_t *row_json(const struct ledger_inbox_row *r)
{
    char id[24];
    json_t *row = json_object(), *body = json_loads(r->body ? r->body : "", 0, NULL);

    (void)snprintf(id, sizeof id, "%" PRIu64, r->id);
    json_set_str(row, "id", id);
    json_set_str(row, "source", r->source);
    json_set_str(row, "event", json_path_str(body, "kind"));
    json_set_str(row, "article", json_path_str(body, "id"));
    json_set_str(row, "url", json_path_str(body, "url"));
    json_set_str(row, "text", json_path_str(body, "text"));
    json_set_str(row, "base64", json_path_str(body, "base64"));
    set_time(row, "at", r->at_ms);
    set_time(row, "due_at", r->due_at_ms);
    (void)json_object_set_new(row, "tries", json_integer(r->tries));
    json_set_str(row, "why", r->why);
    json_decref(body);
    return row;
}

static void answer_inbox(struct api_call *call)
{
    const struct ledger_inbox_list *list = &call->u.inbox;
    json_t *items = json_array(), *next = json_null();
    char cursor[24];

    for (size_t i = 0; i < list->count; i++) {
        (void)json_array_append_new(items, row_json(&list->v[i]));
    }
    if (list->count == list->limit) {
        (void)snprintf(cursor, sizeof cursor, "%" PRIu64, list->v[list->count - 1].id);
        next = json_string(cursor);
    }
    door_reply_json(call->request, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

void api_list_inbox(struct crier *c, struct door_request *r)
{
    struct ledger_list page = {.limit = 0};
    struct api_call *call;
    uint64_t after = 0;

    if (!api__page(r, &page)) {
        return;
    }
    if (page.cursor && !parse_u64(page.cursor, &after)) {
        door_problem(r, 400, NULL, "cursor is `next` of the page before");
        return;
    }
    call = api__call_new(c, r, LEDGER_INBOX_LIST, answer_inbox);
    call->u.inbox.after = after;
    call->u.inbox.limit = page.limit;
    api__call_submit(call);
}
