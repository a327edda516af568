/* Words of dates: months in a dozen languages, zones, halves of the day, units of Asian dates, and words
 * that say nothing. Called by feed_date.c. */

#include "sources/feed_date_internal.h"

#include <string.h>

#include "base/attr.h"

/* clang-format off */
/* One row a month: names in full, of which three letters or more stand for the whole, as people
 * abbreviate. English, German, French, Spanish, Italian, Portuguese, Dutch, Nordic, Hungarian, Polish,
 * Turkish, Russian, Greek. Where the beginning would be another month's, the short form stands in its
 * own right. */
static const char *const months[12] = {
    "january januar jänner janvier enero gennaio janeiro januari január stycznia ocak января ιανουαρίου",
    "february februar feber février fevrier febrero febbraio fevereiro februari február febr lutego şubat subat февраля φεβρουαρίου",
    "march märz maerz mrz mars marzo março marco maart mrt marts március marca mart марта μαρτίου",
    "april avril abril aprile április kwietnia nisan апреля απριλίου",
    "may mai mayo maggio maio mei maj május maja mayıs mayis мая май μαΐου μάιος μαϊ μάι",
    "june juni juin junio giugno junho június jún czerwca haziran июня ιουνίου ιούν",
    "july juli juillet julio luglio julho július júl lipca temmuz июля ιουλίου ιούλ",
    "august août aout agosto augustus augusti augusztus sierpnia ağustos agustos августа αυγούστου αύγ",
    "september septembre septiembre setiembre settembre setembro szeptember września wrzesnia eylül eylul сентября σεπτεμβρίου",
    "october oktober octobre octubre ottobre outubro október października pazdziernika ekim октября οκτωβρίου",
    "november novembre noviembre novembro listopada kasım kasim ноября νοεμβρίου",
    "december dezember décembre diciembre dicembre dezembro desember grudnia aralık aralik декабря δεκεμβρίου",
};
static const struct { const char *name; int minutes; } zones[] = {
    {"gmt", 0}, {"utc", 0}, {"ut", 0}, {"z", 0}, {"zulu", 0}, {"wet", 0},
    {"est", -300}, {"edt", -240}, {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360},
    {"pst", -480}, {"pdt", -420}, {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"ast", -240}, {"adt", -180},
    {"nst", -210}, {"ndt", -150}, {"brt", -180}, {"art", -180},
    {"bst", 60}, {"west", 60}, {"cet", 60}, {"mez", 60}, {"met", 60}, {"cest", 120}, {"mesz", 120},
    {"mest", 120}, {"eet", 120}, {"sast", 120}, {"eest", 180}, {"msk", 180}, {"trt", 180}, {"pkt", 300},
    {"ist", 330}, {"wib", 420}, {"ict", 420}, {"hkt", 480}, {"sgt", 480}, {"awst", 480}, {"jst", 540},
    {"kst", 540}, {"acst", 570}, {"aest", 600}, {"acdt", 630}, {"aedt", 660}, {"nzst", 720}, {"nzdt", 780},
};
static const struct { const char *names; enum date_word word; } others[] = {
    {"am 오전 午前 上午 πμ", WORD_AM},
    {"pm 오후 午後 下午 μμ", WORD_PM},
    {"年 년", WORD_YEAR}, {"月 월", WORD_MONTH_UNIT}, {"日 일", WORD_DAY},
    {"時 时 点 시 h uhr", WORD_HOUR}, {"分 분", WORD_MINUTE}, {"秒 초", WORD_SECOND},
    {"st nd rd th er º ª the of at on de del di den le um kl klo à às a las o um godz saat "
     "mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday "
     "hétfő kedd szerda csütörtök péntek szombat vasárnap г в", WORD_FILLER},
};
/* clang-format on */

/* Which of the names, between blanks, the word is: 2 the whole of one, 1 the beginning of one, 0 none. */
static int rank(const char *names, const char *word, size_t len)
{
    int best = 0;

    for (const char *at = names; at && best < 2; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (at[0] == word[0] && strncmp(at, word, len) == 0) {
            best = at[len] == ' ' || at[len] == '\0' ? 2 : 1;
        }
    }
    return best;
}

static size_t letters(const char *word, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        n += ((unsigned char)word[i] & 0xC0) != 0x80;
    }
    return n;
}

/* A whole name goes before the beginning of another. */
static int month_of(const char *word, size_t len)
{
    int found = 0;

    for (size_t i = 0; i < ARRAY_LEN(months); i++) {
        int how = rank(months[i], word, len);

        if (how == 2) {
            return (int)i + 1;
        }
        found = how == 1 && found == 0 ? (int)i + 1 : found;
    }
    return letters(word, len) >= 3 ? found : 0;
}

static bool find_zone(const char *word, size_t len, int *out_minutes)
{
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        if (zones[i].name[0] == word[0] && strlen(zones[i].name) == len &&
            memcmp(zones[i].name, word, len) == 0) {
            *out_minutes = zones[i].minutes;
            return true;
        }
    }
    return false;
}

/* The words of RFC 822, which nearly every feed uses: looked at before all the others. */
static enum date_word common_word(const char *word, size_t len, int *out_value)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdecmontuewedthufrisatsun";

    for (int i = 0; len == 3 && i < 19; i++) {
        if (memcmp(names + (size_t)i * 3, word, 3) == 0) {
            *out_value = i < 12 ? i + 1 : 0;
            return i < 12 ? WORD_MONTH : WORD_FILLER;
        }
    }
    return find_zone(word, len, out_value) ? WORD_ZONE : WORD_UNKNOWN;
}

enum date_word date__word(const char *word, size_t len, int *out_value)
{
    enum date_word common = len > 0 ? common_word(word, len, out_value) : WORD_FILLER;

    if (common != WORD_UNKNOWN) {
        return common;
    }
    *out_value = month_of(word, len);
    if (*out_value > 0) {
        return WORD_MONTH;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (rank(others[i].names, word, len) == 2) {
            return others[i].word;
        }
    }
    return WORD_UNKNOWN;
}

/* A letter of two bytes in UTF-8: Latin-1, Greek, Cyrillic. */
static unsigned lower(unsigned c)
{
    static const unsigned accented[][2] = {
        {0x386, 0x3AC}, {0x388, 0x3AD}, {0x389, 0x3AE}, {0x38A, 0x3AF}, {0x38C, 0x3CC}};

    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) ||
        (c >= 0x410 && c <= 0x42F)) {
        return c + 0x20;
    }
    for (size_t i = 0; i < ARRAY_LEN(accented); i++) {
        c = c == accented[i][0] ? accented[i][1] : c;
    }
    return c == 0x15E || c == 0x11E || c == 0x15A ? c + 1 : c; /* Ş Ğ Ś */
}

size_t date__fold(const char *word, size_t len, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n + 2 < size; i++) {
        unsigned char c = (unsigned char)word[i];

        if ((c & 0xE0) == 0xC0 && i + 1 < len) {
            unsigned both = lower((c & 0x1FU) << 6 | ((unsigned char)word[++i] & 0x3FU));

            out[n++] = (char)(0xC0 | both >> 6);
            out[n++] = (char)(0x80 | (both & 0x3F));
        } else if (c != '.') {
            out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 0x20) : (char)c;
        }
    }
    return n;
}
