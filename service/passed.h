#ifndef CRIER_SERVICE_PASSED_H
#define CRIER_SERVICE_PASSED_H

/* The listening socket that the service manager made and passed on (socket activation,
 * sd_listen_fds(3)). The manager listens before we run and while we do not, so nobody who calls
 * meanwhile is turned away. */

#include "base/err.h"

#define PASSED_NAME_BYTES 256

struct passed {
    int fd; /* -1: none was passed, or the door has taken it */
    char name[PASSED_NAME_BYTES];
};

/* Reads LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES and takes them out of the environment, so before
 * there is a second thread. What is meant for another process is left alone: fd is -1 then.
 * ERR_INVALID: the variables are not what the protocol says, several sockets were passed, or one
 * that is no listening stream socket of IPv4, IPv6 or a unix path. */
MUST_USE enum err_code passed_read(struct passed *out, struct err *why);

#endif
