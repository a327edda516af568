/* What one message to a browser costs before it is sent: made from a prepared pair of keys, made without one, and the
 * preparing itself. Method: each is done over and over for a tenth of a second, in turn, five times, by the processor
 * time of the thread; the best of each is printed. The message is of 700 bytes, as a headline with a summary and two
 * addresses is. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapters/push.h"
#include "adapters/webpush_internal.h"
#include "base/attr.h"
#include "base/mem.h"

#define RUN_US 100000
#define ROUNDS 5
#define TEXT_BYTES 700

static char key_text[] = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
static char subject[] = "mailto:push@news.example";
static char text[TEXT_BYTES];

static const struct push *push;
static struct push_plan plan;
static struct member member;
static struct buf path, body;
static uint8_t pair[256];

static int64_t cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void compose(void)
{
    const struct member *one = &member;

    buf_clear(&path);
    buf_clear(&body);
    must(push->compose(&plan, &one, 1, &path, &body, NULL) == ERR_NONE);
}

static void compose_prepared(void)
{
    member.prepared = pair;
    compose();
}

static void compose_unprepared(void)
{
    member.prepared = NULL;
    compose();
}

static void prepare(void)
{
    must(push->prepare(&member, pair));
}

static double each_us(void (*run)(void))
{
    int64_t start_us = cpu_us(), count = 0, us;

    do {
        for (int i = 0; i < 100; i++) {
            run();
        }
        count += 100;
        us = cpu_us() - start_us;
    } while (us < RUN_US);
    return (double)us / (double)count;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } rows[] = {{"prepare", prepare},
                {"compose, prepared", compose_prepared},
                {"compose, unprepared", compose_unprepared}};
    struct webpush_settings settings = {.subject = subject};
    double best[ARRAY_LEN(rows)] = {0};

    push = webpush__audience.push;
    member = *webpush__audience.sample;
    memset(text, 'x', sizeof text);
    settings.key.text = key_text;
    settings.key.len = strlen(key_text);
    must(webpush__keys_init(&plan.keys, &settings, NULL) == ERR_NONE);
    plan.settings = &settings;
    plan.payload = text;
    plan.payload_len = sizeof text;
    must(push->prepared_bytes <= sizeof pair);
    buf_init(&path, 8192);
    buf_init(&body, 8192);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            double us = each_us(rows[i].run);

            best[i] = best[i] == 0 || us < best[i] ? us : best[i];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)printf(
            "%-20s %8.2f us  %10.0f /s on a core\n", rows[i].name, best[i], 1e6 / best[i]);
    }
    webpush__keys_done(&plan.keys);
    buf_done(&path);
    buf_done(&body);
    return 0;
}
