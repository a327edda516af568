/* The labels of character sets, as the WHATWG Encoding Standard (encoding.spec.whatwg.org, section
 * 4.2) lists them, and where others write them: a Content-Type header and an XML declaration. Called
 * by charset.c. */

#include "sources/charset_internal.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"

/* clang-format off */
/* `iconv` is what glibc calls it: the larger set where the standard means that (gbk is read as GB18030,
 * shift_jis as Microsoft has it). NULL: decoded here. Labels the standard replaces by nothing (hz,
 * iso-2022-kr: a way to smuggle markup) are left out. */
static const struct charset_row rows[] = {
    {"utf-8", NULL, "unicode-1-1-utf-8 utf-8 utf8"},
    {"windows-1252", NULL, "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 "
                           "iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252"},
    {"utf-16be", NULL, "utf-16be"},
    {"utf-16le", NULL, "utf-16 utf-16le"},
    {"ibm866", "IBM866", "866 cp866 csibm866 ibm866"},
    {"iso-8859-2", "ISO-8859-2", "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"},
    {"iso-8859-3", "ISO-8859-3", "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"},
    {"iso-8859-4", "ISO-8859-4", "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"},
    {"iso-8859-5", "ISO-8859-5", "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988"},
    {"iso-8859-6", "ISO-8859-6", "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
                                 "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"},
    {"iso-8859-7", "ISO-8859-7", "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 "
                                 "iso_8859-7 iso_8859-7:1987 sun_eu_greek"},
    {"iso-8859-8", "ISO-8859-8", "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 "
                                 "iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical"},
    {"iso-8859-10", "ISO-8859-10", "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6"},
    {"iso-8859-13", "ISO-8859-13", "iso-8859-13 iso8859-13 iso885913"},
    {"iso-8859-14", "ISO-8859-14", "iso-8859-14 iso8859-14 iso885914"},
    {"iso-8859-15", "ISO-8859-15", "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9"},
    {"iso-8859-16", "ISO-8859-16", "iso-8859-16"},
    {"koi8-r", "KOI8-R", "cskoi8r koi koi8 koi8-r koi8_r"},
    {"koi8-u", "KOI8-U", "koi8-ru koi8-u"},
    {"macintosh", "MACINTOSH", "csmacintosh mac macintosh x-mac-roman"},
    {"windows-874", "CP874", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"},
    {"windows-1250", "CP1250", "cp1250 windows-1250 x-cp1250"},
    {"windows-1251", "CP1251", "cp1251 windows-1251 x-cp1251"},
    {"windows-1253", "CP1253", "cp1253 windows-1253 x-cp1253"},
    {"windows-1254", "CP1254", "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 "
                               "latin5 windows-1254 x-cp1254"},
    {"windows-1255", "CP1255", "cp1255 windows-1255 x-cp1255"},
    {"windows-1256", "CP1256", "cp1256 windows-1256 x-cp1256"},
    {"windows-1257", "CP1257", "cp1257 windows-1257 x-cp1257"},
    {"windows-1258", "CP1258", "cp1258 windows-1258 x-cp1258"},
    {"x-mac-cyrillic", "MAC-CYRILLIC", "x-mac-cyrillic x-mac-ukrainian"},
    {"gbk", "GB18030", "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk"},
    {"gb18030", "GB18030", "gb18030"},
    {"big5", "BIG5-HKSCS", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"},
    {"euc-jp", "EUC-JP-MS", "cseucpkdfmtjapanese euc-jp x-euc-jp"},
    {"iso-2022-jp", "ISO-2022-JP", "csiso2022jp iso-2022-jp"},
    {"shift_jis", "CP932", "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis"},
    {"euc-kr", "CP949", "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"},
};
/* clang-format on */

static bool listed(const char *labels, const char *label, size_t len)
{
    while (*labels != '\0') {
        size_t word = strcspn(labels, " ");

        if (word == len && strncasecmp(labels, label, len) == 0) {
            return true;
        }
        labels += word + strspn(labels + word, " ");
    }
    return false;
}

static bool is_around(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '"' ||
           c == '\'';
}

const struct charset_row *charset__row(const char *label, size_t len)
{
    for (; len > 0 && is_around(label[0]); label++) {
        len--;
    }
    while (len > 0 && is_around(label[len - 1])) {
        len--;
    }
    for (size_t i = 0; len > 0 && i < ARRAY_LEN(rows); i++) {
        if (listed(rows[i].labels, label, len)) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *charset_by_label(const char *label, size_t len)
{
    const struct charset_row *row = charset__row(label, len);

    return row ? row->name : NULL;
}

const struct charset_row *charset__of_header(const char *content_type, bool *out_by_default)
{
    static const char name[] = "charset=";
    const char *at = content_type;

    *out_by_default = false;
    while (at && (at = strchr(at, ';')) != NULL) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, sizeof name - 1) == 0) {
            const char *label = at + sizeof name - 1;
            const struct charset_row *row = charset__row(label, strcspn(label, ";,"));

            *out_by_default = row == charset__row("iso-8859-1", strlen("iso-8859-1")) &&
                              strncasecmp(label + strspn(label, " \t\"'"), "windows", 7) != 0;
            return row;
        }
    }
    return NULL;
}

/* The value behind name= in [at, end). */
static const struct charset_row *value_of(const char *at, const char *end)
{
    while (at < end && (is_around(*at) || *at == '=') && *at != '"' && *at != '\'') {
        at++;
    }
    if (at == end || (*at != '"' && *at != '\'')) {
        return NULL;
    }
    const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
    return close ? charset__row(at + 1, (size_t)(close - at - 1)) : NULL;
}

const struct charset_row *charset__of_declaration(const char *text, size_t len)
{
    static const char open[] = "<?xml", name[] = "encoding";
    const char *at = memmem(text, len, open, sizeof open - 1);
    const char *end = at ? memchr(at, '>', len - (size_t)(at - text)) : NULL;

    if (!end) {
        return NULL;
    }
    at = memmem(at, (size_t)(end - at), name, sizeof name - 1);
    return at ? value_of(at + sizeof name - 1, end) : NULL;
}
