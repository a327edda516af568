/* VK's calls held against its description: every request of every dialogue, what the adapter takes for an
 * answer, and that it knows what each error number means. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "adapters/vk_internal.h"
#include "base/attr.h"
#include "base/json.h"
#include "support/dialogue.h"
#include "support/vk_schema.h"

struct check {
    json_t *methods, *responses;
    size_t requests, answers;
};

static json_t *load(const char *name)
{
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/specs/vk/%s.json", FIXTURES, name);
    return dialogue_load(path);
}

/* Tokens are VK ID's, and the upload goes to an address that VK names: neither is a method. */
static void check_call(struct dialogue *d,
                       const struct adapter *a,
                       const struct step *step,
                       const struct http_request *req,
                       void *context)
{
    struct check *c = context;
    struct fault f = {.text = ""};
    bool is_token = strncmp(req->url, "https://id.vk.com/", 18) == 0;
    json_t *sample = json_loads(step->sample ? step->sample : "{}", 0, NULL);
    const json_t *method;

    (void)a;
    c->requests++;
    if (!is_token && strcmp(step->name, "upload_photo") != 0) {
        method = vk_check_request(&f, c->methods, req);
        c->answers += vk_check_answer(&f, c->responses, method, sample) ? 1 : 0;
    } else if (!is_token &&
               (req->part_count != 1 || strcmp(req->parts[0].name, "photo") != 0)) {
        fault_tell(&f, "an upload has one part, photo");
    }
    json_decref(sample);
    if (fault_told(&f)) {
        dialogue_fault(d, "not as described: %s", f.text);
    }
}

static void calls_are_as_the_description_has_them(void **state)
{
    struct check c = {.methods = load("methods"), .responses = load("responses")};
    int faults = dialogues_run(adapter_find("vk"), NULL, check_call, &c);

    (void)state;
    json_decref(c.responses);
    json_decref(c.methods);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 150);
    assert_true(c.answers > 100);
}

static void the_description_refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *about, *method, *form;
        bool good;
    } rows[] = {
        {"a post",
         "wall.post",
         "v=5.199&access_token=t&owner_id=-1&message=x&from_group=1",
         true},
        {"an edit",
         "wall.edit",
         "v=5.199&access_token=t&owner_id=-1&post_id=2&message=x",
         true},
        {"an edit of nothing", "wall.edit", "v=5.199&access_token=t&owner_id=-1", false},
        {"a number below", "wall.edit", "v=5.199&access_token=t&post_id=-2", false},
        {"a word for a number", "wall.post", "v=5.199&access_token=t&owner_id=news", false},
        {"true for 1", "wall.post", "v=5.199&access_token=t&from_group=true", false},
        {"an unknown parameter", "wall.post", "v=5.199&access_token=t&text=x", false},
        {"one of another method", "wall.delete", "v=5.199&access_token=t&guid=x", false},
        {"no version", "wall.delete", "access_token=t&post_id=1", false},
        {"no token", "wall.delete", "v=5.199&post_id=1", false},
        {"the same twice", "wall.delete", "v=5.199&access_token=t&post_id=1&post_id=2", false},
        {"no form", "wall.delete", "v=5.199&access_token=t&post_id", false},
        {"a wall",
         "wall.get",
         "v=5.199&access_token=t&owner_id=-1&count=10&filter=owner",
         true},
        {"a photo without itself", "photos.saveWallPhoto", "v=5.199&access_token=t", false},
    };
    json_t *methods = load("methods");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault f = {.text = ""};

        vk_check_form(
            &f, vk_method(methods, rows[i].method), rows[i].form, strlen(rows[i].form));
        if (fault_told(&f) == rows[i].good) {
            fail_msg("%s: %s", rows[i].about, fault_told(&f) ? f.text : "let pass");
        }
    }
    assert_null(vk_method(methods, "wall.postAll"));
    json_decref(methods);
}

static void an_answer_must_hold_what_is_required(void **state)
{
    json_t *methods = load("methods"), *responses = load("responses");
    json_t *answer = json_loads("{\"response\":{}}", 0, NULL);
    struct fault f = {.text = ""};

    (void)state;
    assert_true(vk_check_answer(&f, responses, vk_method(methods, "wall.post"), answer));
    assert_true(fault_told(&f));
    json_decref(answer);
    json_decref(responses);
    json_decref(methods);
}

static void every_error_number_has_a_row(void **state)
{
    json_t *errors = load("errors"), *one;
    size_t count = 0;
    const char *name;

    (void)state;
    json_object_foreach(json_object_get(errors, "errors"), name, one)
    {
        count++;
        if (!vk__knows_error(json_integer_value(json_object_get(one, "code")))) {
            print_error("%s: nothing is known of it\n", name);
            fail();
        }
    }
    assert_true(count > 60);
    assert_false(vk__knows_error(77777));
    json_decref(errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_as_the_description_has_them),
        cmocka_unit_test(the_description_refuses_what_is_wrong),
        cmocka_unit_test(an_answer_must_hold_what_is_required),
        cmocka_unit_test(every_error_number_has_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
