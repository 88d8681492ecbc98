// SPDX-License-Identifier: Apache-2.0
#include "io/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"

#define READ_CHUNK 16384u
#define LINE_LIMIT 65536u            /* a longer line is told in pieces */
#define LAST_OUTPUT_LIMIT (1u << 20) /* read after the child's end: grandchildren may go on writing for ever */

/* ---- the child's side: only async-signal-safe calls, since other threads of ours may hold any lock ---- */

struct spawn {
    const struct proc_cfg *cfg;
    char **env;
    pid_t parent;
    int null_fd, out_fd; /* out_fd -1: keep ours */
    int report_fd;       /* closed by a successful exec; else errno comes through */
};

static void reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL); /* ignored signals and the mask would outlive the exec */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Of a group: pid from now on, -pid no longer. Short enough to be written whole. */
static void tell_guard(const struct proc_guard *g, pid_t pid) {
    while (g && g->pid && write(g->fd, &pid, sizeof pid) < 0 && errno == EINTR) {
    }
}

static _Noreturn void run_child(const struct spawn *s) {
    int no = 0;
    if (!s->cfg->successor) {
        setpgid(0, 0);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
            no = errno;
        if (getppid() != s->parent) /* died before the prctl */
            _exit(127);
    }
    if (s->cfg->pass_fd && fcntl(s->cfg->pass_fd, F_SETFD, 0) < 0)
        no = errno;
    tell_guard(s->cfg->guard, getpid()); /* by ourselves: there is no moment between the fork and this */
    reset_signals();
    if (dup2(s->null_fd, 0) < 0 || (s->out_fd >= 0 && (dup2(s->out_fd, 1) < 0 || dup2(s->out_fd, 2) < 0)))
        no = errno;
    if (!no && s->cfg->dir && chdir(s->cfg->dir) < 0)
        no = errno;
    if (!no) {
        execvpe(s->cfg->argv[0], (char *const *)s->cfg->argv, s->env);
        no = errno;
    }
    while (write(s->report_fd, &no, sizeof no) < 0 && errno == EINTR) {
    }
    _exit(127);
}

/* ---- starting ---- */

