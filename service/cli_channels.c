/* `crier channels`: the types of channels this program knows, and all there is to know about
 * one: how to set it up, its settings, its limits, what it can do. Made from the adapters'
 * tables alone; needs neither settings nor service. Pausing and resuming is cli_pause.c's. */

#include "service/cli.h"

#include <string.h>

#include "adapters/oauth.h"
#include "adapters/registry.h"
#include "base/json.h"
#include "base/parse.h"
#include "config/manual.h"
#include "service/cli_print.h"

#define TEXT_MAX ((size_t)1024 * 1024)
#define TYPES_MAX 64

/* How a post gets its picture. */
static void add_pictures(struct buf *out, const struct adapter *a)
{
    char size[PARSE_TEXT_BYTES];

    if (a->media_max_bytes > 0) {
        buf_addf(out,
                 "up to %s, larger ones are resized",
                 format_size((int64_t)a->media_max_bytes, size));
    } else {
        buf_adds(out, a->pictures != NULL ? a->pictures : "no");
    }
}

/* yes; no and why; yes and in which way; or, when only some channels of the type cannot, yes and which
 * those are. */
static void add_ability(struct buf *out, const struct adapter *a, bool can, const char *words)
{
    const char *join = can && a->rules_out ? ", but " : ": ";

    buf_addf(out, "%s%s%s", can ? "yes" : "no", words ? join : "", words ? words : "");
}

static json_t *ability_json(const struct adapter *a, bool can, const char *words)
{
    struct buf text;
    json_t *said;

    if (words == NULL) {
        return json_boolean(can);
    }
    buf_init(&text, TEXT_MAX);
    add_ability(&text, a, can, words);
    said = json_string(buf_str(&text));
    buf_done(&text);
    return said;
}

/* ---- facts in a few words ---- */

/* For tables: the reasons stand elsewhere. */
static const char *short_ability(const struct adapter *a, bool can, const char *words)
{
    return !can ? "no" : words == NULL ? "yes" : a->rules_out ? "in part" : "yes*";
}

/* The limit that a writer meets. */
static void add_text_limit(struct buf *out, const struct adapter *a)
{
    const struct text_rule *first = NULL;

    for (const struct text_rule *r = a->limits; r != NULL && r->name != NULL; r++) {
        if (r->max > 0 && (first == NULL || strcmp(r->name, "text") == 0)) {
            first = r;
        }
    }
    if (first == NULL) {
        buf_adds(out, "no limit");
        return;
    }
    buf_addf(out, "%zu %s", first->max, text_unit_name(first->unit));
    if (strcmp(first->name, "text") != 0) {
        buf_addf(out, " (%s)", first->name);
    }
}

/* How much, and how fast. */
static void add_allowance(struct buf *out, const struct adapter *a)
{
    char rate[PARSE_TEXT_BYTES], quota[QUOTA_TEXT_BYTES];

    if (a->quota.count > 0) {
        buf_adds(out, quota_text(&a->quota, quota));
    } else if (a->quota_told != NULL) {
        buf_adds(out, "as the platform tells");
    }
    if (a->rate.count > 0) {
        buf_addf(out, "%s%s", out->len > 0 ? "; " : "", format_rate(a->rate, rate));
    }
    if (out->len == 0) {
        buf_adds(out, "none known");
    }
}

static void add_secrets(struct buf *out, const struct adapter *a)
{
    size_t count = 0;

    for (const struct field *f = a->settings; f->kind != FIELD_END_KIND; f++) {
        if (f->kind == FIELD_SECRET) {
            buf_addf(out, "%s`%s`", count++ > 0 ? ", " : "", f->key);
        }
    }
    if (count == 0) {
        buf_adds(out, "nothing");
    }
}

