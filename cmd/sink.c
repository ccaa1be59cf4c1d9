#include "cmd/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/talk.h"
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/host/file.h"
#include "core/host/hash_stream.h"

#define PATH_SIZE 4096
#define READ_BACK ((size_t)65536)
#define LATE_MAX 10 /* times in a row that FILE.part became FILE between open and lock */

struct sink {
    int fd;
    bool is_file, owned, plain;
    bool locked; /* FILE.part is of this command alone */
    char file[PATH_SIZE], part[PATH_SIZE];
    mode_t mode; /* of the file that is replaced; 0: there is none */
    uint64_t at, size;
    struct hash_stream *name; /* of what was put, NULL of what is plain */
};

static int refuse(const char *what, const char *why, const char *hint)
{
    talk_error("%s: %s", what, why);
    talk_try("%s", hint);
    return CODE_FAILED;
}

static int refuse_write(const struct sink *s, int rc)
{
    if (rc != ERR_NO_SPACE)
        return refuse(s->part, err_sentence(rc), "another place: -o FILE");
    talk_error("%s: %s", s->part, err_sentence(rc));
    talk_try("free some space, then the same command%s",
             s->is_file ? ", which goes on behind what is there" : "");
    return CODE_FAILED;
}

/* A link is followed, so that it is the file behind it that is replaced. */
static int look_at(struct sink *s, const char *file)
{
    struct stat there;
    char *real = realpath(file, NULL);
    int written = snprintf(s->file, sizeof s->file, "%s", real ? real : file);
    free(real);
    if (written < 0 || (size_t)written + sizeof ".part" > sizeof s->file)
        return refuse("-o FILE", "its name is too long", "a shorter one");
    s->is_file = true;
    if (stat(s->file, &there) < 0)
        return 0;
    if (S_ISDIR(there.st_mode)) {
        talk_error("%s is a folder", file);
        talk_try("-o %s/NAME", file);
        return CODE_MISUSE;
    }
    s->is_file = S_ISREG(there.st_mode);
    s->mode = there.st_mode & 07777;
    return 0;
}

