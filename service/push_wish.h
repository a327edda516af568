#ifndef CRIER_SERVICE_PUSH_WISH_H
#define CRIER_SERVICE_PUSH_WISH_H

/* What a member of an audience wants, beside being one, as readers' browsers and imports say it in JSON. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/member.h"
#include "config/config.h"

struct topics;

struct push_wish { /* what is not given is to stay as it is */
    bool has_topics, has_quiet;
    int64_t topics;
    int quiet_from, quiet_to;
    char *zone, *language; /* NULL: not given; mem_free() */
};
/* ERR_INVALID: why says what was expected. It is to be freed either way. A zone or language that is none is left
 * out: readers cannot mend what their browser says. */
MUST_USE enum err_code push_wish_read(struct push_wish *w,
                                      const struct topics *topics,
                                      const struct channel_settings *channel,
                                      const json_t *given,
                                      struct err *why);
void push_wish_done(struct push_wish *w);
/* Over what there was; true when that changed it. */
bool push_wish_apply(const struct push_wish *w, struct member_traits *traits);
/* {"topics": […] or null, "quiet": {…} or null, "zone", "language"} for an object that is given. */
void push_wish_tell(json_t *out,
                    const struct topics *topics,
                    const struct channel_settings *channel,
                    const struct member_traits *traits,
                    const char *zone,
                    const char *language);

#endif
