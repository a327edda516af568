/* What X counts: the weights of twitter-text, configuration v3. Text is normalised first (NFC); a code
 * point weighs one or two, an emoji two however many code points it is made of. Called by the walks of
 * text.c and text_cut.c for TEXT_X_WEIGHTED, cluster by cluster: neither a composed character nor an emoji
 * reaches beyond its grapheme cluster. What X takes for a link is text_x_link.c's to say.
 *
 * An emoji here is the form of one (a pictograph, its variation selector, its skin tone, its tags, more of
 * them behind joiners; a keycap; a flag of a country there is), not a row of the vendor's list: of a
 * sequence that no font knows, X counts the parts and we count one. */

#include "base/text.h"

#include <string.h>

#include <utf8proc.h>

#include "base/text_internal.h"

#define EMOJI_WEIGHT 2
#define JOINER 0x200D
#define TEXT_STYLE 0xFE0E
#define EMOJI_STYLE 0xFE0F
#define KEYCAP 0x20E3
#define REGION_A 0x1F1E6
/* Longer clusters are no text; what there is of them is weighed as it stands. */
#define CLUSTER_MAX 64

/* Flags there are: ISO 3166-1, and what Unicode has beside it (Ascension to the United Nations). */
static const char flags[] = "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF "
                            "BG BH BI BJ BL BM BN BO BQ "
                            "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CR CU "
                            "CV CW CX CY CZ DE DG DJ DK "
                            "DM DO DZ EA EC EE EG EH ER ES ET EU FI FJ FK FM FO FR GA GB GD GE "
                            "GF GG GH GI GL GM GN GP GQ "
                            "GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE IL IM IN IO IQ IR IS "
                            "IT JE JM JO JP KE KG KH KI "
                            "KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME "
                            "MF MG MH MK ML MM MN MO MP "
                            "MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ "
                            "OM PA PE PF PG PH PK PL PM "
                            "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK "
                            "SL SM SN SO SR SS ST SV SX "
                            "SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM "
                            "UN US UY UZ VA VC VE VG VI "
                            "VN VU WF WS XK YE YT ZA ZM ZW ";

/* Ranges of weight 100 in a scale of 100 (config/v3.json); all else is 200. */
static size_t weight(int32_t c)
{
    return c <= 4351 || (c >= 8192 && c <= 8205) || (c >= 8208 && c <= 8223) ||
                   (c >= 8242 && c <= 8247)
               ? 1
               : 2;
}

static bool is_pictograph(int32_t c)
{
    return c >= 0xA9 &&
           utf8proc_get_property(c)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool is_tag(int32_t c)
{
    return c >= 0xE0020 && c <= 0xE007F;
}

static bool is_skin_tone(int32_t c)
{
    return c >= 0x1F3FB && c <= 0x1F3FF;
}

static size_t keycap_length(const int32_t *c, size_t n)
{
    size_t at = n > 1 && c[1] == EMOJI_STYLE ? 2 : 1;

    return ((c[0] >= '0' && c[0] <= '9') || c[0] == '#' || c[0] == '*') && n > at &&
                   c[at] == KEYCAP
               ? at + 1
               : 0;
}

static size_t flag_length(const int32_t *c, size_t n)
{
    char name[4] = {0};

    if (n < 2 || c[0] < REGION_A || c[0] > REGION_A + 25 || c[1] < REGION_A ||
        c[1] > REGION_A + 25) {
        return 0;
    }
    name[0] = (char)('A' + (c[0] - REGION_A));
    name[1] = (char)('A' + (c[1] - REGION_A));
    name[2] = ' ';
    for (const char *at = flags; (at = strstr(at, name)) != NULL; at++) {
        if ((at - flags) % 3 == 0) {
            return 2;
        }
    }
    return 0;
}

/* One pictograph with what belongs to it; 0: none. */
static size_t pictograph_length(const int32_t *c, size_t n)
{
    size_t at = 1;

    if (n == 0 || !is_pictograph(c[0]) || (n > 1 && c[1] == TEXT_STYLE)) {
        return 0;
    }
    if (n > at && (c[at] == EMOJI_STYLE || is_skin_tone(c[at]))) {
        at++;
    } else if (c[0] < 0x100) {
        return 0; /* (c) and (R) are letters until they are told otherwise */
    }
    while (n > at && is_tag(c[at])) {
        at++;
    }
    return at;
}

static size_t emoji_length(const int32_t *c, size_t n)
{
    size_t len = keycap_length(c, n), more;

    if (len == 0) {
        len = flag_length(c, n);
    }
    if (len > 0) {
        return len;
    }
    len = pictograph_length(c, n);
    while (len > 0 && n > len && c[len] == JOINER &&
           (more = pictograph_length(c + len + 1, n - len - 1)) > 0) {
        len += 1 + more;
    }
    return len;
}

static size_t weigh(const int32_t *c, size_t n)
{
    size_t units = 0, emoji;

    for (size_t i = 0; i<n; i += emoji> 0 ? emoji : 1) {
        emoji = emoji_length(c + i, n - i);
        units += emoji > 0 ? EMOJI_WEIGHT : weight(c[i]);
    }
    return units;
}

static size_t weigh_raw(const char *text, size_t len)
{
    size_t units = 0;

    for (size_t pos = 0, next; pos < len; pos = next) {
        units += weight(text__code_point(text, len, pos, &next));
    }
    return units;
}

size_t text__x_cost(const char *text, size_t len)
{
    int32_t c[CLUSTER_MAX];
    utf8proc_ssize_t n;

    if (len == 1) {
        return 1;
    }
    n = utf8proc_decompose((const utf8proc_uint8_t *)text,
                           (utf8proc_ssize_t)len,
                           c,
                           CLUSTER_MAX,
                           UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n > 0 && n <= CLUSTER_MAX) {
        n = utf8proc_normalize_utf32(c, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    }
    return n > 0 && n <= CLUSTER_MAX ? weigh(c, (size_t)n) : weigh_raw(text, len);
}