static bool same_name(const char *a, const char *b) {
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* Ours, without those that are given, and the given ones. The strings are borrowed. */
static char **make_env(const char *const *add) {
    size_t n = 0, have = 0, given = 0;
    while (environ[have])
        have++;
    while (add && add[given])
        given++;
    char **env = mem_array(have + given + 1, sizeof *env);
    for (size_t i = 0; i < have; i++) {
        bool replaced = false;
        for (size_t k = 0; k < given; k++)
            replaced |= same_name(add[k], environ[i]);
        if (!replaced)
            env[n++] = environ[i];
    }
    for (size_t k = 0; k < given; k++)
        env[n++] = (char *)(uintptr_t)add[k];
    return env;
}

static void shut(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static pid_t wait_for(pid_t pid, int *status) {
    pid_t got;
    do
        got = waitpid(pid, status, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* errno of the child's failure before or in exec; 0 when the program runs. */
static int read_report(int fd) {
    int no = 0;
    ssize_t n;
    do
        n = read(fd, &no, sizeof no);
    while (n < 0 && errno == EINTR);
    return n == sizeof no ? no : 0;
}

/* Forks and waits for the exec: 0, or an errno. */
static int spawn(struct proc *p, struct spawn *s) {
    int report[2], no;
    if (pipe2(report, O_CLOEXEC) < 0)
        return errno;
    s->report_fd = report[1];
    s->parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_child(s);
    no = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0) {
        if (!s->cfg->successor)
            setpgid(pid, pid); /* here too: whoever signals the group may be faster than the child */
        no = read_report(report[0]);
        if (no) {
            tell_guard(s->cfg->guard, -pid);
            wait_for(pid, NULL);
        } else {
            p->pid = pid;
        }
    }
    close(report[0]);
    return no;
}

/* ---- while it runs ---- */

static void tell_lines(struct proc *p, bool last) {
    size_t used = 0;
    struct str all = buf_str(p->pending);
    for (;;) {
        struct str rest = str_from(all, used);
        ptrdiff_t nl = str_chr(str_first(rest, LINE_LIMIT + 1), '\n');
        if (nl >= 0) {
            p->on_line(p, str_first(rest, (size_t)nl));
            used += (size_t)nl + 1;
        } else if (rest.len > LINE_LIMIT || (last && rest.len)) {
            p->on_line(p, str_first(rest, LINE_LIMIT));
            used += rest.len < LINE_LIMIT ? rest.len : LINE_LIMIT;
        } else {
            break;
        }
    }
    buf_take(p->pending, used);
}

/* False at the end of the output, and when there is none now. */
static bool read_output(struct proc *p) {
    ssize_t n = read(p->out.fd, buf_room(p->pending, READ_CHUNK), READ_CHUNK);
    if (n <= 0) {
        if (p->pending->len == 0)
            buf_fini(p->pending); /* the room, too */
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            loop_rewatch(&p->out, 0);
        return n < 0 && errno == EINTR;
    }
    buf_added(p->pending, (size_t)n);
    tell_lines(p, false);
    return true;
}

static void on_output(struct watch *w, unsigned ready) {
    struct proc *p = container_of(w, struct proc, out);
    if (w->want)
        read_output(p);
}

static void end_output(struct proc *p) {
    if (!p->pending)
        return;
    for (unsigned n = 0; n < LAST_OUTPUT_LIMIT / READ_CHUNK && p->out.want && read_output(p); n++) {
    }
    tell_lines(p, true);
    int fd = p->out.fd;
    loop_unwatch(&p->out);
    close(fd);
    buf_fini(p->pending);
    free(p->pending);
    p->pending = NULL;
}

static void on_end(struct watch *w, unsigned ready) {
    struct proc *p = container_of(w, struct proc, pidfd);
    int status = 0, fd = w->fd;
    tell_guard(p->guard, -p->pid); /* before the pid may be another's */
    WEFT_ASSERT(wait_for(p->pid, &status) == p->pid);
    loop_unwatch(w);
    close(fd);
    p->pid = 0; /* may be another's from now on */
    end_output(p);
    p->on_exit(p, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int watch_child(struct proc *p, int out_fd) {
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (fd < 0)
        return errno;
    loop_watch(p->loop, &p->pidfd, fd, LOOP_IN, on_end);
    if (out_fd >= 0) {
        p->pending = mem_new(struct buf);
        loop_watch(p->loop, &p->out, out_fd, LOOP_IN, on_output);
    }
    return 0;
}

int proc_start(struct proc *p, struct loop *l, const struct proc_cfg *cfg, struct err *e) {
    *p = (struct proc){.on_exit = cfg->on_exit,
                       .on_line = cfg->on_line,
                       .ctx = cfg->ctx,
                       .successor = cfg->successor,
                       .loop = l,
                       .guard = cfg->guard};
    int out[2] = {-1, -1}, no = 0;
    struct spawn s = {.cfg = cfg, .env = make_env(cfg->env), .null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .out_fd = -1};
    if (s.null_fd < 0 || (cfg->on_line && pipe2(out, O_CLOEXEC) < 0)) {
        no = errno;
    } else {
        s.out_fd = out[1];
        no = spawn(p, &s);
    }
    free(s.env);
    shut(&s.null_fd);
    shut(&out[1]);
    if (!no && out[0] >= 0)
        fcntl(out[0], F_SETFL, O_NONBLOCK); /* our end only */
    if (!no && (no = watch_child(p, out[0]))) {
        proc_signal(p, SIGKILL);
        tell_guard(p->guard, -p->pid);
        wait_for(p->pid, NULL);
        p->pid = 0;
    }
    if (!no)
        return 0;
    shut(&out[0]);
    return err_set(e,
                   no == ENOENT   ? WEFT_E_NOT_FOUND
                   : no == EACCES ? WEFT_E_DENIED
                                  : WEFT_E_IO,
                   "cannot run %s: %s", cfg->argv[0], strerror(no));
}

void proc_signal(struct proc *p, int sig) {
    if (p->pid > 0)
        kill(p->successor ? p->pid : -p->pid, sig);
}

void proc_forget(struct proc *p) {
    if (p->pid <= 0)
        return;
    int fd = p->pidfd.fd;
    loop_unwatch(&p->pidfd);
    close(fd);
    p->pid = 0;
}

/* ---- our own program ---- */

static bool find_in_path(const char *name, struct buf *out) {
    struct str path = str_of(getenv("PATH"));
    while (path.len) {
        struct str dir = str_cut(&path, ':');
        buf_cut(out, 0);
        buf_fmt(out, STR_FMT "/%s", STR_ARG(dir.len ? dir : STR(".")), name);
        if (access(buf_z(out).ptr, X_OK) == 0)
            return true;
    }
    return false;
}

int proc_program(const char *argv0, struct buf *out, struct err *e) {
    char here[PATH_MAX];
    if (!strchr(argv0, '/') && !find_in_path(argv0, out))
        return err_set(e, WEFT_E_NOT_FOUND, "%s is not in PATH", argv0);
    if (strchr(argv0, '/'))
        buf_add(out, str_of(argv0));
    if (buf_str(out).ptr[0] == '/')
        return 0;
    if (!getcwd(here, sizeof here))
        return err_set(e, WEFT_E_IO, "no working directory: %s", strerror(errno));
    struct buf whole = {0};
    buf_fmt(&whole, "%s/" STR_FMT, here, STR_ARG(buf_str(out)));
    buf_fini(out);
    *out = whole;
    return 0;
}

/* ---- the guard ---- */

/* In a process of its own, forked from one that may have threads: async-signal-safe calls only. */
static _Noreturn void guard_groups(int fd) {
    pid_t groups[PROC_GUARDED], told[64];
    size_t n = 0;
    ssize_t got;
    sigset_t all;
    setsid(); /* what the terminal or somebody tells our group is not for it */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (fd > 0)
        close_range(0, (unsigned)fd - 1, 0); /* nobody shall wait for the end of what only it keeps open */
    close_range((unsigned)fd + 1, ~0u, 0);
    while ((got = read(fd, told, sizeof told)) > 0 || (got < 0 && errno == EINTR))
        for (ssize_t i = 0; i < got / (ssize_t)sizeof *told; i++) {
            if (told[i] > 0 && n < PROC_GUARDED)
                groups[n++] = told[i];
            for (size_t k = 0; k < n; k++)
                if (groups[k] == -told[i])
                    groups[k] = groups[--n];
        }
    while (n > 0)
        kill(-groups[--n], SIGKILL);
    _exit(0);
}

int proc_guard_start(struct proc_guard *g, struct err *e) {
    int fds[2];
    *g = (struct proc_guard){0};
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(e, WEFT_E_IO, "cannot guard children: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        guard_groups(fds[0]);
    close(fds[0]);
    if (pid < 0) {
        int no = errno;
        close(fds[1]);
        return err_set(e, WEFT_E_IO, "cannot guard children: %s", strerror(no));
    }
    *g = (struct proc_guard){.pid = pid, .fd = fds[1]};
    return 0;
}

void proc_guard_stop(struct proc_guard *g) {
    if (!g->pid)
        return;
    close(g->fd);
    wait_for(g->pid, NULL);
    *g = (struct proc_guard){0};
}

/* ---- signals ---- */

static void on_signal(struct watch *w, unsigned ready) {
    struct sig_watch *s = container_of(w, struct sig_watch, watch);
    struct signalfd_siginfo info;
    if (read(w->fd, &info, sizeof info) == sizeof info) /* one a turn: the callback may stop it */
        s->cb(s, (int)info.ssi_signo);
}

int proc_signals(struct sig_watch *s, struct loop *l, const int *sigs, int n, void (*cb)(struct sig_watch *, int), void *ctx,
                 struct err *e) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < n; i++)
        sigaddset(&set, sigs[i]);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(e, WEFT_E_IO, "cannot watch signals: %s", strerror(errno));
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    *s = (struct sig_watch){.cb = cb, .ctx = ctx};
    loop_watch(l, &s->watch, fd, LOOP_IN, on_signal);
    return 0;
}

void proc_signals_stop(struct sig_watch *s) {
    if (!s->watch.loop)
        return;
    int fd = s->watch.fd;
    loop_unwatch(&s->watch);
    close(fd);
}
