#ifndef CRIER_SERVICE_MEMBER_FORMATS_H
#define CRIER_SERVICE_MEMBER_FORMATS_H

/* Files of subscriptions as others write them, read bit by bit and handed on one by one, each as the JSON object
 * that POST /v1/channels/{name}/members takes; and the way back. Files of any length take the same memory.
 *
 *   ndjson     our own: an object a line, or a list of them, with everything that is known of each
 *   web-push   what browsers give (PushSubscription.toJSON()), and what libraries of the name web-push keep: an
 *              object a line, or a list
 *   onesignal  CSV as OneSignal exports it; columns by their names, in any order: identifier (or token, endpoint),
 *              web_p256, web_auth, language, created_at, invalid_identifier …
 *   firebase   tokens: one a line; CSV with such a column; or JSON of any shape, in which the tokens are found by
 *              the names that people give them, and by what they look like */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum member_format { MEMBERS_NDJSON, MEMBERS_WEB_PUSH, MEMBERS_ONESIGNAL, MEMBERS_FIREBASE };
bool member_format_parse(const char *name, enum member_format *out);
#define MEMBER_FORMATS "ndjson, web-push, onesignal, firebase"

struct member_reading;
/* line: in the file, from 1. json: one object, without a line break; NULL: it cannot be one, and why. False: no
 * more. */
typedef bool
member_item_fn(void *context, size_t line, const char *json, size_t len, const char *why);

struct member_reading *
member_reading_new(enum member_format format, member_item_fn *item, void *context);
void member_reading_free(struct member_reading *m);
/* False: it was told to stop. */
bool member_reading_push(struct member_reading *m, const char *bytes, size_t len);
bool member_reading_end(struct member_reading *m);

/* One member, as our API gives it, in another format, appended; "" for one that the format cannot have. first:
 * nothing came before. Then the end, which may be needed also when there was none. */
void member_format_put(
    struct buf *out, enum member_format format, const char *json, size_t len, bool first);
void member_format_end(struct buf *out, enum member_format format, bool first);

#endif
