#ifndef CRIER_SERVICE_SERVE_H
#define CRIER_SERVICE_SERVE_H

/* Runs the service until it has drained. Returns the exit code: 0 after a drain, 1 when it
 * could not start (said on standard error: where and what was expected). */
int serve_run(const char *config_path);

#endif
