/* The scales of urgency and what their numbers mean on the IPTC's. Called by the rules and by who
 * explains them. Owns nothing but the table.
 *
 * Sources: spec.tt.se/spec/prio/1.0 (IPTC and TT), superdesk/superdesk-core (Priority of its items;
 * AP's urgencies in ap_media.py). A level is put where the IPTC has the same word or the same
 * place: urgent stays above important, what is usual becomes 5, what can wait less. */

#include "config/urgency.h"

#include <stddef.h>

#include "base/attr.h"

enum { SCALE_IPTC, SCALE_TT, SCALE_AP, SCALE_SUPERDESK, SCALE_COUNT };

/* clang-format off */
const char *const urgency_scale_names[] = {
    [SCALE_IPTC] = "iptc", [SCALE_TT] = "tt", [SCALE_AP] = "ap", [SCALE_SUPERDESK] = "superdesk",
    [SCALE_COUNT] = NULL,
};

static const struct urgency_scale scales[] = {
    [SCALE_IPTC] = {"iptc", {[1] = {1, NULL}, {2, NULL}, {3, NULL}, {4, NULL}, {5, NULL}, {6, NULL},
                             {7, NULL}, {8, NULL}, {9, NULL}}},
    [SCALE_TT] = {"tt", {[1] = {1, "Flash"}, {2, "Brådskande"}, {3, "Viktigt"}, {5, "Standard"},
                         {6, "requested repeat"}}},
    [SCALE_AP] = {"ap", {[1] = {1, "Flash"}, {2, "Bulletin"}, {3, "Urgent"}, {5, "Routine"},
                         {6, "Daily"}, {7, "Release at will"}, {8, "Weekday advance"},
                         {8, "Weekend advance"}}},
    [SCALE_SUPERDESK] = {"superdesk", {[1] = {1, "Flash"}, {2, "Urgent"}, {3, "Three paragraphs"},
                         {4, "Screen finance"}, {5, "Continuous news"}, {5, "Ordinary"}}},
};
/* clang-format on */

const struct urgency_scale *urgency_scale_at(int scale)
{
    must(scale >= 0 && scale < SCALE_COUNT);
    return &scales[scale];
}

static const struct urgency_level *level_of(const struct urgency_scale *scale, int urgency)
{
    scale = scale != NULL ? scale : &scales[SCALE_IPTC];
    return urgency > 0 && urgency <= URGENCY_MAX ? &scale->levels[urgency] : &scale->levels[0];
}

int urgency_iptc(const struct urgency_scale *scale, int urgency)
{
    return level_of(scale, urgency)->iptc;
}

void urgency_describe(const struct urgency_scale *scale, int urgency, struct buf *out)
{
    const struct urgency_level *level = level_of(scale, urgency);

    if (urgency <= 0) {
        buf_adds(out, "none");
    } else if (level->iptc == 0) {
        buf_addf(out,
                 "none on the %s scale (%d)",
                 scale != NULL ? scale->name : scales[SCALE_IPTC].name,
                 urgency);
    } else if (level->name == NULL) {
        buf_addf(out, "%d", level->iptc);
    } else {
        buf_addf(out, "%d (%s %d, %s)", level->iptc, scale->name, urgency, level->name);
    }
}
