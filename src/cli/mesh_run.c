// SPDX-License-Identifier: Apache-2.0
#include "cli/mesh_run.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "base/map.h"
#include "base/mem.h"
#include "cli/mesh_plan.h"
#include "cli/out.h"
#include "cli/web.h"
#include "io/file.h"

#define READY_TIME (20 * CLOCK_S)
#define STOP_TIME (40 * CLOCK_S) /* past the sidecars' drain time */
#define ASK_AGAIN (50 * CLOCK_MS)

/* ---- what the parts say ---- */

static void show_line(const struct mesh_part *p, struct str line) {
    const struct mesh_run *r = p->run;
    if (r->color)
        fprintf(stderr, "\033[%um%-*s |\033[0m " STR_FMT "\n", 31 + p->color % 6, r->name_width, p->name, STR_ARG(line));
    else
        fprintf(stderr, "%-*s | " STR_FMT "\n", r->name_width, p->name, STR_ARG(line));
}

static void keep_line(struct mesh_part *p, struct str line) {
    char **slot = &p->last[p->n_last++ % MESH_LAST_LINES];
    free(*slot);
    *slot = mem_strdup(line);
}

/* Is it the readiness line? It carries the pid of the process that we started. */
static bool take_ready(struct mesh_part *p, struct str line) {
    json_t *v = NULL;
    if (p->ready || !str_starts(line, STR("{")) || json_parse(&v, line, NULL) < 0)
        return false;
    if (json_integer_value(json_object_get(v, "pid")) != p->proc.pid) {
        json_decref(v);
        return false;
    }
    p->ready = v;
    p->run->changed = true;
    return true;
}

static void on_line(struct proc *proc, struct str line) {
    struct mesh_part *p = proc->ctx;
    if (take_ready(p, line))
        return;
    if (p->run->cfg.show_output)
        show_line(p, line);
    else
        keep_line(p, line);
}

static void on_exit_of(struct proc *proc, int code) {
    struct mesh_part *p = proc->ctx;
    p->running = false;
    p->code = code;
    p->run->running--;
    p->run->changed = true;
    if (!p->stop_asked && !p->run->broken)
        p->run->broken = p;
}

static void show_last_lines(const struct mesh_part *p) {
    for (unsigned i = 0; i < MESH_LAST_LINES; i++) {
        const char *line = p->last[(p->n_last + i) % MESH_LAST_LINES];
        if (line)
            fprintf(stderr, "  %s | %s\n", p->name, line);
    }
}

/* ---- waiting ---- */

typedef bool condition_f(const struct mesh_part *p);

/* Turns the loop until the condition holds. False when a part broke, we were interrupted, or the time is over. */
static bool wait_until(struct mesh_part *p, condition_f *holds, uint64_t timeout_us) {
    struct mesh_run *r = p->run;
    uint64_t end = clock_real.mono_us(&clock_real) + timeout_us;
    while (!holds(p)) {
        uint64_t now = clock_real.mono_us(&clock_real);
        r->changed = false;
        if (r->interrupted || r->broken || now >= end || !web_wait(r->loop, &r->changed, end - now))
            return holds(p);
    }
    return true;
}

static bool is_ready(const struct mesh_part *p) {
    return p->ready != NULL;
}

static void on_signal(struct sig_watch *s, int sig) {
    struct mesh_run *r = s->ctx;
    if (sig == SIGHUP)
        return; /* nothing to re-read; nor does a closed terminal end a mesh */
    r->impatient = r->interrupted;
    r->interrupted = r->changed = true;
}

void mesh_run_wait(struct mesh_run *r) {
    while (!r->interrupted && !r->broken) {
        r->changed = false;
        web_wait(r->loop, &r->changed, 0);
    }
}

/* ---- starting one part ---- */

struct words { /* argv or env of a part, in the run's arena, NULL-terminated */
    struct mesh_run *run;
    const char **at;
    size_t n, cap;
};

