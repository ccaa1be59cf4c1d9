#include "cmd/map_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"

struct source {
    const char *const *words; /* borrowed, or owned by `list` */
    size_t count, at;
    char **list;
    char *bytes; /* what `list` points into */
};

/* The only source, read as it is needed. What was read and not given yet lies from `at` to `len`.
 */
struct stream {
    int fd;
    const char *name;
    bool ended;
    size_t at, len;
    char bytes[65536];
};

struct map_inputs {
    struct source sources[MAP_SOURCES_MAX];
    size_t count;
    uint64_t seq;
    bool ended;
    int ends_with;
    size_t bytes;
    struct stream *stream;
    char value[MAP_VALUE_MAX + 1];
};

bool map_is_mark(const char *word)
{
    return strncmp(word, ":::", 3) == 0;
}

static int refuse(char message[MAP_MESSAGE_SIZE], int rc, const char *name, const char *why)
{
    snprintf(message, MAP_MESSAGE_SIZE, "%.200s: %s", name, why);
    return rc;
}

static FILE *open_file(const char *name)
{
    return strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
}

/* --- a file that is read whole --- */

static int read_whole(struct map_inputs *m, FILE *from, char **out, size_t *len)
{
    size_t cap = 0, n;
    *out = NULL;
    *len = 0;
    do {
        if (*len + 1 >= cap) {
            cap = cap ? cap * 2 : 65536;
            char *more = realloc(*out, cap);
            if (!more)
                return ERR_NO_MEMORY;
            *out = more;
        }
        n = fread(*out + *len, 1, cap - *len - 1, from);
        *len += n;
        m->bytes += n;
        if (m->bytes > MAP_BYTES_MAX)
            return ERR_FULL;
    } while (n > 0);
    (*out)[*len] = 0;
    return ferror(from) ? ERR_IO : 0;
}

/* The values of a file, each ended in place. */
static int split(struct source *s, size_t len, int ends_with)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < len; i++)
        count += s->bytes[i] == ends_with;
    count += len > 0 && s->bytes[len - 1] != ends_with;
    s->list = calloc(count + 1, sizeof *s->list);
    if (!s->list)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        char *end = memchr(s->bytes + at, ends_with, len - at);
        size_t size = end ? (size_t)(end - s->bytes) - at : len - at;
        if (size > MAP_VALUE_MAX || memchr(s->bytes + at, 0, size))
            return ERR_TOO_LARGE;
        s->bytes[at + size] = 0;
        s->list[i] = s->bytes + at;
        at += size + 1;
    }
    s->words = (const char *const *)s->list;
    s->count = count;
    return 0;
}

static const char *why_of(int rc)
{
    switch (rc) {
    case ERR_FULL:
        return "more than 64 MiB; a file that is the only source may have any length";
    case ERR_TOO_LARGE:
        return "a line is longer than 1,023 bytes, or has a zero byte (--null splits at these)";
    default:
        return err_sentence(rc);
    }
}

static int load(struct map_inputs *m, struct source *s, const char *name,
                char message[MAP_MESSAGE_SIZE])
{
    FILE *from = open_file(name);
    size_t len = 0;
    if (!from)
        return refuse(message, ERR_SYSTEM, name, strerror(errno));
    int rc = read_whole(m, from, &s->bytes, &len);
    if (from != stdin)
        fclose(from);
    if (rc == 0)
        rc = split(s, len, m->ends_with);
    return rc < 0 ? refuse(message, rc, name, why_of(rc)) : 0;
}

/* --- opening --- */

static int open_stream(struct map_inputs *m, const char *name, char message[MAP_MESSAGE_SIZE])
{
    const bool own = strcmp(name, "-") == 0;
    m->stream = calloc(1, sizeof *m->stream);
    if (!m->stream)
        return refuse(message, ERR_NO_MEMORY, name, err_sentence(ERR_NO_MEMORY));
    m->stream->name = own ? "standard input" : name;
    m->stream->fd = own ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    return m->stream->fd < 0 ? refuse(message, ERR_SYSTEM, name, strerror(errno)) : 0;
}

static int add_source(struct map_inputs *m, struct source **out, char message[MAP_MESSAGE_SIZE])
{
    if (m->count == MAP_SOURCES_MAX)
        return refuse(message, ERR_FULL, ":::", "more than 16 sources");
    *out = &m->sources[m->count++];
    return 0;
}

/* The words behind one mark; `only`: there is no other. */
static int add_group(struct map_inputs *m, const char *mark, int count, char *const *words,
                     bool only, char message[MAP_MESSAGE_SIZE])
{
    struct source *s;
    int rc = 0;
    if (strcmp(mark, ":::") == 0) {
        rc = add_source(m, &s, message);
        if (rc == 0)
            *s = (struct source){.words = (const char *const *)words, .count = (size_t)count};
        for (int i = 0; rc == 0 && i < count; i++)
            if (strlen(words[i]) > MAP_VALUE_MAX)
                rc = refuse(message, ERR_TOO_LARGE, words[i], "longer than 1,023 bytes");
        return rc;
    }
    if (strcmp(mark, "::::") != 0)
        return refuse(message, ERR_ARGUMENT, mark, "no mark of inputs; ::: and :::: are");
    if (count == 0)
        return refuse(message, ERR_ARGUMENT, mark, "a file is missing");
    if (only && count == 1)
        return open_stream(m, words[0], message);
    for (int i = 0; rc == 0 && i < count; i++) {
        rc = add_source(m, &s, message);
        if (rc == 0)
            rc = load(m, s, words[i], message);
    }
    return rc;
}

