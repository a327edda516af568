/* What the child that resizes gives up before it looks at a picture. Called by cli_resize.c only.
 *
 * The limits come first: memory, processor time, no core, no privileges by another program, and an end when the service ends. Once libvips is loaded, a filter in the kernel: whatever a
 * picture might make of a decoder can compute, and write to the pipes that are open, but open no file
 * (the service's memory, its ledger and its environment have tokens), reach no address, start and signal
 * nothing. It lists what is refused, not what is allowed: what a libc and a decoder need to compute
 * changes with their versions, what they must not do does not. */

#include "service/resize.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/attr.h"

/* A progressive JPEG of RESIZE_PIXELS_MAX keeps up to 600 MB of coefficients. */
#define MEMORY_BYTES ((rlim_t)1024 * 1024 * 1024)
#define CPU_SECONDS (RESIZE_TIMEOUT_MS / 1000)

/* The shadow memory of a sanitizer is larger than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum err_code resize_limit_process(struct err *why)
{
    const struct rlimit memory = {MEMORY_BYTES, MEMORY_BYTES};
    const struct rlimit seconds = {CPU_SECONDS, CPU_SECONDS};
    const struct rlimit none = {0, 0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        return err_errno(why, "prctl");
    }
    if (!SANITIZED && setrlimit(RLIMIT_AS, &memory) != 0) {
        return err_errno(why, "limit of memory");
    }
    if (setrlimit(RLIMIT_CPU, &seconds) != 0) {
        return err_errno(why, "limit of processor time");
    }
    return setrlimit(RLIMIT_CORE, &none) == 0 ? ERR_NONE : err_errno(why, "limit of cores");
}

#ifdef OUR_ARCHITECTURE

/* clang-format off */
static const int refused[] = {
#ifdef SYS_open /* arm64 has only the newer of each pair */
    SYS_open, SYS_creat, SYS_unlink, SYS_rename, SYS_link, SYS_symlink, SYS_mkdir, SYS_chmod, SYS_chown,
    SYS_fork, SYS_vfork,
#endif
    SYS_openat, SYS_openat2, SYS_open_by_handle_at, SYS_memfd_create, SYS_unlinkat, SYS_renameat2,
    SYS_linkat, SYS_symlinkat, SYS_mkdirat, SYS_fchmodat, SYS_fchownat, SYS_truncate, SYS_mount,
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendto,
    SYS_execve, SYS_execveat, SYS_kill, SYS_tkill, SYS_pidfd_open, SYS_pidfd_send_signal,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_prlimit64, SYS_unshare, SYS_setns,
    SYS_bpf, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_perf_event_open,
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
};
/* clang-format on */

#define HEAD 4                             /* instructions before the list */
#define CLONES (HEAD + ARRAY_LEN(refused)) /* behind it: threads yes, processes no */
#define ALLOW (CLONES + 4)                 /* and the three ends */
#define REFUSE (CLONES + 5)
#define UNKNOWN (CLONES + 6)
#define INSTRUCTIONS (CLONES + 7)
#define X32_BIT 0x40000000 /* x86-64 has all calls twice */

static struct sock_filter statement(int code, uint32_t value)
{
    return (struct sock_filter){.code = (uint16_t)code, .k = value};
}

static struct sock_filter load(size_t offset)
{
    return statement(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* Both as places in the program; an instruction counts from the one behind it. */
static struct sock_filter
jump(size_t here, int test, uint32_t value, size_t if_true, size_t if_false)
{
    return (struct sock_filter){.code = (uint16_t)(BPF_JMP | test | BPF_K),
                                .jt = (uint8_t)(if_true - here - 1),
                                .jf = (uint8_t)(if_false - here - 1),
                                .k = value};
}

/* clone3 has its flags where a filter cannot see them; a libc that does not find it takes clone. */
static void write_filter(struct sock_filter f[INSTRUCTIONS])
{
    f[0] = load(offsetof(struct seccomp_data, arch));
    f[1] = jump(1, BPF_JEQ, OUR_ARCHITECTURE, 2, REFUSE);
    f[2] = load(offsetof(struct seccomp_data, nr));
    f[3] = jump(3, BPF_JGE, X32_BIT, REFUSE, HEAD);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        f[HEAD + i] = jump(HEAD + i, BPF_JEQ, (uint32_t)refused[i], REFUSE, HEAD + i + 1);
    }
    f[CLONES] = jump(CLONES, BPF_JEQ, SYS_clone3, UNKNOWN, CLONES + 1);
    f[CLONES + 1] = jump(CLONES + 1, BPF_JEQ, SYS_clone, CLONES + 2, ALLOW);
    f[CLONES + 2] = load(offsetof(struct seccomp_data, args[0])); /* the lower half */
    f[CLONES + 3] = jump(CLONES + 3, BPF_JSET, CLONE_THREAD, ALLOW, REFUSE);
    f[ALLOW] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    f[REFUSE] = statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    f[UNKNOWN] = statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
}

enum err_code resize_lock_process(struct err *why)
{
    struct sock_filter instructions[INSTRUCTIONS];
    struct sock_fprog program = {.len = INSTRUCTIONS, .filter = instructions};

    write_filter(instructions);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0) {
        return ERR_NONE;
    }
    /* A kernel without filters: the limits hold, and the picture cannot be blamed. */
    return errno == EINVAL || errno == ENOSYS ? ERR_NONE : err_errno(why, "seccomp");
}

#else

enum err_code resize_lock_process(struct err *why)
{
    (void)why;
    return ERR_NONE;
}

#endif
