/* Addresses of people and of mail servers, as settings have them. What is accepted can stand in a mail's
 * envelope and head as it is: ASCII, one @, no blank, no bracket, nothing that ends a line. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "adapters/email_internal.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mailbox(const char *text)
{
    struct email_mailbox m, again;
    struct err why = {.code = ERR_NONE};

    if (email__mailbox_read(&m, "to", text, &why)) {
        must(why.code == ERR_INVALID && strncmp(why.text, "to: ", 4) == 0);
        email__mailbox_done(&m);
        return;
    }
    must(strlen(m.address) <= 254 && strcasecmp(m.address, m.key) == 0);
    must(strchr(m.address, '@') == strrchr(m.address, '@') && strchr(m.address, '@') != NULL);
    for (const char *c = m.address; *c != '\0'; c++) {
        must(*c > ' ' && *c < 0x7f && strchr("<>()[],;:\\\"", *c) == NULL);
    }
    must(email__is_domain(email__domain(&m), strlen(email__domain(&m))));
    must(strstr(text, m.display) != NULL);
    must(email__mailbox_read(&again, "to", m.address, NULL) == ERR_NONE);
    must(strcmp(again.address, m.address) == 0 && again.display[0] == '\0');
    email__mailbox_done(&again);
    email__mailbox_done(&m);
}

static void check_server(const char *text)
{
    struct email_server server, again;
    char *back;

    if (!email__server_read(&server, text)) {
        return;
    }
    must(server.host == text && server.host_len > 0 && server.host_len <= strlen(text));
    must(server.port >= 0 && server.port <= 65535);
    (void)email__server_is_loopback(&server);
    back = mem_printf(
        "%.*s:%d", (int)server.host_len, server.host, server.port ? server.port : 25);
    must(strpbrk(back, " \t\r\n/@?#") == NULL);
    must(email__server_read(&again, back) && again.host_len == server.host_len);
    mem_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);

    check_mailbox(text);
    check_server(text);
    mem_free(text);
    must(mem_live_count() == 0);
    return 0;
}
