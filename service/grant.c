/* What a grant means at a moment. Called by keeper*.c, and by `crier keys` for what it shows; pure. */

#include "service/grant.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define MARGIN_MAX_MS (30 * MS_SECOND) /* a request that leaves now may be long on its way */

/* ---- from the settings ---- */

json_t *grant_from_settings(const struct grant_way *way)
{
    const struct oauth_settings *s = oauth_settings_of(way->oauth, way->settings);
    json_t *grant;

    if (!s->access_token.text && !s->refresh_token.text) {
        return NULL;
    }
    grant = json_object();
    json_set_str(grant, "access_token", s->access_token.text);
    json_set_str(grant, "refresh_token", s->refresh_token.text);
    return grant;
}

static void add_part(struct buf *text, const struct secret *secret)
{
    buf_addf(text, "%zu:", secret->len);
    buf_add(text, secret->text ? secret->text : "", secret->len);
}

void grant_origin(const struct grant_way *way, char out[SHA256_HEX_BYTES])
{
    const struct oauth_settings *s = oauth_settings_of(way->oauth, way->settings);
    uint8_t digest[SHA256_BYTES];
    void (*made_from)(const void *, struct buf *) = way->oauth->made_from;
    struct buf text;

    out[0] = '\0';
    if (!s->access_token.text && !s->refresh_token.text && !made_from) {
        return;
    }
    buf_init_secret(&text, (size_t)1024 * 1024);
    add_part(&text, &s->access_token);
    add_part(&text, &s->refresh_token);
    if (made_from) {
        made_from(way->settings, &text);
    }
    crypto_sha256(buf_str(&text), text.len, digest);
    (void)crypto_hex(digest, sizeof digest, out);
    buf_done(&text);
}

/* ---- at a moment ---- */

const char *grant_token(const json_t *grant)
{
    return record_str(grant, "access_token");
}

static int64_t ends_at(const json_t *grant)
{
    return record_int(grant, "expires_at_ms");
}

/* Of its whole life; a minute where nobody noted when it began. */
static int64_t life_of(const json_t *grant)
{
    int64_t began_at_ms = record_int(grant, "obtained_at_ms");
    int64_t life_ms = ends_at(grant) - began_at_ms;

    return began_at_ms > 0 && life_ms > 0 ? life_ms : MS_MINUTE;
}

bool grant_holds(const json_t *grant, int64_t now_ms)
{
    int64_t margin_ms;

    if (!grant_token(grant)) {
        return false;
    }
    if (ends_at(grant) == 0) {
        return true;
    }
    margin_ms = life_of(grant) / 10;
    margin_ms = margin_ms < MARGIN_MAX_MS ? margin_ms : MARGIN_MAX_MS;
    return now_ms < ends_at(grant) - margin_ms;
}

static bool says_it_can(const struct grant_way *way, const json_t *grant, int64_t now_ms)
{
    struct oauth_call call = {
        .settings = way->settings, .grant = json_object(), .now_ms = now_ms};
    bool can;

    (void)json_object_update(call.grant, json_unconst(grant));
    can = way->oauth->can_renew(&call);
    json_decref(call.grant);
    return can;
}

bool grant_can_renew(const struct grant_way *way, const json_t *grant, int64_t now_ms)
{
    int64_t ends_ms = record_int(grant, "refresh_expires_at_ms");

    if (!way->oauth->renew || (way->oauth->rotates && !way->has_vault) ||
        (ends_ms > 0 && now_ms >= ends_ms)) {
        return false;
    }
    if (way->oauth->can_renew) {
        return says_it_can(way, grant, now_ms);
    }
    return record_str(grant, "refresh_token") &&
           oauth_settings_of(way->oauth, way->settings)->client_id;
}

bool grant_is_ripe(const struct grant_way *way, const json_t *grant, int64_t now_ms)
{
    return now_ms >= record_int(grant, "obtained_at_ms") + way->oauth->renew_age_min_ms;
}