static void add_sign_in(struct buf *out, const struct adapter *a)
{
    const struct oauth *o = a->oauth;

    if (o == NULL || o->authorize == NULL) {
        add_secrets(out, a);
        return;
    }
    buf_adds(out, o->applies != NULL ? "what the settings hold, or " : "");
    buf_adds(out, "the platform's page (`crier keys login`)");
    buf_adds(out, o->renew != NULL ? ", renewed by itself" : ", not renewed");
}

/* The same for a terminal. */
static void add_sign_in_short(struct buf *out, const struct adapter *a)
{
    size_t count = 0;

    if (a->oauth != NULL && a->oauth->authorize != NULL) {
        buf_adds(out, "login page");
        buf_adds(out, a->oauth->renew != NULL ? ", renewed" : "");
        return;
    }
    for (const struct field *f = a->settings; f->kind != FIELD_END_KIND; f++) {
        if (f->kind == FIELD_SECRET) {
            buf_addf(out, "%s%s", count++ > 0 ? ", " : "", f->key);
        }
    }
}

/* How an operator gets a token by a page of the platform; the same for every type that has one. Guides refer to it. */
static void add_signing_in(struct buf *out, const struct adapter *a)
{
    if (a->oauth == NULL || a->oauth->authorize == NULL) {
        return;
    }
    buf_addf(
        out,
        "1. Once for all channels, make the key that tokens are kept with, as the user that "
        "crier runs as:\n"
        "     crier keys vault > /etc/crier/vault.key\n"
        "   and write, beside `channels:`\n"
        "     vault: {key: \"${file:/etc/crier/vault.key}\"}\n"
        "2. The platform sends the browser back to http://127.0.0.1:8490/callback. Register "
        "that address\n"
        "   with the app, letter for letter. Where only https is taken, register one of your "
        "site that\n"
        "   nothing uses, such as https://news.example/crier, and sign in with\n"
        "     crier keys login %s --redirect https://news.example/crier --paste\n"
        "3. With --paste the browser may be on another machine than crier: it ends at a page "
        "that is not\n"
        "   found or does not load, and crier asks for the address that it shows then.\n",
        a->name);
}

static void set_words(json_t *v,
                      const char *key,
                      const struct adapter *a,
                      void (*add)(struct buf *out, const struct adapter *a))
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    add(&text, a);
    json_set_str(v, key, buf_str(&text));
    buf_done(&text);
}

static json_t *quota_json(const struct adapter *a)
{
    char text[QUOTA_TEXT_BYTES];
    json_t *v;

    if (a->quota.count <= 0) {
        return json_null();
    }
    v = json_object();
    (void)json_object_set_new(v, "count", json_integer((json_int_t)a->quota.count));
    json_set_str(v, "text", quota_text(&a->quota, text));
    json_set_str(v, "source", a->quota.source);
    return v;
}

static json_t *can_json(const struct adapter *a)
{
    json_t *can = json_object();
    struct buf pictures;

    buf_init(&pictures, TEXT_MAX);
    add_pictures(&pictures, a);
    (void)json_object_set_new(can, "publish", json_boolean(a->publish != NULL));
    (void)json_object_set_new(
        can, "update", ability_json(a, a->update != NULL, a->cannot_update));
    (void)json_object_set_new(
        can, "retract", ability_json(a, a->retract != NULL, a->cannot_retract));
    (void)json_object_set_new(
        can, "verify", ability_json(a, a->verify != NULL, a->cannot_verify));
    (void)json_object_set_new(can, "probe", json_boolean(a->test != NULL));
    json_set_str(can, "pictures", buf_str(&pictures));
    buf_done(&pictures);
    return can;
}

static json_t *limits_json(const struct adapter *a)
{
    json_t *list = json_array();

    for (const struct text_rule *r = a->limits; r != NULL && r->name != NULL; r++) {
        json_t *item = json_object();
        json_set_str(item, "name", r->name);
        (void)json_object_set_new(item, "max", json_integer((json_int_t)r->max));
        json_set_str(item, "unit", text_unit_name(r->unit));
        if (r->max_bytes > 0) {
            (void)json_object_set_new(
                item, "max_bytes", json_integer((json_int_t)r->max_bytes));
        }
        if (r->link_length > 0) {
            (void)json_object_set_new(
                item, "link_length", json_integer((json_int_t)r->link_length));
        }
        json_set_str(item, "source", r->source);
        (void)json_array_append_new(list, item);
    }
    return list;
}

