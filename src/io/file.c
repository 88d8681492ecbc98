// SPDX-License-Identifier: Apache-2.0
#include "io/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"

#define CHUNK 16384u

static int code_of(int no) {
    return no == ENOENT                                 ? WEFT_E_NOT_FOUND
           : no == EACCES || no == EPERM || no == EROFS ? WEFT_E_DENIED
           : no == EEXIST || no == ENOTEMPTY            ? WEFT_E_EXISTS
                                                        : WEFT_E_IO;
}

static int os_error(struct err *e, const char *path) {
    int no = errno;
    return err_set(e, code_of(no), "%s: %s", path, strerror(no));
}

/* The system's paths end at a NUL: one inside would make it another file than the one that was checked. */
static int path_z(struct str path, char out[PATH_MAX], struct err *e) {
    if (path.len == 0 || path.len >= PATH_MAX || str_chr(path, 0) >= 0)
        return err_set(e, WEFT_E_INVALID, "not a usable path: " STR_FMT, STR_ARG(str_first(path, 100)));
    str_z(path, out, PATH_MAX);
    return 0;
}

static int read_all(int fd, const char *path, size_t max, struct buf *out, struct err *e) {
    for (size_t got = 0;;) {
        ssize_t n = read(fd, buf_room(out, CHUNK), CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return os_error(e, path);
        if (n == 0)
            return 0;
        got += (size_t)n;
        if (got > max)
            return err_set(e, WEFT_E_TOO_LARGE, "%s: larger than %zu octets", path, max);
        buf_added(out, (size_t)n);
    }
}

static int check_secret(int fd, const char *path, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return os_error(e, path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return err_set(e, WEFT_E_DENIED, "%s: others than its owner may read it (mode %04o): chmod 600", path,
                       (unsigned)(st.st_mode & 07777));
    return 0;
}

static int open_and_read(struct str path, bool secret, size_t max, struct buf *out, struct err *e) {
    char z[PATH_MAX];
    int code = path_z(path, z, e);
    if (code < 0)
        return code;
    int fd = open(z, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return os_error(e, z);
    if (secret)
        code = check_secret(fd, z, e);
    if (code >= 0)
        code = read_all(fd, z, max, out, e);
    close(fd);
    return code;
}

int file_read(struct str path, size_t max, struct buf *out, struct err *e) {
    return open_and_read(path, false, max, out, e);
}

int file_read_secret(struct str path, size_t max, struct buf *out, struct err *e) {
    return open_and_read(path, true, max, out, e);
}

static int write_all(int fd, struct str s) {
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            s = str_from(s, (size_t)n);
    }
    return 0;
}

static int sync_dir_of(const char *path) {
    char dir[PATH_MAX];
    struct str p = str_of(path);
    ptrdiff_t slash = str_rchr(p, '/');
    str_z(slash < 0 ? STR(".") : str_first(p, slash ? (size_t)slash : 1), dir, sizeof dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd) < 0 && errno != EINVAL; /* some file systems cannot */
    close(fd);
    return failed ? -1 : 0;
}

static int replace(struct str path, struct str content, mode_t mode, bool durable, struct err *e) {
    char z[PATH_MAX], tmp[PATH_MAX + 16];
    int code = path_z(path, z, e);
    if (code < 0)
        return code;
    snprintf(tmp, sizeof tmp, "%s.tmp.XXXXXX", z);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return os_error(e, z);
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, content) == 0 && (!durable || fsync(fd) == 0);
    int no = errno;
    if (close(fd) < 0 && ok) {
        ok = false;
        no = errno;
    }
    if (ok && rename(tmp, z) == 0)
        return durable && sync_dir_of(z) < 0 ? os_error(e, z) : 0;
    errno = ok ? errno : no;
    code = os_error(e, z);
    unlink(tmp);
    return code;
}

int file_write(struct str path, struct str content, mode_t mode, struct err *e) {
    return replace(path, content, mode, true, e);
}

int file_publish(struct str path, struct str content, mode_t mode, struct err *e) {
    return replace(path, content, mode, false, e);
}

int file_try_append(struct str path, mode_t mode, struct err *e) {
    char z[PATH_MAX];
    int rc = path_z(path, z, e);
    if (rc < 0)
        return rc;
    int fd = open(z, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, mode);
    if (fd < 0)
        return errno == ENXIO ? 0 : os_error(e, z);
    close(fd);
    return 0;
}

int file_rename(struct str from, struct str to, struct err *e) {
    char a[PATH_MAX], b[PATH_MAX];
    int code = path_z(from, a, e);
    if (code >= 0)
        code = path_z(to, b, e);
    if (code < 0)
        return code;
    return rename(a, b) < 0 || sync_dir_of(b) < 0 ? os_error(e, a) : 0;
}

static int make_dir(const char *path, mode_t mode, struct err *e) {
    struct stat st;
    if (mkdir(path, mode) == 0)
        return 0;
    int no = errno;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        no = ENOTDIR;
    }
    errno = no;
    return os_error(e, path);
}

int file_mkdirs(struct str path, mode_t mode, struct err *e) {
    char z[PATH_MAX];
    int code = path_z(path, z, e);
    for (size_t i = 1; code >= 0 && i < path.len; i++) {
        if (z[i] != '/' || z[i - 1] == '/')
            continue;
        z[i] = 0;
        code = make_dir(z, mode, e);
        z[i] = '/';
    }
    return code < 0 ? code : make_dir(z, mode, e);
}

int file_remove(struct str path, struct err *e) {
    char z[PATH_MAX];
    int code = path_z(path, z, e);
    if (code < 0)
        return code;
    return unlink(z) < 0 ? os_error(e, z) : 0;
}

struct names {
    char **names;
    size_t n, cap;
};

static int read_names(struct names *list, const char *path, struct err *e) {
    DIR *dir = opendir(path);
    if (!dir)
        return os_error(e, path);
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        struct str name = str_of(entry->d_name);
        if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
            continue;
        mem_grow((void **)&list->names, &list->cap, list->n + 1, sizeof *list->names);
        list->names[list->n++] = mem_strdup(name);
    }
    int code = errno ? os_error(e, path) : 0;
    closedir(dir);
    return code;
}

static int by_octets(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list(struct str dir, int (*cb)(void *ctx, struct str name), void *ctx, struct err *e) {
    char z[PATH_MAX];
    int code = path_z(dir, z, e);
    struct names list = {0};
    if (code >= 0)
        code = read_names(&list, z, e);
    if (list.n)
        qsort(list.names, list.n, sizeof *list.names, by_octets);
    for (size_t i = 0; i < list.n && code >= 0; i++)
        code = cb(ctx, str_of(list.names[i]));
    for (size_t i = 0; i < list.n; i++)
        free(list.names[i]);
    free(list.names);
    return code < 0 ? code : 0;
}

int file_lock(struct str path, struct err *e) {
    char z[PATH_MAX];
    int code = path_z(path, z, e);
    if (code < 0)
        return code;
    int fd = open(z, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return os_error(e, z);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    code = errno == EWOULDBLOCK ? err_set(e, WEFT_E_CONFLICT, "%s: locked by another process", z) : os_error(e, z);
    close(fd);
    return code;
}