int64_t grant_renew_at(const struct grant_way *way, const json_t *grant)
{
    int64_t life_ms = life_of(grant), before_ms = way->oauth->renew_before_ms;
    int64_t earliest_ms = record_int(grant, "obtained_at_ms") + way->oauth->renew_age_min_ms;
    int64_t at_ms;

    if (!grant_token(grant)) {
        return 0;
    }
    if (ends_at(grant) == 0) {
        return INT64_MAX;
    }
    if (before_ms == 0) {
        before_ms = life_ms / 5 < MS_DAY ? life_ms / 5 : MS_DAY;
    } else if (before_ms > life_ms / 2 && way->oauth->renew_age_min_ms == 0) {
        before_ms = life_ms /
                    2; /* else it would be renewed again and again; a least age says as much */
    }
    at_ms = ends_at(grant) - before_ms;
    return at_ms > earliest_ms ? at_ms : earliest_ms;
}

/* ---- what is to be said of it ---- */

const char *forecast_name(enum forecast_kind kind)
{
    static const char *const names[] = {[FORECAST_NONE] = "none",
                                        [FORECAST_DEAD] = "revoked",
                                        [FORECAST_ENDED] = "expired",
                                        [FORECAST_FAILING] = "failing",
                                        [FORECAST_ENDS] = "expires",
                                        [FORECAST_RENEWED] = "renewed",
                                        [FORECAST_LASTS] = "lasts"};

    return names[kind];
}

#define ABOUT_BYTES 32

/* "6 days", "50 minutes": rounded down, as one says it, but for minutes. */
static const char *about(int64_t ms, char out[ABOUT_BYTES])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{MS_DAY, "day"}, {MS_HOUR, "hour"}, {MS_MINUTE, "minute"}};

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        bool last = i + 1 == ARRAY_LEN(units);
        long long n = (long long)((ms + (last ? units[i].ms / 2 : 0)) / units[i].ms);

        if (n >= 2 || (n == 1 && last)) { /* 36 hours say more than a day */
            (void)snprintf(out, ABOUT_BYTES, "%lld %s%s", n, units[i].name, n == 1 ? "" : "s");
            return out;
        }
    }
    (void)snprintf(out, ABOUT_BYTES, "less than a minute");
    return out;
}

