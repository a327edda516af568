/* Phone numbers as WhatsApp knows them. Called when members come in and when they write to us. Pure.
 *
 * In three countries a mobile number has an older and a newer form, and WhatsApp may call a person by another
 * one than they gave: Mexico (+52 1 …), Argentina (+54 9 …), Brazil (a 9 behind the area code). */

#include "adapters/whatsapp_internal.h"

#include <stdio.h>
#include <string.h>

/* E.164: at most 15 digits; no country has numbers under 7 with its code. */
#define DIGITS_MIN 7
#define DIGITS_MAX 15

/* What people put between the digits. */
static bool is_filling(char c)
{
    return c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' || c == '/';
}

bool whatsapp__address(const char *text, char *out)
{
    size_t n = 0;

    if (*text == '+') {
        text++;
    } else if (text[0] == '0' && text[1] == '0') {
        text += 2; /* as one dials abroad */
    }
    out[n++] = '+';
    for (; *text; text++) {
        if (is_filling(*text)) {
            continue;
        }
        if (*text < '0' || *text > '9' || n > DIGITS_MAX) {
            return false;
        }
        out[n++] = *text;
    }
    out[n] = '\0';
    return n > DIGITS_MIN && out[1] != '0'; /* no country code begins with 0 */
}

static bool without(const char *address, size_t at, char *out)
{
    (void)snprintf(out, MEMBER_ADDRESS_BYTES, "%.*s%s", (int)at, address, address + at + 1);
    return true;
}

static bool with(const char *address, size_t at, char c, char *out)
{
    (void)snprintf(out, MEMBER_ADDRESS_BYTES, "%.*s%c%s", (int)at, address, c, address + at);
    return true;
}

bool whatsapp__other_address(const char *address, char *out)
{
    size_t len = strlen(address);

    if (strncmp(address, "+52", 3) == 0) {
        return len == 14 && address[3] == '1' ? without(address, 3, out)
               : len == 13                    ? with(address, 3, '1', out)
                                              : false;
    }
    if (strncmp(address, "+54", 3) == 0) {
        return len == 14 && address[3] == '9' ? without(address, 3, out)
               : len == 13                    ? with(address, 3, '9', out)
                                              : false;
    }
    if (strncmp(address, "+55", 3) == 0) {
        return len == 14 && address[5] == '9' ? without(address, 5, out)
               : len == 13                    ? with(address, 5, '9', out)
                                              : false;
    }
    return false;
}
