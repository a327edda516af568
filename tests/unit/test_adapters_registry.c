/* registry.c, and what every adapter's tables must keep, whoever wrote them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/attr.h"
#include "base/mem.h"

static void adapters_are_found_by_name(void **state)
{
    static const char *const names[] = {"webhook",
                                        "telegram",
                                        "mastodon",
                                        "bluesky",
                                        "email",
                                        "discord",
                                        "slack",
                                        "indexnow",
                                        "websub"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct adapter *a = adapter_find(names[i]);

        assert_non_null(a);
        assert_string_equal(a->name, names[i]);
    }
    assert_null(adapter_find("Telegram"));
    assert_null(adapter_find(""));
}

static void check_text(const char *adapter, const char *what, const char *text)
{
    if (!text || !*text) {
        fail_msg("%s: no %s", adapter, what);
    }
}

static void check_steps(const struct adapter *a, enum course course)
{
    const struct step *steps = adapter_course(a, course);

    for (const struct step *s = steps; s && s->name; s++) {
        if (!s->build || !s->read) {
            fail_msg("%s: step %s cannot build or read", a->name, s->name);
        }
        if (step_find(steps, s->name) != s) {
            fail_msg("%s: two steps named %s", a->name, s->name);
        }
        if (s->sample) {
            json_t *v = json_loads(s->sample, JSON_REJECT_DUPLICATES, NULL);

            if (!v) {
                fail_msg("%s: the sample of step %s is no JSON", a->name, s->name);
            }
            json_decref(v);
        }
        if (s->repeat_within_ms && !s->repeatable) {
            fail_msg(
                "%s: step %s repeats within a time but is not repeatable", a->name, s->name);
        }
    }
}

static void check_settings(const struct adapter *a, const struct field *fields)
{
    for (const struct field *f = fields; f->kind; f++) {
        size_t len = f->help ? strlen(f->help) : 0;

        if (len == 0 || f->help[len - 1] == '.') {
            fail_msg("%s: the help of %s is missing or ends with a full stop", a->name, f->key);
        }
        if (f->required && f->def) {
            fail_msg("%s: %s is required and has a default", a->name, f->key);
        }
        if (f->kind == FIELD_ENUM && !f->choices) {
            fail_msg("%s: %s has no choices", a->name, f->key);
        }
        if (f->kind == FIELD_SECRET && f->def) {
            fail_msg("%s: the secret %s has a default", a->name, f->key);
        }
        if (f->offset >= a->settings_size) {
            fail_msg("%s: %s lies outside", a->name, f->key);
        }
        for (const struct field *other = fields; other < f; other++) {
            if (strcmp(other->key, f->key) == 0) {
                fail_msg("%s: two settings named %s", a->name, f->key);
            }
        }
    }
}

static void check_courses(const struct adapter *a)
{
    bool publishes = false;

    for (int c = COURSE_PUBLISH; c <= COURSE_TEST; c++) {
        check_steps(a, (enum course)c);
    }
    for (const struct step *s = a->publish; s && s->name; s++) {
        publishes = publishes || s->publishes;
    }
    if (!publishes) {
        fail_msg("%s: no step publishes", a->name);
    }
    if (!a->update) {
        check_text(a->name, "cannot_update", a->cannot_update);
    }
    if (!a->retract) {
        check_text(a->name, "cannot_retract", a->cannot_retract);
    }
    if (!a->verify) {
        check_text(a->name, "cannot_verify", a->cannot_verify);
    }
    if (a->rules_out && !a->cannot_update && !a->cannot_retract && !a->cannot_verify) {
        fail_msg("%s: settings rule courses out, and nothing says why", a->name);
    }
}

static void check_quota(const struct adapter *a)
{
    if (a->quota.count < 0 ||
        (a->quota.count > 0 && a->quota.window == QUOTA_ROLLING && a->quota.per_ms <= 0)) {
        fail_msg("%s: its quota is for no time", a->name);
    }
    if (a->quota.count > 0) {
        check_text(a->name, "source of the quota", a->quota.source);
    }
}

static void every_adapter_is_complete(void **state)
{
    const struct adapter *const *all;
    size_t count;

    (void)state;
    all = adapters_all(&count);
    assert_true(count >= 9);
    for (size_t i = 0; i < count; i++) {
        const struct adapter *a = all[i];

        check_text("adapter", "name", a->name);
        check_text(a->name, "title", a->title);
        check_text(a->name, "doc_url", a->doc_url);
        check_text(a->name, "about", a->about);
        check_text(a->name, "setup", a->setup);
        check_text(a->name, "media", a->media);
        check_quota(a);
        assert_ptr_equal(adapter_find(a->name), a);
        assert_true(a->settings_size > 0 && a->answer_timeout_ms > 0);
        check_settings(a, a->settings);
        check_courses(a);
        assert_true((a->post_id_form != NULL) == (a->post_named != NULL));
        assert_true(!a->post_named || !a->post_named(NULL, NULL, NULL));
        for (const struct text_rule *rule = a->limits; rule && rule->name; rule++) {
            check_text(a->name, "source of a limit", rule->source);
        }
    }
}

static void steps_are_found_by_name(void **state)
{
    const struct step *steps = adapter_course(adapter_find("telegram"), COURSE_PUBLISH);

    (void)state;
    assert_ptr_equal(step_find(steps, "send_photo"), &steps[0]);
    assert_ptr_equal(step_find(steps, "send_text"), &steps[1]);
    assert_null(step_find(steps, "send"));
    assert_null(step_find(NULL, "send"));
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapters_are_found_by_name),
        cmocka_unit_test(every_adapter_is_complete),
        cmocka_unit_test(steps_are_found_by_name),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