PRINTF_LIKE(2, 3) static void say(struct forecast *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

/* What a person has to do. */
static char *remedy(const struct grant_way *way, const char *channel)
{
    const struct oauth_settings *s = oauth_settings_of(way->oauth, way->settings);

    if (!way->oauth->authorize) {
        return mem_strdup("put new credentials into the settings");
    }
    return mem_printf("run `crier keys login %s`%s",
                      channel,
                      s->client_id ? "" : " (needs client_id and client_secret)");
}

static const char *why_not(const struct grant_way *way)
{
    return way->oauth->renew && way->oauth->rotates && !way->has_vault
               ? "cannot be renewed without vault.key"
               : "cannot be renewed";
}

/* When somebody must sign in again although it is renewed; 0: never, as far as anybody said. A rotating
 * refresh token is a new one each time, so its end goes before us, unless it comes before the next renewal. */
static int64_t refresh_ends_at(const struct grant_way *way, const json_t *grant)
{
    int64_t at_ms = record_int(grant, "refresh_expires_at_ms");

    if (at_ms > 0 && way->oauth->rotates && at_ms > grant_renew_at(way, grant)) {
        return 0;
    }
    return at_ms;
}

static void say_end(struct forecast *out,
                    const struct grant_way *way,
                    const struct forecast_facts *f,
                    const char *todo)
{
    char in[ABOUT_BYTES];

    if (f->now_ms >= out->ends_at_ms) {
        out->kind = FORECAST_ENDED;
        say(out, "has expired, %s: %s", why_not(way), todo);
    } else {
        out->kind = FORECAST_ENDS;
        say(out,
            "expires in %s, %s: %s",
            about(out->ends_at_ms - f->now_ms, in),
            why_not(way),
            todo);
    }
}

static void say_renewal(struct forecast *out,
                        const struct grant_way *way,
                        const struct forecast_facts *f,
                        const char *todo)
{
    int64_t at_ms = grant_renew_at(way, f->grant);
    char in[ABOUT_BYTES];

    if (at_ms < INT64_MAX) { /* else the end of the means to renew it is no end of it */
        out->ends_at_ms = refresh_ends_at(way, f->grant);
        out->renews_at_ms = at_ms > f->now_ms ? at_ms : f->now_ms;
    }
    if (f->failing) {
        out->kind = FORECAST_FAILING;
        out->renews_at_ms = f->retry_at_ms;
        out->ends_at_ms = ends_at(f->grant);
        say(out,
            "%s (%s)",
            f->refused ? "the renewal is refused: mend the settings, or the app on the platform"
                       : "the renewal fails, and is tried again",
            f->failing);
    } else if (out->ends_at_ms > 0 && out->ends_at_ms < f->now_ms + FORECAST_EYE_MS) {
        out->kind = FORECAST_ENDS;
        say(out,
            "renewed by itself for %s more, then: %s",
            about(out->ends_at_ms - f->now_ms, in),
            todo);
    } else if (at_ms == INT64_MAX) {
        out->kind = FORECAST_LASTS;
        say(out, "does not expire, and is renewed when the platform refuses it");
    } else {
        out->kind = FORECAST_RENEWED;
        say(out, "renewed by itself, next in %s", about(out->renews_at_ms - f->now_ms, in));
    }
}

static bool needs_eye(const struct forecast *f, const struct forecast_facts *facts)
{
    switch (f->kind) {
    case FORECAST_NONE:
    case FORECAST_DEAD:
    case FORECAST_ENDED:
    case FORECAST_FAILING:
        return true;
    case FORECAST_ENDS:
        return f->ends_at_ms < facts->now_ms + FORECAST_EYE_MS;
    case FORECAST_RENEWED:
    case FORECAST_LASTS:
        return false;
    }
    return true;
}

void forecast_make(struct forecast *out,
                   const struct grant_way *way,
                   const struct forecast_facts *f)
{
    char *todo = remedy(way, f->channel);

    *out = (struct forecast){.kind = FORECAST_LASTS};
    if (f->dead) {
        out->kind = FORECAST_DEAD;
        say(out, "grant revoked: %s (%s)", todo, f->dead);
    } else if (grant_can_renew(way, f->grant, f->now_ms)) {
        say_renewal(out, way, f, todo);
    } else if (!grant_token(f->grant)) {
        out->kind = FORECAST_NONE;
        say(out, "there is no token: %s", todo);
    } else if (ends_at(f->grant) > 0) {
        out->ends_at_ms = ends_at(f->grant);
        say_end(out, way, f, todo);
    } else {
        say(out, "does not expire, as far as the platform said");
    }
    out->needs_eye = needs_eye(out, f);
    mem_free(todo);
}

void forecast_write(json_t *out, const struct forecast *f, const json_t *grant)
{
    json_set_str(out, "state", forecast_name(f->kind));
    json_set_str(out, "text", f->text);
    (void)json_object_set_new(out, "needs_attention", json_boolean(f->needs_eye));
    json_set_str(out, "who", record_str(grant, "who"));
    json_set_str(out, "scope", record_str(grant, "scope"));
    json_set_time(out, "obtained_at", record_int(grant, "obtained_at_ms"));
    json_set_time(out, "expires_at", record_int(grant, "expires_at_ms"));
    json_set_time(out, "refresh_expires_at", record_int(grant, "refresh_expires_at_ms"));
    json_set_time(out, "renews_at", f->renews_at_ms);
    json_set_time(out, "ends_at", f->ends_at_ms);
}
