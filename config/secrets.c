/* What stands outside the settings file: environment and secret files. value.c calls it before
 * it looks at a value. It owns nothing; what it reads is wiped from its own memory. Whether a
 * value may be shown is value.c's to respect. */

#include "config/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define NAME_BYTES 1024

static bool is_name(const char *name, size_t len)
{
    if (len == 0 || (name[0] >= '0' && name[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

        if (!letter && !(c >= '0' && c <= '9')) {
            return false;
        }
    }
    return true;
}

static enum err_code add_env(const char *name, struct buf *out, struct err *why)
{
    const char *value = getenv(name);

    if (value == NULL) {
        return err_set(why, ERR_NOT_FOUND, "${%s}: no such environment variable", name);
    }
    if (!text_valid(value, strlen(value))) {
        return err_set(why, ERR_INVALID, "${%s}: its value is not UTF-8", name);
    }
    buf_adds(out, value);
    return ERR_NONE;
}

/* Fills up to size bytes; the count, or -1. */
static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, to + len, size - len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static enum err_code
add_bytes(const char *path, const char *bytes, size_t len, struct buf *out, struct err *why)
{
    if (len > SECRETS_FILE_BYTES) {
        return err_set(why, ERR_TOO_BIG, "${file:%s}: larger than 64 KiB", path);
    }
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
        len--;
    }
    if (len == 0) {
        return err_set(why, ERR_INVALID, "${file:%s}: the file is empty", path);
    }
    if (!text_valid(bytes, len)) {
        return err_set(why, ERR_INVALID, "${file:%s}: the file is not UTF-8 text", path);
    }
    buf_add(out, bytes, len);
    return ERR_NONE;
}

static enum err_code add_file(const char *path, struct buf *out, struct err *why)
{
    enum err_code rc;
    char *bytes = NULL;
    struct stat st;
    ssize_t len;
    /* O_NONBLOCK: a pipe somebody named by mistake must not hold up the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return err_errno(why, "${file:%s}", path);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = err_set(why, ERR_INVALID, "${file:%s}: not a regular file", path);
        goto out;
    }
    bytes = mem_alloc(SECRETS_FILE_BYTES + 1);
    len = read_all(fd, bytes, SECRETS_FILE_BYTES + 1);
    rc = len < 0 ? err_errno(why, "${file:%s}", path)
                 : add_bytes(path, bytes, (size_t)len, out, why);
    mem_free_secret(bytes, SECRETS_FILE_BYTES + 1);
out:
    (void)close(fd);
    return rc;
}

static enum err_code
add_reference(const char *name, size_t len, struct buf *out, struct err *why)
{
    char text[NAME_BYTES];

    if (len >= sizeof(text)) {
        return err_set(why, ERR_INVALID, "${%.40s…}: the name is too long", name);
    }
    memcpy(text, name, len);
    text[len] = '\0';
    if (strncmp(text, "file:", 5) == 0 && text[5] != '\0') {
        return add_file(text + 5, out, why);
    }
    if (!is_name(text, len)) {
        return err_set(
            why,
            ERR_INVALID,
            "${%.60s} is neither ${NAME} nor ${file:PATH}; a plain ${ is written $${",
            text);
    }
    return add_env(text, out, why);
}

enum err_code
secrets_expand(const char *text, struct buf *out, bool *out_replaced, struct err *why)
{
    *out_replaced = false;
    while (*text != '\0') {
        const char *close;
        enum err_code rc;

        if (strncmp(text, "$${", 3) == 0) {
            buf_adds(out, "${");
            text += 3;
            continue;
        }
        if (strncmp(text, "${", 2) != 0) {
            buf_addc(out, *text++);
            continue;
        }
        close = strchr(text, '}');
        if (close == NULL) {
            return err_set(why, ERR_INVALID, "${ is never closed; a plain ${ is written $${");
        }
        rc = add_reference(text + 2, (size_t)(close - text) - 2, out, why);
        if (rc) {
            return rc;
        }
        *out_replaced = true;
        text = close + 1;
    }
    return buf_check(out, "value", why);
}
