#include "core/host/conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"

#define FILE_SIZE_MAX 65536
#define LINE_SIZE_MAX 1024
#define SLOTS_MAX 1024
#define OBJECTS_MAX ((uint64_t)1 << 60)
#define KEEP_DAYS_MAX 365
#define KEEP_JOBS_MAX 2000
#define TOMBSTONE_DAYS_MIN 8
/* Debian's inih takes lines of 199 bytes. A longer value stays with us, and inih is handed a
 * stand-in for it. */
#define LIBRARY_LINE_MAX 190
#define KEY_SIZE_MAX 64
#define VALUE_SHOWN 60

static void say(char message[CONF_MESSAGE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char message[CONF_MESSAGE_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, CONF_MESSAGE_SIZE, format, args);
    va_end(args);
}

static bool is_number_in(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    return text_to_u64(text, max, value) == 0 && *value >= min;
}

static bool set_port(struct conf *c, const char *value)
{
    uint64_t port;
    if (!is_number_in(value, 1, UINT16_MAX, &port))
        return false;
    c->port = (uint16_t)port;
    return true;
}

static bool is_numeric_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool set_bind(struct conf *c, const char *value)
{
    return (strcmp(value, "localhost") == 0 || is_numeric_address(value)) &&
           text_copy(c->bind, sizeof c->bind, value);
}

static bool is_host(const char *host, size_t len)
{
    char text[256];
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    if (text[0] == '[') { /* [IPv6] */
        if (text[len - 1] != ']')
            return false;
        text[len - 1] = '\0';
        return strchr(text, ':') && is_numeric_address(text + 1);
    }
    return text[0] != '-' && text[0] != '.' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == len;
}

static bool add_peer(struct conf *c, const char *value)
{
    uint64_t port;
    const char *colon = strrchr(value, ':');
    if (!colon || !is_host(value, (size_t)(colon - value)) ||
        !is_number_in(colon + 1, 1, UINT16_MAX, &port) || strlen(value) >= ADDR_SIZE)
        return false;
    for (uint32_t i = 0; i < c->peers_count; i++)
        if (strcmp(c->peers[i], value) == 0)
            return true;
    if (c->peers_count == CONF_PEERS_MAX)
        return false;
    return text_copy(c->peers[c->peers_count++], ADDR_SIZE, value);
}

static bool set_name(struct conf *c, const char *value)
{
    return text_is_name(value) && text_copy(c->name, sizeof c->name, value);
}

static bool set_slots(struct conf *c, const char *value)
{
    uint64_t slots;
    if (!is_number_in(value, 1, SLOTS_MAX, &slots))
        return false;
    c->slots = (uint32_t)slots;
    return true;
}

static bool set_path(char to[PATH_SIZE_MAX], const char *value)
{
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            return false;
    return *value && strlen(value) < PATH_SIZE_MAX && text_copy(to, PATH_SIZE_MAX, value);
}

static bool set_data(struct conf *c, const char *value)
{
    return set_path(c->data, value);
}

static bool set_plugins(struct conf *c, const char *value)
{
    return set_path(c->plugins, value);
}

static bool set_objects(struct conf *c, const char *value)
{
    return text_to_bytes(value, OBJECTS_MAX, &c->objects) == 0;
}

static bool set_number(uint32_t *to, const char *value, uint64_t min, uint64_t max)
{
    uint64_t number;
    if (!is_number_in(value, min, max, &number))
        return false;
    *to = (uint32_t)number;
    return true;
}

static bool set_keep_days(struct conf *c, const char *value)
{
    return set_number(&c->keep_days, value, 1, KEEP_DAYS_MAX);
}

static bool set_keep_jobs(struct conf *c, const char *value)
{
    return set_number(&c->keep_jobs, value, 1, KEEP_JOBS_MAX);
}

/* Fewer than a submission may be ahead of its last date, and the same bytes could be a new job. */
static bool set_tombstone_days(struct conf *c, const char *value)
{
    return set_number(&c->tombstone_days, value, TOMBSTONE_DAYS_MIN, KEEP_DAYS_MAX);
}

static const struct row {
    const char *key;
    const char *default_text;
    const char *effect; /* with its unit; conf/velum.conf and the help show the same words */
    const char *allowed;
    bool (*set)(struct conf *c, const char *value);
    bool repeats;
} rows[] = {
    {"port", "8001", "the TCP port the node listens on", "a number from 1 to 65535", set_port,
     false},
    {"bind", "127.0.0.1", "the address it listens on; one that is not loopback opens the node",
     "a numeric IPv4 or IPv6 address, or localhost", set_bind, false},
    {"peer", "none", "a node to connect to, as host:port; once for each, at most 64",
     "host:port or [IPv6]:port, at most 64 of them", add_peer, true},
    {"name", "an adjective and an animal, made from the node's id", "what people call the node",
     "1 to 63 of a to z, 0 to 9 and -, not starting with -", set_name, false},
    {"slots", "as many as cores this process may use", "how many workers may run at a time",
     "a number from 1 to 1024", set_slots, false},
    {"data", "$VELUM_HOME/nodes/PORT", "the node's state folder: key, journal, lock",
     "a path of 1 to 1023 bytes", set_data, false},
    {"plugins", "none", "a folder; every .so in it is tried at start and loaded as a kernel",
     "a path of 1 to 1023 bytes", set_plugins, false},
    {"objects", "10G, or half of what is free at the start if that is less",
     "bytes of objects that the node keeps at most; with 0 it keeps none",
     "a number of bytes, or one with K, M, G or T behind it", set_objects, false},
    {"keep_days", "7", "days for which a finished job keeps its result and log",
     "a number from 1 to 365", set_keep_days, false},
    {"keep_jobs", "2000", "finished jobs that keep them; beyond, the oldest are forgotten first",
     "a number from 1 to 2000", set_keep_jobs, false},
    {"tombstone_days", "30",
     "days for which the name of a forgotten job is kept; the same on every node",
     "a number from 8 to 365", set_tombstone_days, false},
};

#define ROWS_COUNT (sizeof rows / sizeof *rows)

void conf_default(struct conf *c)
{
    memset(c, 0, sizeof *c);
    c->port = 8001;
    text_copy(c->bind, sizeof c->bind, "127.0.0.1");
    c->objects = CONF_OBJECTS_AUTO;
    c->keep_days = 7;
    c->keep_jobs = KEEP_JOBS_MAX;
    c->tombstone_days = 30;
}

const char *conf_key(uint32_t i, const char **default_text, const char **effect)
{
    if (i >= ROWS_COUNT)
        return NULL;
    if (default_text)
        *default_text = rows[i].default_text;
    if (effect)
        *effect = rows[i].effect;
    return rows[i].key;
}

static const struct row *row_of(const char *key)
{
    for (size_t i = 0; i < ROWS_COUNT; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

static void say_unknown(char *message, const char *key)
{
    char shown[KEY_SIZE_MAX];
    const char *nearest = NULL;
    size_t best = 3;
    text_sanitise(key, strlen(key), true, shown, sizeof shown);
    for (size_t i = 0; i < ROWS_COUNT && strlen(key) < KEY_SIZE_MAX; i++) {
        size_t distance = text_distance(rows[i].key, key);
        if (distance < best) {
            best = distance;
            nearest = rows[i].key;
        }
    }
    if (nearest)
        say(message, "there is no key %s; did you mean %s?", shown, nearest);
    else
        say(message,
            "there is no key %s; allowed are port, bind, peer, name, slots, data, plugins, "
            "objects, keep_days, keep_jobs and tombstone_days",
            shown);
}

int conf_set(struct conf *c, const char *key, const char *value, char message[CONF_MESSAGE_SIZE])
{
    char shown[VALUE_SHOWN];
    const struct row *row = row_of(key);
    message[0] = '\0';
    if (!row) {
        say_unknown(message, key);
        return ERR_NOT_FOUND;
    }
    if (row->set(c, value))
        return 0;
    text_sanitise(value, strlen(value), true, shown, sizeof shown);
    say(message, "%s cannot be \"%s\"; allowed is %s", row->key, shown, row->allowed);
    return ERR_ARGUMENT;
}

/* Reads the file line by line for inih, counts, and refuses what inih would quietly change: lines
 * it would cut, lines it would join to the one before, values it would end at a ';'. */
struct feed {
    struct conf *conf;
    const char *path;
    char *text;
    size_t len;
    size_t at;
    uint32_t line;
    char long_value[LINE_SIZE_MAX + 1]; /* of this line, when inih has its stand-in */
    bool in_section;
    bool seen[ROWS_COUNT];
    int rc;
    uint32_t failed_line;
    char *message;
};

static void fail(struct feed *f, int rc, const char *what)
{
    char copy[CONF_MESSAGE_SIZE];
    if (f->rc < 0)
        return;
    f->rc = rc;
    f->failed_line = f->line;
    text_copy(copy, sizeof copy, what);
    say(f->message, "%.200s line %u: %s", f->path, f->line, copy);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The name before the '=', for a sentence. */
static void key_of(const char *line, char key[KEY_SIZE_MAX])
{
    size_t len = strcspn(line, "=: \t");
    text_sanitise(line, len, true, key, KEY_SIZE_MAX);
}

/* What is wrong with a line that is neither empty nor a comment. */
static bool refuse_line(struct feed *f, const char *line)
{
    char key[KEY_SIZE_MAX], what[CONF_MESSAGE_SIZE];
    const char *start = line + strspn(line, " \t");
    key_of(start, key);
    if (start != line) {
        say(what, "%s begins with a blank; begin the line with the key", key);
    } else if (*line == '[') {
        f->in_section = strcmp(line, "[node]") == 0;
        if (f->in_section)
            return false;
        say(what, "the only section is [node], alone on its line");
    } else if (!strpbrk(line, "=:") || *key == '\0') {
        say(what, "%s is not of the form key = value", key);
    } else if (!f->in_section) {
        say(what, "%s stands before the line [node]; put [node] above it", key);
    } else {
        for (const char *at = line; (at = strchr(at, ';')); at++)
            if (is_blank(at[-1])) {
                say(what, "%s has a ';' after a blank; put the comment on a line of its own", key);
                fail(f, ERR_FORMAT, what);
                return true;
            }
        return false;
    }
    fail(f, ERR_FORMAT, what);
    return true;
}

/* Puts a value that inih cannot carry aside. `line` has room for it as it is. */
static void shorten(struct feed *f, char *line)
{
    f->long_value[0] = '\0';
    if (strlen(line) <= LIBRARY_LINE_MAX)
        return;
    char *value = line + strcspn(line, "=:") + 1;
    if (value - line > KEY_SIZE_MAX) {
        fail(f, ERR_TOO_LARGE, "the key is longer than 63 bytes");
        return;
    }
    text_copy(f->long_value, sizeof f->long_value, value + strspn(value, " \t"));
    text_copy(value, 2, "@");
}

/* The next line without its end, NULL at the end of the file or after a failure. */
static char *next_line(struct feed *f)
{
    if (f->rc < 0 || f->at >= f->len)
        return NULL;
    f->line++;
    char *line = f->text + f->at;
    char *end = memchr(line, '\n', f->len - f->at);
    size_t len = end ? (size_t)(end - line) : f->len - f->at;
    f->at += len + (end ? 1 : 0);
    line[len] = '\0';
    if (strlen(line) != len) {
        fail(f, ERR_FORMAT, "there is a zero byte in it; is this a text file?");
        return NULL;
    }
    if (len > LINE_SIZE_MAX) {
        char key[KEY_SIZE_MAX], what[CONF_MESSAGE_SIZE];
        key_of(line, key);
        say(what, "%s: the line is longer than %d bytes", key, LINE_SIZE_MAX);
        fail(f, ERR_TOO_LARGE, what);
        return NULL;
    }
    while (len > 0 && (is_blank(line[len - 1]) || line[len - 1] == '\r'))
        line[--len] = '\0';
    return line;
}

/* inih's reader: fills `to` with one line as fgets does. Comments and empty lines become empty
 * ones, so that both sides count alike. */
static char *feed_line(char *to, int size, void *stream)
{
    struct feed *f = stream;
    char *line = next_line(f);
    if (!line)
        return NULL;
    const char *start = line + strspn(line, " \t");
    if (*start == '\0' || *start == '#' || *start == ';') {
        text_copy(to, (size_t)size, "\n");
        return to;
    }
    if (refuse_line(f, line))
        return NULL;
    shorten(f, line);
    if (f->rc < 0)
        return NULL;
    if (!text_copy(to, (size_t)size, line) || !text_append(to, (size_t)size, "\n")) {
        fail(f, ERR_TOO_LARGE, "the line is longer than the library of this machine takes");
        return NULL;
    }
    return to;
}

static int take_pair(void *ctx, const char *section, const char *key, const char *value)
{
    struct feed *f = ctx;
    char what[CONF_MESSAGE_SIZE];
    (void)section; /* refuse_line has seen to it */
    if (f->rc < 0)
        return 0;
    const struct row *row = row_of(key);
    if (row && f->seen[row - rows] && !row->repeats) {
        say(what, "%s is set a second time; keep one of the two", key);
        fail(f, ERR_EXISTS, what);
        return 0;
    }
    if (row)
        f->seen[row - rows] = true;
    int rc = conf_set(f->conf, key, f->long_value[0] ? f->long_value : value, what);
    if (rc < 0)
        fail(f, rc, what);
    return rc == 0;
}

static int load(struct feed *f)
{
    struct stat s;
    size_t got = 0;
    ssize_t n;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &s) != 0) {
        say(f->message, "cannot read the configuration %.200s: %s; check --config", f->path,
            strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_NOT_FOUND;
    }
    if (!S_ISREG(s.st_mode)) {
        say(f->message, "the configuration %.200s is not a regular file; check --config", f->path);
        close(fd);
        return ERR_FORMAT;
    }
    while ((n = read(fd, f->text + got, FILE_SIZE_MAX + 1 - got)) > 0)
        got += (size_t)n;
    close(fd);
    f->len = got;
    if (n == 0 && got <= FILE_SIZE_MAX)
        return 0;
    if (n < 0)
        say(f->message, "reading the configuration %.200s failed; look at that file", f->path);
    else
        say(f->message, "the configuration %.200s is larger than %d bytes; is it the right file?",
            f->path, FILE_SIZE_MAX);
    return n < 0 ? ERR_IO : ERR_TOO_LARGE;
}

int conf_read(struct conf *c, const char *path, char message[CONF_MESSAGE_SIZE])
{
    message[0] = '\0';
    if (!path)
        return 0;
    struct feed f = {.conf = c, .path = path, .message = message};
    f.text = malloc(FILE_SIZE_MAX + 2);
    if (!f.text) {
        say(message, "cannot read the configuration %.200s: out of memory", path);
        return ERR_NO_MEMORY;
    }
    int rc = load(&f);
    if (rc == 0) {
        int line = ini_parse_stream(feed_line, &f, take_pair, &f);
        if (f.rc == 0 && line != 0) { /* what our reader let pass and the library did not */
            f.line = line > 0 ? (uint32_t)line : f.line;
            fail(&f, ERR_FORMAT, "this is not of the form key = value");
        }
        rc = f.rc;
    }
    free(f.text);
    return rc;
}