static void add_word(struct words *w, struct str text) {
    struct arena *a = &w->run->arena;
    if (w->n + 1 >= w->cap) {
        w->cap = w->cap ? 2 * w->cap : 32;
        const char **more = arena_zalloc(a, w->cap * sizeof *more);
        if (w->n)
            memcpy(more, w->at, w->n * sizeof *more);
        w->at = more;
    }
    w->at[w->n++] = arena_z(a, text);
}
#define word(w, ...) add_word((w), arena_fmt(&(w)->run->arena, __VA_ARGS__))

static void option(struct words *w, const char *name, const char *value) {
    word(w, "--%s", name);
    word(w, "%s", value);
}

static struct mesh_part *add_part(struct mesh_run *r, enum mesh_role role, const struct mesh_resource *service,
                                  const struct mesh_instance *instance) {
    static const char *const suffix[] = {[MESH_CONTROL] = "control", [MESH_APP] = "", [MESH_SIDECAR] = " sidecar"};
    struct mesh_part *p = mem_new(struct mesh_part);
    struct str name = arena_fmt(&r->arena, "%s%s", instance ? instance->id : "", suffix[role]);
    *p = (struct mesh_part){.run = r, .role = role, .service = service, .instance = instance, .name = mem_strdup(name)};
    LIST_FOR (n, &r->parts)
        p->color++;
    list_push(&r->parts, &p->node);
    return p;
}

static int start_part(struct mesh_part *p, const struct words *argv, const struct words *env, struct err *e) {
    struct mesh_run *r = p->run;
    struct proc_cfg cfg = {.argv = (const char *const *)argv->at,
                           .env = env ? (const char *const *)env->at : NULL,
                           .guard = &r->guard,
                           .on_line = on_line,
                           .on_exit = on_exit_of,
                           .ctx = p};
    int rc = proc_start(&p->proc, r->loop, &cfg, e);
    if (rc < 0)
        return err_in(e, "%s", p->name);
    p->running = true;
    r->running++;
    return 0;
}

static int not_ready(struct mesh_part *p, const char *what, struct err *e) {
    struct mesh_run *r = p->run;
    if (r->interrupted)
        return err_set(e, WEFT_E_CANCELLED, "interrupted");
    if (r->broken)
        return err_set(e, WEFT_E_UNAVAILABLE, "%s ended with code %d", r->broken->name, r->broken->code);
    r->broken = p;
    return err_set(e, WEFT_E_TIMEOUT, "%s %s in %llu s", p->name, what, READY_TIME / CLOCK_S);
}

static int start_and_wait(struct mesh_part *p, const struct words *argv, struct err *e) {
    int rc = start_part(p, argv, NULL, e);
    if (rc < 0)
        return rc;
    return wait_until(p, is_ready, READY_TIME) ? 0 : not_ready(p, "was not ready", e);
}

