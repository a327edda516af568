#ifndef CRIER_TESTS_SUPPORT_CALL_KIT_H
#define CRIER_TESTS_SUPPORT_CALL_KIT_H

/* A call of a hook, made of text: headers as lines "Name: value", the query as lines "name=value". */

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "sources/source.h"

struct call_kit {
    const char *headers, *query; /* NULL: none */
    struct strings kept;         /* what was handed out */
};

static inline const char *
call_kit_line(struct call_kit *kit, const char *text, const char *name, char sign)
{
    size_t len = strlen(name);

    while (text != NULL && *text != '\0') {
        size_t line = strcspn(text, "\n");

        if (line > len && strncasecmp(text, name, len) == 0 && text[len] == sign) {
            size_t blank = strspn(text + len + 1, " ");
            char *value = mem_strndup(text + len + 1 + blank, line - len - 1 - blank);

            kit->kept.v = mem_realloc(kit->kept.v, kit->kept.count + 1, sizeof(char *));
            kit->kept.v[kit->kept.count++] = value;
            return value;
        }
        text += line + (text[line] == '\n' ? 1 : 0);
    }
    return NULL;
}

static inline struct call_kit *call_kit_of(const void *context)
{
    union {
        const void *in;
        struct call_kit *out;
    } u = {.in = context};

    return u.out;
}

static inline const char *call_kit_header(const void *context, const char *name)
{
    struct call_kit *kit = call_kit_of(context);

    return call_kit_line(kit, kit->headers, name, ':');
}

static inline const char *call_kit_query(const void *context, const char *name)
{
    struct call_kit *kit = call_kit_of(context);

    return call_kit_line(kit, kit->query, name, '=');
}

static inline struct source_call
call_kit_call(struct call_kit *kit, const char *body, size_t len, int64_t now_ms)
{
    return (struct source_call){.method = "POST",
                                .target = "/hook",
                                .body = body,
                                .body_len = len,
                                .header = call_kit_header,
                                .query = call_kit_query,
                                .context = kit,
                                .now_ms = now_ms};
}

static inline void call_kit_done(struct call_kit *kit)
{
    strings_done(&kit->kept);
}

#endif
