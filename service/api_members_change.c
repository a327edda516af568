/* What a member is, changed by a person over the API: PATCH …/members/{address}. Called by the door.
 *
 *   api_change_member    who is it?
 *   change_2_on_found    what they have wanted so far, with the change
 *   change_3_on_written  204
 *
 * Whether somebody is a test member is a matter of the newsroom; what readers want they say themselves
 * (/push/topics). */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/channels.h"

static void change_3_on_written(struct api_call *call)
{
    const struct api_member *one = call->kept;

    log_info(EV_AUDIENCE_CHANGED,
             LOG_STR("channel", one->channel),
             LOG_STR("by", "api"),
             LOG_STR("what", call->u.member_set.traits.test ? "test member" : "no test member"),
             LOG_I64("count", 1));
    door_reply_empty(call->request, 204);
}

static void change_2_on_found(struct api_call *call)
{
    const struct ledger_members *m = &call->u.members;
    struct api_call *set;

    if (m->count == 0) {
        door_problem(call->request, 404, NULL, "no such member");
        return;
    }
    set = api__call_new(call->crier, call->request, LEDGER_MEMBER_SET, change_3_on_written);
    set->kept = call->kept;
    set->free_kept = mem_free;
    call->kept = NULL;
    set->u.member_set.channel = m->channel;
    set->u.member_set.address = m->address;
    set->u.member_set.change = MEMBER_TRAITS;
    set->u.member_set.traits = m->v[0].traits;
    set->u.member_set.traits.test = ((const struct api_member *)set->kept)->test;
    set->u.member_set.now_ms = clock_wall_ms();
    api__call_submit(set);
    /* Continues in change_3_on_written(). */
}

/* {"test": true} */
void api_change_member(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__audience(c, r);
    json_t *body = ch != NULL ? api__body(r) : NULL;
    const json_t *test = json_object_get(body, "test");
    struct api_member *one;
    struct api_call *call;

    if (body == NULL) {
        return;
    }
    if (!json_is_boolean(test)) {
        door_problem(r,
                     422,
                     api__pointed("/test", "true or false"),
                     "{\"test\": true}: a test member; nothing else can be changed");
        json_decref(body);
        return;
    }
    one = api__member(r, ch);
    if (one == NULL) {
        json_decref(body);
        return;
    }
    one->test = json_is_true(test);
    json_decref(body);
    call = api__call_new(c, r, LEDGER_MEMBERS, change_2_on_found);
    call->kept = one;
    call->free_kept = mem_free;
    call->u.members.channel = one->channel;
    call->u.members.address = one->address;
    call->u.members.limit = 1;
    call->u.members.state = -1;
    api__call_submit(call);
    /* Continues in change_2_on_found(). */
}