static void tell(const struct mesh_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(const struct mesh_run *r, const char *fmt, ...) {
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (r->cfg.tell)
        r->cfg.tell(r->cfg.ctx, line);
}

bool mesh_part_addr(const struct mesh_part *p, const char *key, struct addr *out) {
    return addr_parse(out, json_to_str(json_object_get(p->ready, key)), NULL) >= 0;
}

static const char *ready_text(const struct mesh_part *p, const char *key) {
    const char *text = json_string_value(json_object_get(p->ready, key));
    return text ? text : "";
}

/* ---- the parts ---- */

static int start_control(struct mesh_run *r, struct err *e) {
    struct words argv = {.run = r};
    struct mesh_part *p = add_part(r, MESH_CONTROL, NULL, NULL);
    word(&argv, "%s", r->exe);
    word(&argv, "control");
    word(&argv, "--dev");
    option(&argv, "listen", r->cfg.listen);
    option(&argv, "xds-listen", r->cfg.xds_listen);
    word(&argv, "--data-dir=%s/control", r->cfg.dir);
    option(&argv, "ready-fd", "1");
    int rc = start_and_wait(p, &argv, e);
    if (rc < 0)
        return rc;
    struct str url = arena_fmt(&r->arena, "http://%s", ready_text(p, "listen"));
    rc = rest_init(&r->rest, r->loop, arena_z(&r->arena, url), e);
    if (rc >= 0 && !mesh_part_addr(p, "xds_listen", &r->xds))
        rc = err_set(e, WEFT_E_PROTOCOL, "the control plane did not say where it listens");
    tell(r, "control plane at %s", r->rest.url);
    return rc;
}

static const char *sidecar_ready_file(struct mesh_run *r, const struct mesh_instance *in) {
    return arena_z(&r->arena, arena_fmt(&r->arena, "%s/%s.ready", r->cfg.dir, in->id));
}

static int start_sidecar(struct mesh_part *p, const char *app, struct err *e) {
    struct mesh_run *r = p->run;
    const struct mesh_instance *in = p->instance;
    struct words argv = {.run = r};
    char xds[ADDR_TEXT];
    const char *key;
    json_t *value;
    word(&argv, "%s", r->exe);
    word(&argv, "proxy");
    word(&argv, "--dev");
    option(&argv, "control", addr_text(&r->xds, xds));
    option(&argv, "service", p->service->name);
    option(&argv, "namespace", p->service->ns);
    option(&argv, "id", in->id);
    option(&argv, "app", app);
    option(&argv, "health-check-path", in->health_check_path);
    option(&argv, "inbound", in->inbound);
    option(&argv, "outbound", in->outbound);
    option(&argv, "admin", "127.0.0.1:0");
    option(&argv, "workers", "1");
    word(&argv, "--data-dir=%s/%s.%s.%s", r->cfg.dir, p->service->ns, p->service->name, in->id);
    json_object_foreach(in->labels, key, value) word(&argv, "--label=%s=%s", key, json_string_value(value));
    option(&argv, "ready-file", sidecar_ready_file(r, in));
    option(&argv, "ready-fd", "1");
    return start_and_wait(p, &argv, e);
}

/* weft echo first: its sidecar has to be told which port it got. It finds the sidecar by the file, when it is asked to call. */
static int start_echo(struct mesh_run *r, const struct mesh_resource *s, const struct mesh_instance *in, struct err *e) {
    struct words argv = {.run = r};
    struct mesh_part *app = add_part(r, MESH_APP, s, in);
    word(&argv, "%s", r->exe);
    word(&argv, "echo");
    option(&argv, "name", in->id);
    word(&argv, "--listen=127.0.0.1:%u", in->port);
    option(&argv, "sidecar", sidecar_ready_file(r, in));
    option(&argv, "ready-fd", "1");
    int rc = start_and_wait(app, &argv, e);
    return rc < 0 ? rc : start_sidecar(add_part(r, MESH_SIDECAR, s, in), ready_text(app, "listen"), e);
}

/* A foreign program says nothing when it is ready: its health check does. */
static int wait_for_health(struct mesh_part *app, const struct addr *addr, struct err *e) {
    struct mesh_run *r = app->run;
    uint64_t end = clock_real.mono_us(&clock_real) + READY_TIME;
    for (;;) {
        struct web_answer a;
        struct web_request q = {.addr = *addr, .authority = STR("localhost"), .path = str_of(app->instance->health_check_path)};
        web_do(r->loop, &q, &a);
        bool healthy = !a.code && a.head.status >= 200 && a.head.status < 300;
        web_answer_fini(&a);
        if (healthy)
            return 0;
        r->changed = false;
        if (r->broken || r->interrupted || clock_real.mono_us(&clock_real) > end)
            return not_ready(app, "did not answer its health check", e);
        web_wait(r->loop, &r->changed, ASK_AGAIN);
    }
}

/* The sidecar first: the program is told where to call, by HTTP_PROXY. */
static int start_command(struct mesh_run *r, const struct mesh_resource *s, const struct mesh_instance *in, struct err *e) {
    struct words argv = {.run = r}, env = {.run = r};
    struct addr addr;
    char app_text[ADDR_TEXT];
    const char *key;
    json_t *value;
    size_t i;
    struct mesh_part *sidecar = add_part(r, MESH_SIDECAR, s, in);
    int rc = addr_ip(&addr, STR("127.0.0.1"), (uint16_t)in->port, e);
    if (rc >= 0)
        rc = start_sidecar(sidecar, addr_text(&addr, app_text), e);
    if (rc < 0)
        return rc;
    json_array_foreach(in->command, i, value) word(&argv, "%s", json_string_value(value));
    word(&env, "PORT=%u", in->port);
    word(&env, "HTTP_PROXY=http://%s", ready_text(sidecar, "outbound"));
    word(&env, "http_proxy=http://%s", ready_text(sidecar, "outbound"));
    json_object_foreach(in->env, key, value) word(&env, "%s=%s", key, json_string_value(value));
    struct mesh_part *app = add_part(r, MESH_APP, s, in);
    rc = start_part(app, &argv, &env, e);
    return rc < 0 ? rc : wait_for_health(app, &addr, e);
}

static int start_instances(struct mesh_run *r, const struct mesh_file *f, struct err *e) {
    for (size_t i = 0; i < f->n; i++) {
        const struct mesh_resource *s = &f->at[i];
        for (size_t k = 0; k < s->n_instances; k++) {
            const struct mesh_instance *in = &s->instances[k];
            int rc = in->command ? start_command(r, s, in, e) : start_echo(r, s, in, e);
            if (rc < 0)
                return rc;
            tell(r, "%s: call from it at http://%s", in->id, ready_text(mesh_run_find(r, MESH_SIDECAR, in->id), "outbound"));
        }
    }
    return 0;
}

/* ---- the whole ---- */

/* Ids name files and parts, so they are unique in the whole file. */
static int check_ids(struct mesh_run *r, const struct mesh_file *f, struct err *e) {
    struct map ids = {0};
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < f->n; i++)
        for (size_t k = 0; rc >= 0 && k < f->at[i].n_instances; k++) {
            const char *id = f->at[i].instances[k].id;
            int width = (int)(strlen(id) + strlen(" sidecar"));
            r->name_width = width > r->name_width ? width : r->name_width;
            if (strchr(id, '/') || map_put(&ids, str_of(id), (void *)(uintptr_t)f))
                rc = err_set(e, WEFT_E_INVALID, "line %u: instance id \"%s\" is there twice, or has a slash", f->at[i].line, id);
        }
    map_fini(&ids);
    return rc;
}

