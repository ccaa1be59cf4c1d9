#include "core/host/ini_file.h"

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
/* Debian's inih takes lines of 199 bytes. A longer value stays with us, and inih is handed a
 * stand-in for it. */
#define LIBRARY_LINE_MAX 190
#define KEY_SIZE_MAX 64
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* some editors begin a file with it */

static void say(char message[INI_MESSAGE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char message[INI_MESSAGE_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, INI_MESSAGE_SIZE, format, args);
    va_end(args);
}

/* Reads the file line by line for inih, counts, and refuses what inih would quietly change: lines
 * it would cut, lines it would join to the one before, values it would end at a ';'. */
struct feed {
    const struct ini_taker *taker;
    const char *path;
    char *text;
    size_t len;
    size_t at;
    uint32_t line;
    char long_value[LINE_SIZE_MAX + 1]; /* of this line, when inih has its stand-in */
    bool in_section;
    int rc;
    uint32_t failed_line;
    char *message;
};

static void fail(struct feed *f, int rc, const char *what)
{
    char copy[INI_MESSAGE_SIZE];
    if (f->rc < 0)
        return;
    f->rc = rc;
    f->failed_line = f->line;
    text_sanitise(what, strlen(what), true, copy, sizeof copy); /* it may quote the file */
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
    char key[KEY_SIZE_MAX], what[INI_MESSAGE_SIZE];
    const char *start = line + strspn(line, " \t");
    key_of(start, key);
    if (start != line) {
        say(what, "%s begins with a blank; begin the line with the key", key);
    } else if (*line == '[') {
        int rc = f->taker->section(f->taker->ctx, line, what);
        f->in_section = true;
        if (rc == 0)
            return false;
    } else if (!strpbrk(line, "=:") || *key == '\0') {
        say(what, "%s is not of the form key = value", key);
    } else if (!f->in_section) {
        say(what, "%s stands before %s", key, f->taker->first_section);
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
        char key[KEY_SIZE_MAX], what[INI_MESSAGE_SIZE];
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
    char what[INI_MESSAGE_SIZE];
    (void)section; /* refuse_line has seen to it */
    if (f->rc < 0)
        return 0;
    int rc = f->taker->pair(f->taker->ctx, key, f->long_value[0] ? f->long_value : value, what);
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
        say(f->message, "cannot read %s %.200s: %s; %s", f->taker->what, f->path, strerror(errno),
            f->taker->hint);
        if (fd >= 0)
            close(fd);
        return ERR_NOT_FOUND;
    }
    if (!S_ISREG(s.st_mode)) {
        say(f->message, "%s %.200s is not a regular file; %s", f->taker->what, f->path,
            f->taker->hint);
        close(fd);
        return ERR_FORMAT;
    }
    /* One byte more than there should be, so that a file that grows meanwhile is seen to. */
    const size_t most = f->taker->size_max > 0 ? f->taker->size_max : FILE_SIZE_MAX;
    const size_t room = (size_t)s.st_size < most ? (size_t)s.st_size + 1 : most + 1;
    f->text = malloc(room + 1);
    if (!f->text) {
        close(fd);
        say(f->message, "cannot read %s %.200s: out of memory", f->taker->what, f->path);
        return ERR_NO_MEMORY;
    }
    while ((n = read(fd, f->text + got, room - got)) > 0)
        got += (size_t)n;
    close(fd);
    f->len = got;
    if (n == 0 && got < room) {
        f->at = got >= 3 && memcmp(f->text, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
        return 0;
    }
    if (n < 0)
        say(f->message, "reading %s %.200s failed; look at that file", f->taker->what, f->path);
    else
        say(f->message, "%s %.200s is larger than %zu bytes; is it the right file?", f->taker->what,
            f->path, room - 1);
    return n < 0 ? ERR_IO : ERR_TOO_LARGE;
}

int ini_file_read(const char *path, const struct ini_taker *taker, char message[INI_MESSAGE_SIZE])
{
    message[0] = '\0';
    struct feed f = {.taker = taker, .path = path, .message = message};
    int rc = load(&f);
    if (rc == 0) {
        if (taker->line)
            *taker->line = &f.line;
        int line = ini_parse_stream(feed_line, &f, take_pair, &f);
        if (f.rc == 0 && line != 0) { /* what our reader let pass and the library did not */
            f.line = line > 0 ? (uint32_t)line : f.line;
            fail(&f, ERR_FORMAT, "this is not of the form key = value");
        }
        rc = f.rc;
        if (taker->line)
            *taker->line = NULL;
    }
    free(f.text);
    return rc;
}
