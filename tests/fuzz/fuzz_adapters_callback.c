/* What comes to /callbacks/{channel} with a good signature, and addresses of members: a line that is taken for
 * an address, the rest for the body of a webhook. An address that is taken is itself when it is taken again;
 * whatever a body says, what is made of it is text, and fits. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "adapters/whatsapp_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char number[] = "106540352242922";
static const struct whatsapp_settings settings = {.phone_number_id = number};

static void check_address(const char *text)
{
    char address[MEMBER_ADDRESS_BYTES], again[MEMBER_ADDRESS_BYTES];

    if (!whatsapp__address(text, address)) {
        return;
    }
    must(address[0] == '+' && strspn(address + 1, "0123456789") + 1 == strlen(address));
    must(whatsapp__address(address, again) && strcmp(address, again) == 0);
    if (whatsapp__other_address(address, again)) {
        must(strcmp(address, again) != 0);
        must(whatsapp__address(again, address) && strcmp(address, again) == 0);
    }
    member_mask(again, address);
    must(strstr(again, address + 1) == NULL);
}

static void check_news(const struct member_news *n)
{
    char delivery[32];
    uint64_t member;

    must(memchr(n->name, 0, sizeof n->name) && memchr(n->detail, 0, sizeof n->detail));
    if (n->kind == NEWS_STATUS) {
        (void)member_name_read(n->name, delivery, &member);
    } else {
        must(n->address[0] == '+');
        check_address(n->address);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct audience_call call = {.signature = NULL};
    struct member_news_list list;
    size_t len;
    char *address = input_until_dup(&in, '\n', &len);

    if (text_valid(address, len)) {
        check_address(address);
    }
    call.body = (const char *)in.at;
    call.body_len = in.left;
    if (in.left > 0 && whatsapp__read_hook(&settings, &call, &list)) {
        for (size_t i = 0; i < list.count; i++) {
            check_news(&list.v[i]);
        }
        mem_free(list.v);
    }
    mem_free(address);
    return 0;
}