static int apply_file(struct mesh_run *r, const struct mesh_file *f, struct err *e) {
    struct mesh_plan p;
    mesh_plan_init(&p, &r->rest);
    int rc = mesh_plan_put(&p, &(struct mesh_source){"the mesh file", (struct mesh_file *)(uintptr_t)f}, e);
    if (rc >= 0)
        rc = mesh_plan_run(&p, false, r->cfg.tell, r->cfg.ctx, e);
    mesh_plan_fini(&p);
    return rc;
}

int mesh_run_start(struct mesh_run *r, struct loop *l, const struct mesh_run_cfg *cfg, const struct mesh_file *f, struct err *e) {
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
    *r = (struct mesh_run){.loop = l, .cfg = *cfg, .color = out_color(stderr)};
    list_init(&r->parts);
    ssize_t n = readlink("/proc/self/exe", r->exe, sizeof r->exe - 1);
    if (n <= 0)
        return err_set(e, WEFT_E_IO, "cannot find this program's own file");
    r->exe[n] = 0;
    int rc = check_ids(r, f, e);
    if (rc >= 0)
        rc = file_mkdirs(str_of(cfg->dir), 0700, e);
    if (rc >= 0)
        rc = proc_signals(&r->signals, l, sigs, 3, on_signal, r, e);
    if (rc >= 0)
        rc = proc_guard_start(&r->guard, e);
    if (rc >= 0)
        rc = start_control(r, e);
    if (rc >= 0)
        rc = apply_file(r, f, e);
    if (rc >= 0)
        rc = start_instances(r, f, e);
    if (rc < 0 && r->broken)
        show_last_lines(r->broken);
    return rc;
}

