/* What stands outside the settings file: environment, secret files and the
 * credentials a service manager hands in. value.c calls it before
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

/* reference: as it stands between the braces, for messages. */
static enum err_code add_bytes(
    const char *reference, const char *bytes, size_t len, struct buf *out, struct err *why)
{
    if (len > SECRETS_FILE_BYTES) {
        return err_set(why, ERR_TOO_BIG, "${%s}: larger than 64 KiB", reference);
    }
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
        len--;
    }
    if (len == 0) {
        return err_set(why, ERR_INVALID, "${%s}: the file is empty", reference);
    }
    if (!text_valid(bytes, len)) {
        return err_set(why, ERR_INVALID, "${%s}: the file is not UTF-8 text", reference);
    }
    buf_add(out, bytes, len);
    return ERR_NONE;
}

/* fd is taken. */
static enum err_code
add_open_file(const char *reference, int fd, struct buf *out, struct err *why)
{
    enum err_code rc;
    char *bytes = NULL;
    struct stat st;
    ssize_t len;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = err_set(why, ERR_INVALID, "${%s}: not a regular file", reference);
        goto out;
    }
    bytes = mem_alloc(SECRETS_FILE_BYTES + 1);
    len = read_all(fd, bytes, SECRETS_FILE_BYTES + 1);
    rc = len < 0 ? err_errno(why, "${%s}", reference)
                 : add_bytes(reference, bytes, (size_t)len, out, why);
    mem_free_secret(bytes, SECRETS_FILE_BYTES + 1);
out:
    (void)close(fd);
    return rc;
}

/* O_NONBLOCK: a pipe somebody named by mistake must not hold up the start. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK)

static enum err_code
add_file(const char *reference, const char *path, struct buf *out, struct err *why)
{
    int fd = open(path, OPEN_FLAGS);

    return fd < 0 ? err_errno(why, "${%s}", reference) : add_open_file(reference, fd, out, why);
}

/* Where the service manager puts credentials (systemd.exec(5), LoadCredential=). */
static enum err_code open_credentials(const char *reference, int *out_fd, struct err *why)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    int fd;

    if (folder == NULL || folder[0] == '\0') {
        return err_set(
            why,
            ERR_NOT_FOUND,
            "${%s}: CREDENTIALS_DIRECTORY is not set; systemd sets it for the service "
            "(LoadCredential=), by hand it is /run/credentials/crier.service",
            reference);
    }
    if (folder[0] != '/') {
        return err_set(why,
                       ERR_INVALID,
                       "${%s}: CREDENTIALS_DIRECTORY is no absolute path: \"%.100s\"",
                       reference,
                       folder);
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(why, "${%s}: CREDENTIALS_DIRECTORY %s", reference, folder);
    }
    *out_fd = fd;
    return ERR_NONE;
}

/* A file of that folder and nothing else: no path, no link that leads out of it. */
static enum err_code
add_credential(const char *reference, const char *name, struct buf *out, struct err *why)
{
    int folder_fd = -1, fd;
    enum err_code rc;

    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return err_set(
            why, ERR_INVALID, "${%s}: expected the name of a credential, no path", reference);
    }
    rc = open_credentials(reference, &folder_fd, why);
    if (rc) {
        return rc;
    }
    fd = openat(folder_fd, name, OPEN_FLAGS | O_NOFOLLOW);
    rc = fd >= 0 ? ERR_NONE : err_errno(why, "${%s} in CREDENTIALS_DIRECTORY", reference);
    (void)close(folder_fd);
    return rc ? rc : add_open_file(reference, fd, out, why);
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
        return add_file(text, text + 5, out, why);
    }
    if (strncmp(text, "credential:", 11) == 0 && text[11] != '\0') {
        return add_credential(text, text + 11, out, why);
    }
    if (!is_name(text, len)) {
        return err_set(why,
                       ERR_INVALID,
                       "${%.60s} is neither ${NAME} nor ${file:PATH} nor ${credential:NAME}; a "
                       "plain ${ is "
                       "written $${",
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
