/* What strangers send to the readers' door, and what imports bring, behind its JSON: an endpoint, an Origin, a wish, a
 * member. What is taken is what it seems: a wish has topics of the channel and hours of a day, an endpoint a public
 * name, an origin is itself. The input: a line that is an origin or an endpoint, then JSON. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/zone.h"
#include "service/push_door_internal.h"
#include "service/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 8
#define DAY_MINUTES 1440

static char channel_name[] = "web", sport[] = "sport", breaking[] = "breaking";
static struct pair both[] = {{breaking, breaking}, {sport, sport}};

static void check_line(const char *line)
{
    char host[PUSH_HOST_BYTES];

    if (!push__endpoint_wrong(line, false, host)) {
        must(strchr(host, '.') && !strpbrk(host, "[]:/@?#% "));
        must(strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(host));
    }
    if (push__same_origin("https://news.example/x", line)) {
        must(strncasecmp(line, "https://news.example", 20) == 0 && !strpbrk(line + 8, "/@?#"));
    }
}

static void check_wish(const json_t *given)
{
    struct channel_settings channel = {.name = channel_name, .audience.topics = {both, 2}};
    struct topics *topics = topics_new(NULL);
    struct member_traits traits = {.topics = MEMBER_TOPICS_ALL};
    struct push_wish w;
    struct err why = {0};

    topics_set(topics, "web", "breaking", 1);
    topics_set(topics, "web", "sport", 2);
    if (push_wish_read(&w, topics, &channel, given, &why) == ERR_NONE) {
        json_t *told = json_object();

        (void)push_wish_apply(&w, &traits);
        must(traits.topics == MEMBER_TOPICS_ALL || (traits.topics & ~INT64_C(3)) == 0);
        must(traits.topics != 0 && !traits.test);
        must(traits.quiet_from >= 0 && traits.quiet_from < DAY_MINUTES);
        must(traits.quiet_to >= 0 && traits.quiet_to < DAY_MINUTES);
        push_wish_tell(told, topics, &channel, &traits, w.zone, w.language);
        json_decref(told);
    }
    push_wish_done(&w);
    topics_free(topics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;
    char *line = mem_strndup(size ? (const char *)data : "", len);
    json_t *given = NULL;

    check_line(line);
    if (end && !json_read(&given, (const char *)end + 1, size - len - 1, DEPTH, NULL)) {
        check_wish(given);
        json_decref(given);
    }
    mem_free(line);
    zone_forget();
    must(mem_live_count() == 0);
    return 0;
}