static json_t *adapter_json(const struct adapter *a, bool whole)
{
    json_t *v = json_object();

    json_set_str(v, "type", a->name);
    json_set_str(v, "title", a->title);
    json_set_str(v, "about", a->about);
    json_set_str(v, "documentation", a->doc_url);
    (void)json_object_set_new(v, "can", can_json(a));
    json_set_str(v, "media", a->media);
    set_words(v, "text", a, add_text_limit);
    set_words(v, "allowance", a, add_allowance);
    set_words(v, "sign_in", a, add_sign_in);
    (void)json_object_set_new(v, "quota", quota_json(a));
    (void)json_object_set_new(v, "quota_told", json_boolean(a->quota_told != NULL));
    (void)json_object_set_new(v, "limits", limits_json(a));
    if (whole) {
        json_set_str(v, "setup", a->setup);
        set_words(v, "signing_in", a, add_signing_in);
        (void)json_object_set_new(v, "settings", config_fields_json(a->settings));
        (void)json_object_set_new(
            v, "common_settings", config_fields_json(config_channel_fields()));
    }
    return v;
}

static void add_words(struct table *t,
                      const struct adapter *a,
                      void (*add)(struct buf *out, const struct adapter *a))
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    add(&text, a);
    table_cell(t, buf_str(&text), TINT_NONE);
    buf_done(&text);
}

static void add_can(struct table *t, const struct adapter *a, bool can, const char *words)
{
    table_cell(t, short_ability(a, can, words), can ? TINT_GOOD : TINT_DIM);
}

static void add_row(struct table *t, const struct adapter *a)
{
    table_cell(t, a->name, TINT_BOLD);
    add_can(t, a, a->update != NULL, a->cannot_update);
    add_can(t, a, a->retract != NULL, a->cannot_retract);
    add_can(t, a, a->verify != NULL, a->cannot_verify);
    add_words(t, a, add_text_limit);
    add_words(t, a, add_allowance);
    add_words(t, a, add_sign_in_short);
    table_cell(t, a->media, TINT_NONE);
}

static int list_types(const struct cli_args *args)
{
    static const char *const titles[] = {"type",
                                         "corrects",
                                         "deletes",
                                         "looks for",
                                         "text",
                                         "allowance",
                                         "signed in by",
                                         "media"};
    size_t count;
    const struct adapter *const *all = adapters_all(&count);

    if (args->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++) {
            (void)json_array_append_new(list, adapter_json(all[i], false));
        }
        cli_print_json(list);
        json_decref(list);
        return CLI_OK;
    }
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < count; i++) {
        table_row(t);
        add_row(t, all[i]);
    }
    cli_print_table(t);
    table_free(t);
    (void)printf("\n*, in part: in its own way, or not every such channel. `crier channels "
                 "TYPE` says how, "
                 "and how to set one up.\n");
    return CLI_OK;
}

static void add_course(
    struct buf *out, const struct adapter *a, const char *name, bool can, const char *words)
{
    buf_addf(out, "  %-8s ", name);
    add_ability(out, a, can, words);
    buf_addc(out, '\n');
}

static void add_abilities(struct buf *out, const struct adapter *a)
{
    buf_adds(out, "\nWhat it can do\n");
    add_course(out, a, "publish", a->publish != NULL, NULL);
    add_course(out, a, "update", a->update != NULL, a->cannot_update);
    add_course(out, a, "retract", a->retract != NULL, a->cannot_retract);
    add_course(out, a, "verify", a->verify != NULL, a->cannot_verify);
    buf_addf(out, "  %-8s %s\n", "media", a->media);
    buf_addf(out, "  %-8s ", "pictures");
    add_pictures(out, a);
    buf_addc(out, '\n');
}

