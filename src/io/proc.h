// SPDX-License-Identifier: Apache-2.0
#pragma once
/* proc: child processes and signals on the loop. Threads: the main loop only. Tests: tests/unit/io/proc.c */
#include "base/err.h"
#include "io/loop.h"

struct proc;
typedef void proc_exit_f(struct proc *p, int code);        /* exit status 0 to 255, or 128 + signal; the proc is free again */
typedef void proc_line_f(struct proc *p, struct str line); /* a line of the child's output, without its newline */

struct proc { /* embed; zeros are none */
    int pid;
    proc_exit_f *on_exit;
    proc_line_f *on_line; /* NULL: stdout and stderr are ours */
    void *ctx;
    bool successor;    /* as in proc_cfg */
    struct loop *loop; /* private from here */
    struct proc_guard *guard;
    struct watch pidfd, out;
    struct buf *pending;
};
/* A process of ours that outlives us, to kill what PR_SET_PDEATHSIG does not reach when we are killed: the children's children,
 * since each child stands for its process group. It guards PROC_GUARDED at most, the others have the signal alone. */
struct proc_guard { /* zeros are none */
    int pid, fd;
};
#define PROC_GUARDED 4096
int proc_guard_start(struct proc_guard *g, struct err *e) MUST_CHECK;
void proc_guard_stop(struct proc_guard *g); /* when the children have ended: it kills those that it still guards */

struct proc_cfg {
    const char *const *argv;  /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;   /* "NAME=VALUE" to add, NULL-terminated; may be NULL */
    const char *dir;          /* working directory; NULL: ours */
    struct proc_guard *guard; /* must outlive the child; may be NULL */
    bool successor;           /* it stays in our process group and does not die with us: it is to take our place */
    int pass_fd;              /* of ours, which the child gets under the same number; 0: none */
    proc_line_f *on_line;
    proc_exit_f *on_exit;
    void *ctx;
};
/* The child gets a process group of its own and dies with us (PR_SET_PDEATHSIG); its group does so with a guard. */
int proc_start(struct proc *p, struct loop *l, const struct proc_cfg *cfg, struct err *e) MUST_CHECK;
void proc_signal(struct proc *p, int sig); /* to its process group (a successor: to it alone); nothing when it has ended */
void proc_forget(struct proc *p);          /* of a successor: on_exit comes no more, nobody reaps it while we are here */
/* Where the program `argv0` of this process is found, absolute: a path as it was given (so that what replaces the file, or where
 * a link on the way points later, counts), else by PATH as it is now. */
int proc_program(const char *argv0, struct buf *out, struct err *e) MUST_CHECK;

struct sig_watch { /* embed */
    struct watch watch;
    void (*cb)(struct sig_watch *s, int sig);
    void *ctx;
};
/* Blocks the signals (in this and later threads) and tells them on the loop. SIGPIPE is ignored from then on. */
int proc_signals(struct sig_watch *s, struct loop *l, const int *sigs, int n, void (*cb)(struct sig_watch *, int), void *ctx,
                 struct err *e) MUST_CHECK;
void proc_signals_stop(struct sig_watch *s);