struct mesh_part *mesh_run_find(const struct mesh_run *r, enum mesh_role role, const char *id) {
    LIST_FOR (n, &r->parts) {
        struct mesh_part *p = list_entry(n, struct mesh_part, node);
        if (p->role == role && (!p->instance || strcmp(p->instance->id, id) == 0))
            return p;
    }
    return NULL;
}

static void copy_member(json_t *to, const char *key, const json_t *from, const char *from_key) {
    json_t *v = json_object_get(from, from_key);
    if (v)
        json_object_set(to, key, v);
}

static json_t *addresses_of(const struct mesh_run *r, const struct mesh_part *sidecar) {
    const struct mesh_instance *in = sidecar->instance;
    json_t *o = json_object();
    copy_member(o, "outbound", sidecar->ready, "outbound");
    copy_member(o, "inbound", sidecar->ready, "inbound");
    copy_member(o, "admin", sidecar->ready, "admin");
    if (in->command)
        json_object_set_new(o, "app", json_sprintf("127.0.0.1:%u", in->port));
    else
        copy_member(o, "app", mesh_run_find(r, MESH_APP, in->id)->ready, "listen");
    return o;
}

json_t *mesh_run_addresses(const struct mesh_run *r) {
    json_t *all = json_object(), *services = json_object();
    const json_t *control = mesh_run_find(r, MESH_CONTROL, NULL)->ready;
    copy_member(all, "listen", control, "listen");
    copy_member(all, "xds_listen", control, "xds_listen");
    json_object_set_new(all, "services", services);
    LIST_FOR (n, &r->parts) {
        const struct mesh_part *p = list_entry(n, struct mesh_part, node);
        if (p->role == MESH_SIDECAR)
            json_object_set_new(services, p->instance->id, addresses_of(r, p));
    }
    return all;
}

/* ---- ending ---- */

static void ask_to_stop(struct mesh_part *p) {
    p->stop_asked = true;
    proc_signal(&p->proc, SIGTERM);
}

static bool role_runs(const struct mesh_run *r, enum mesh_role role) {
    LIST_FOR (n, &r->parts) {
        const struct mesh_part *p = list_entry(n, struct mesh_part, node);
        if (p->role == role && p->running)
            return true;
    }
    return false;
}

static void kill_role(struct mesh_run *r, enum mesh_role role) {
    LIST_FOR (n, &r->parts) {
        struct mesh_part *p = list_entry(n, struct mesh_part, node);
        if (p->role == role && p->running) {
            fprintf(stderr, "weft: %s did not end, killing it\n", p->name);
            proc_signal(&p->proc, SIGKILL);
        }
    }
}

static void stop_role(struct mesh_run *r, enum mesh_role role) {
    uint64_t end = clock_real.mono_us(&clock_real) + STOP_TIME;
    bool killed = false;
    LIST_FOR (n, &r->parts) {
        struct mesh_part *p = list_entry(n, struct mesh_part, node);
        if (p->role == role && p->running)
            ask_to_stop(p);
    }
    while (role_runs(r, role)) {
        uint64_t now = clock_real.mono_us(&clock_real);
        if (!killed && (r->impatient || now >= end)) {
            kill_role(r, role);
            killed = true;
        }
        r->changed = false;
        web_wait(r->loop, &r->changed, killed || now >= end ? 0 : end - now);
    }
}

int mesh_run_stop_part(struct mesh_run *r, struct mesh_part *p) {
    ask_to_stop(p);
    while (p->running) {
        r->changed = false;
        web_wait(r->loop, &r->changed, 0);
    }
    return p->code;
}

static void free_part(struct mesh_part *p) {
    json_decref(p->ready);
    for (unsigned i = 0; i < MESH_LAST_LINES; i++)
        free(p->last[i]);
    free(p->name);
    free(p);
}

void mesh_run_stop(struct mesh_run *r) {
    stop_role(r, MESH_SIDECAR);
    stop_role(r, MESH_APP);
    stop_role(r, MESH_CONTROL);
    struct list *n;
    while ((n = list_pop(&r->parts)))
        free_part(list_entry(n, struct mesh_part, node));
    proc_guard_stop(&r->guard);
    proc_signals_stop(&r->signals);
    arena_fini(&r->arena);
}
