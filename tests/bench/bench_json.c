/* Reading the JSON of an article: json_read() beside Jansson's own parser, on the sample article with a
 * body of 3,000 bytes. Method: each reads and frees the same text again and again for half a second, in
 * turn, three times; the best of each is printed. */

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"

#define RUN_US (500 * MS_SECOND)
#define BODY_BYTES 3000

static char text[8192];

static void make_text(void)
{
    static const char words[] =
        "the council met on Tuesday and said that the bridge stays closed ";
    char body[BODY_BYTES + 1];

    for (size_t i = 0; i < BODY_BYTES; i++) {
        body[i] = words[i % (sizeof words - 1)];
    }
    body[BODY_BYTES] = '\0';
    (void)snprintf(text,
                   sizeof text,
                   "{\"id\":\"1\",\"url\":\"https://news.example/1\",\"title\":\"A title\","
                   "\"summary\":\"What happened.\",\"categories\":[\"World\"],"
                   "\"tags\":[\"a\",\"b\"],\"authors\":[\"A. Writer\"],\"body\":\"%s\"}",
                   body);
}

static void read_ours(void)
{
    json_t *v = NULL;

    must(json_read(&v, text, strlen(text), 32, NULL) == ERR_NONE);
    json_decref(v);
}

static void read_theirs(void)
{
    json_decref(json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES, NULL));
}

static double each_us(void (*read)(void))
{
    int64_t start_us = clock_mono_us(), count = 0;

    while (clock_mono_us() - start_us < RUN_US) {
        read();
        count++;
    }
    return (double)(clock_mono_us() - start_us) / (double)count;
}

int main(void)
{
    double ours = 1e9, theirs = 1e9;

    make_text();
    for (int i = 0; i < 3; i++) {
        double a = each_us(read_ours), b = each_us(read_theirs);

        ours = a < ours ? a : ours;
        theirs = b < theirs ? b : theirs;
    }
    printf("json_read %.2f us, json_loadb %.2f us\n", ours, theirs);
    return 0;
}