static int add_all(struct map_inputs *m, int argc, char *const *argv,
                   char message[MAP_MESSAGE_SIZE])
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < argc;) {
        int end = i + 1;
        while (end < argc && !map_is_mark(argv[end]))
            end++;
        rc = add_group(m, argv[i], end - i - 1, argv + i + 1, i == 0 && end == argc, message);
        i = end;
    }
    return rc;
}

int map_inputs_open(struct map_inputs **out, int argc, char *const *argv, bool null,
                    char message[MAP_MESSAGE_SIZE])
{
    struct map_inputs *m = calloc(1, sizeof *m);
    message[0] = 0;
    if (!m)
        return refuse(message, ERR_NO_MEMORY, "inputs", err_sentence(ERR_NO_MEMORY));
    m->ends_with = null ? 0 : '\n';
    int rc = argc == 0 ? open_stream(m, "-", message) : add_all(m, argc, argv, message);
    if (rc < 0) {
        map_inputs_close(m);
        return rc;
    }
    *out = m;
    return 0;
}

/* --- one after the other --- */

/* One read, where it does not wait. 1 when something came or it has ended, MAP_LATER, or < 0. */
static int fill(struct stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    memmove(s->bytes, s->bytes + s->at, s->len - s->at);
    s->len -= s->at;
    s->at = 0;
    if (poll(&p, 1, 0) == 0)
        return MAP_LATER;
    ssize_t n = read(s->fd, s->bytes + s->len, sizeof s->bytes - s->len);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? MAP_LATER : ERR_SYSTEM;
    s->ended = n == 0;
    s->len += (size_t)n;
    return 1;
}

static int take_value(struct map_inputs *m, size_t size, struct map_input *out,
                      char message[MAP_MESSAGE_SIZE])
{
    struct stream *s = m->stream;
    char where[256];
    m->seq++;
    snprintf(where, sizeof where, "%.180s, line %llu", s->name, (unsigned long long)m->seq);
    if (size > MAP_VALUE_MAX)
        return refuse(message, ERR_TOO_LARGE, where, "longer than 1,023 bytes");
    if (memchr(s->bytes + s->at, 0, size))
        return refuse(message, ERR_ARGUMENT, where, "a zero byte; --null splits at these");
    memcpy(m->value, s->bytes + s->at, size);
    m->value[size] = 0;
    s->at += size + (s->at + size < s->len);
    *out = (struct map_input){.seq = m->seq, .count = 1, .values = {m->value}};
    return 1;
}

static int next_line(struct map_inputs *m, struct map_input *out, char message[MAP_MESSAGE_SIZE])
{
    struct stream *s = m->stream;
    for (;;) {
        const char *end = memchr(s->bytes + s->at, m->ends_with, s->len - s->at);
        size_t size = end ? (size_t)(end - s->bytes) - s->at : s->len - s->at;
        if (end || size > MAP_VALUE_MAX || (s->ended && size > 0))
            return take_value(m, size, out, message);
        if (s->ended)
            return 0;
        int rc = fill(s);
        if (rc == MAP_LATER)
            return rc;
        if (rc < 0)
            return refuse(message, rc, s->name, strerror(errno));
    }
}

int map_inputs_fd(const struct map_inputs *m)
{
    return m->stream ? m->stream->fd : -1;
}

/* The last source goes on; one that is through begins again, and the one before it goes on. */
static void advance(struct map_inputs *m)
{
    for (size_t i = m->count; i-- > 0;) {
        if (++m->sources[i].at < m->sources[i].count)
            return;
        m->sources[i].at = 0;
    }
    m->ended = true;
}

int map_inputs_next(struct map_inputs *m, struct map_input *out, char message[MAP_MESSAGE_SIZE])
{
    if (m->stream)
        return next_line(m, out, message);
    if (m->ended || map_inputs_total(m) == 0)
        return 0;
    *out = (struct map_input){.seq = ++m->seq, .count = m->count};
    for (size_t i = 0; i < m->count; i++)
        out->values[i] = m->sources[i].words[m->sources[i].at];
    advance(m);
    return 1;
}

void map_inputs_wait(const struct map_inputs *m)
{
    struct pollfd p = {.fd = map_inputs_fd(m), .events = POLLIN};
    (void)poll(&p, 1, -1);
}

size_t map_inputs_sources(const struct map_inputs *m)
{
    return m->stream ? 1 : m->count;
}

uint64_t map_inputs_total(const struct map_inputs *m)
{
    uint64_t total = 1;
    if (m->stream)
        return 0;
    for (size_t i = 0; i < m->count; i++)
        if (__builtin_mul_overflow(total, m->sources[i].count, &total))
            return UINT64_MAX;
    return total;
}

void map_inputs_close(struct map_inputs *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++) {
        free(m->sources[i].list);
        free(m->sources[i].bytes);
    }
    if (m->stream && m->stream->fd > STDIN_FILENO)
        close(m->stream->fd);
    free(m->stream);
    free(m);
}