static int open_stream(struct sink *s, const char *file)
{
    snprintf(s->part, sizeof s->part, "%s", file ? file : "standard output");
    s->owned = file != NULL;
    s->fd = file ? open(file, O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
    return s->fd < 0 ? refuse(s->part, strerror(errno), "another place: -o FILE") : 0;
}

/* The file that was opened may have become FILE since, when its command was ready. */
static bool is_in_place(const struct sink *s, const struct stat *opened)
{
    struct stat there;
    return lstat(s->part, &there) == 0 && there.st_dev == opened->st_dev &&
           there.st_ino == opened->st_ino;
}

/* 0, an exit code, or -1: it is to be opened again. */
static int lock_part(struct sink *s)
{
    struct stat opened;
    s->fd = open(s->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (s->fd < 0 || fstat(s->fd, &opened) < 0)
        return refuse(s->part, strerror(errno), "another place: -o FILE");
    if (!S_ISREG(opened.st_mode))
        return refuse(s->part, "this is no ordinary file", "another place: -o FILE");
    if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
        return refuse(s->part, "another command is writing it", "wait for it, or another -o FILE");
#if VELUM_PLANT != 499 /* unit/test_sink: what has become FILE meanwhile is written to */
    if (!is_in_place(s, &opened)) {
        close(s->fd);
        s->fd = -1;
        return -1;
    }
#endif
    /* Only now does nobody else write to it. */
    if (fstat(s->fd, &opened) < 0)
        return refuse(s->part, strerror(errno), "another place: -o FILE");
    s->locked = true;
    s->at = (uint64_t)opened.st_size;
    return 0;
}

static int open_part(struct sink *s)
{
    int code = -1;
    snprintf(s->part, sizeof s->part, "%.*s.part", (int)(sizeof s->part - sizeof ".part"), s->file);
    s->owned = true;
    for (int i = 0; i < LATE_MAX && code < 0; i++)
        code = lock_part(s);
    if (code < 0)
        return refuse(s->part, "other commands write it all the time", "another -o FILE");
    return code;
}

/* Only its owner may say that there is nothing in FILE.part. */
static void leave(struct sink *s)
{
#if VELUM_PLANT != 850 /* unit/test_sink: an empty FILE.part stays behind */
    if (s->is_file && s->at == 0 && s->locked)
        unlink(s->part);
#endif
    if (s->owned && s->fd >= 0)
        close(s->fd);
}

int sink_open(struct sink **out, const char *file)
{
    struct sink *s = calloc(1, sizeof *s);
    if (!s)
        return refuse("-o FILE", err_sentence(ERR_NO_MEMORY), "try again");
    *out = s;
    s->fd = -1;
    if (!file || strcmp(file, "-") == 0)
        return open_stream(s, NULL);
    int code = look_at(s, file);
    if (code != 0)
        return code;
    return s->is_file ? open_part(s) : open_stream(s, s->file);
}

int sink_open_at(struct sink **out, int fd, const char *what)
{
    struct sink *s = calloc(1, sizeof *s);
    if (!s)
        return refuse(what, err_sentence(ERR_NO_MEMORY), "try again");
    snprintf(s->part, sizeof s->part, "%s", what);
    s->fd = fd;
    *out = s;
    return 0;
}

int sink_try(const char *file)
{
    struct sink s = {.fd = -1};
    int code = 0;
    if (file && strcmp(file, "-") != 0)
        code = look_at(&s, file);
    if (code == 0 && s.is_file)
        code = open_part(&s);
    leave(&s);
    return code;
}

uint64_t sink_at(const struct sink *s)
{
    return s->at;
}

bool sink_is_file(const struct sink *s)
{
    return s->is_file;
}

const char *sink_where(const struct sink *s)
{
    return s->part;
}

void sink_plain(struct sink *s)
{
    s->plain = true;
}

int sink_read(const struct sink *s, uint64_t at, void *to, size_t len)
{
    int got = file_get(s->fd, at, to, len);
    if (got >= 0 && (size_t)got < len)
        got = ERR_DAMAGED;
    return got < 0 ? refuse_write(s, got) : 0;
}

/* What is there already is part of the name. */
static int add_what_is_there(struct sink *s)
{
    uint8_t bytes[READ_BACK];
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < s->at;) {
        const size_t want = s->at - at < READ_BACK ? (size_t)(s->at - at) : READ_BACK;
        const int got = file_get(s->fd, at, bytes, want);
        if (got != (int)want)
            return got < 0 ? got : ERR_DAMAGED;
        rc = hash_stream_add(s->name, (struct bytes){bytes, want});
        at += want;
    }
    return rc;
}

static int begin_name(struct sink *s)
{
    int rc = s->name ? 0 : hash_stream_new(&s->name);
    if (rc < 0)
        return refuse(s->part, "no thread can be started, or no memory is left", "try again");
    hash_stream_begin(s->name, s->size);
    rc = add_what_is_there(s);
    return rc < 0 ? refuse_write(s, rc) : 0;
}

int sink_begin(struct sink *s, uint64_t size, uint64_t at)
{
    ensure(at <= s->at && at <= size);
    if (s->is_file && at < s->at && ftruncate(s->fd, (off_t)at) < 0)
        return refuse_write(s, file_fault(errno));
    s->at = at;
    s->size = size;
    return s->plain ? 0 : begin_name(s);
}

static int write_all(int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EPIPE ? ERR_CLOSED : file_fault(errno);
        bytes = (struct bytes){bytes.data + n, bytes.len - (size_t)n};
    }
    return 0;
}

static int write_bytes(struct sink *s, struct bytes bytes)
{
    ensure(bytes.len <= s->size - s->at);
    int rc = s->is_file ? file_put(s->fd, s->at, bytes.data, bytes.len) : write_all(s->fd, bytes);
    s->at += rc < 0 ? 0 : bytes.len;
    return rc < 0 ? rc : 0;
}

static int refuse_put(const struct sink *s, int rc)
{
    return rc == ERR_CLOSED ? CODE_NO_READER : refuse_write(s, rc);
}

int sink_put(struct sink *s, struct bytes bytes)
{
    int rc = write_bytes(s, bytes);
    if (rc == 0 && !s->plain)
        rc = hash_stream_add(s->name, bytes);
    return rc < 0 ? refuse_put(s, rc) : 0;
}

int sink_put_piece(struct sink *s, struct bytes bytes, struct digest digest)
{
    int rc = write_bytes(s, bytes);
    if (rc == 0 && !s->plain && !hash_stream_add_piece(s->name, digest))
        rc = hash_stream_add(s->name, bytes);
    return rc < 0 ? refuse_put(s, rc) : 0;
}

int sink_name(struct sink *s, struct digest *name)
{
    bool whole = hash_stream_end(s->name, name);
    ensure(whole);
    return 0;
}

int sink_keep(struct sink *s)
{
    if (!s->is_file)
        return 0;
    if (s->mode != 0 && fchmod(s->fd, s->mode) < 0)
        return refuse(s->file, strerror(errno), "another place: -o FILE");
    if (rename(s->part, s->file) < 0)
        return refuse(s->file, strerror(errno), "another place: -o FILE");
    s->is_file = false;
    return 0;
}

void sink_drop(struct sink *s)
{
    if (s->is_file)
        unlink(s->part);
    s->is_file = false;
}

void sink_close(struct sink *s)
{
    if (!s)
        return;
    hash_stream_free(s->name);
    leave(s);
    free(s);
}