static void add_limits(struct buf *out, const struct adapter *a)
{
    char rate[PARSE_TEXT_BYTES], quota[QUOTA_TEXT_BYTES];

    buf_adds(out, "\nLimits\n");
    for (const struct text_rule *r = a->limits; r != NULL && r->name != NULL; r++) {
        if (r->max > 0) {
            buf_addf(out, "  %-12s %zu %s", r->name, r->max, text_unit_name(r->unit));
        } else {
            buf_addf(out, "  %-12s none", r->name);
        }
        if (r->max_bytes > 0) {
            buf_addf(out, ", %zu bytes", r->max_bytes);
        }
        if (r->link_length > 0) {
            buf_addf(out, ", every link counts %zu", r->link_length);
        }
        buf_addf(out,
                 "%s%s%s\n",
                 r->source ? " (" : "",
                 r->source ? r->source : "",
                 r->source ? ")" : "");
    }
    if (a->quota.count > 0) {
        buf_addf(out,
                 "  %-12s %s, unless `quota` says otherwise (%s)\n",
                 "quota",
                 quota_text(&a->quota, quota),
                 a->quota.source);
    }
    if (a->quota_told != NULL) {
        buf_addf(out, "  %-12s what the platform tells of the account is obeyed\n", "");
    }
    if (a->rate.count > 0) {
        buf_addf(out,
                 "  %-12s %s, unless `rate` says otherwise\n",
                 "pace",
                 format_rate(a->rate, rate));
    }
}

static void print_type(const struct adapter *a)
{
    struct buf out;

    buf_init(&out, TEXT_MAX);
    buf_addf(&out, "%s (type: %s)\n%s\n%s\n", a->title, a->name, a->about, a->doc_url);
    if (a->setup != NULL) {
        buf_addf(&out, "\nSetting it up\n%s\n", a->setup);
        if (a->oauth != NULL && a->oauth->authorize != NULL) {
            buf_adds(&out, "\nSigning in\n");
            add_signing_in(&out, a);
        }
    }
    buf_adds(&out, "\nSigned in by ");
    add_sign_in(&out, a);
    buf_adds(&out, "\n\nSettings\n");
    config_fields_text(a->settings, &out);
    buf_adds(&out, "\nSettings every channel has\n");
    config_fields_text(config_channel_fields(), &out);
    add_limits(&out, a);
    add_abilities(&out, a);
    (void)fputs(buf_str(&out), stdout);
    buf_done(&out);
}

static int unknown_type(const struct cli_args *args, const char *name)
{
    const char *names[TYPES_MAX];
    size_t count, n = 0;
    const struct adapter *const *all = adapters_all(&count);

    for (; n < count && n < TYPES_MAX; n++) {
        names[n] = all[n]->name;
    }
    const char *close = parse_closest(name, names, n);
    if (close != NULL) {
        return cli_fail(args, CLI_USAGE, "no type \"%s\"; did you mean \"%s\"?", name, close);
    }
    return cli_fail(
        args, CLI_USAGE, "no type \"%s\"; `crier channels` lists what there is", name);
}

int cli_channels(const struct cli_args *args)
{
    if (args->operand_count == 0) {
        return list_types(args);
    }
    if (strcmp(args->operands[0], "pause") == 0 || strcmp(args->operands[0], "resume") == 0) {
        return cli_pause(args);
    }
    if (args->operand_count > 1) {
        return cli_fail(args, CLI_USAGE, "one TYPE at a time");
    }
    const struct adapter *a = adapter_find(args->operands[0]);
    if (a == NULL) {
        return unknown_type(args, args->operands[0]);
    }
    if (args->json) {
        json_t *v = adapter_json(a, true);
        cli_print_json(v);
        json_decref(v);
    } else {
        print_type(a);
    }
    return CLI_OK;
}
