#include "cmd/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/host/loop.h"

#define ANSWER_US (200 * MS_US)
#define ANSWER_SIZE 512
/* A picture of one pixel that is not to be shown, and the attributes. */
#define QUESTION "\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\\033[c"
#define SIXEL 4 /* the attribute */
#define KEYS 3u /* signals that keys make */

/* Attributes are numbers between semicolons. */
static bool has_attribute(const char *from, const char *end, long wanted)
{
    while (from < end) {
        char *next;
        if (strtol(from, &next, 10) == wanted && next > from)
            return true;
        from = next < end && next > from ? next + 1 : from + 1;
    }
    return false;
}

/* "ESC [ ? ... c", of which `from` is what stands behind the question mark. */
static const char *attributes(const char *said, const char **end)
{
    const char *from = strstr(said, "\033[?");
    while (from) {
        from += 3;
        *end = from + strspn(from, "0123456789;");
        if (**end == 'c')
            return from;
        from = strstr(from, "\033[?");
    }
    return NULL;
}

enum terminal_pictures terminal_read(const char *said, size_t len, bool *whole)
{
    char text[ANSWER_SIZE + 1];
    const char *end = NULL;
    len = len < ANSWER_SIZE ? len : ANSWER_SIZE;
    for (size_t i = 0; i < len; i++)
        text[i] = said[i] ? said[i] : ' ';
    text[len] = '\0';
    const char *from = attributes(text, &end);
    *whole = from != NULL;
    if (strstr(text, "\033_Gi=31;OK\033\\"))
        return TERMINAL_KITTY;
    return from && has_attribute(from, end, SIXEL) ? TERMINAL_SIXEL : TERMINAL_BLOCKS;
}

static enum terminal_pictures await(int fd)
{
    const struct instant until = instant_plus_us(loop_clock(), ANSWER_US);
    char said[ANSWER_SIZE];
    size_t len = 0;
    bool whole = false;
    enum terminal_pictures best = TERMINAL_BLOCKS;
    while (!whole && len < sizeof said) {
        const int64_t left_us = instant_since_us(until, loop_clock());
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left_us <= 0 || poll(&p, 1, (int)(left_us / MS_US) + 1) <= 0)
            return TERMINAL_BLOCKS; /* who does not say all of it may not know what it says */
        const ssize_t n = read(fd, said + len, sizeof said - len);
        if (n <= 0)
            return TERMINAL_BLOCKS;
        len += (size_t)n;
        best = terminal_read(said, len, &whole);
    }
    return whole ? best : TERMINAL_BLOCKS;
}

static bool is_ours(int fd)
{
    const pid_t group = tcgetpgrp(fd);
    return group < 0 || group == getpgrp();
}

void terminal_hold(sigset_t *before, bool all)
{
    static const int held[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < (all ? sizeof held / sizeof *held : KEYS); i++)
        sigaddset(&set, held[i]);
    sigprocmask(SIG_BLOCK, &set, before);
}

void terminal_release(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

enum terminal_pictures terminal_ask(int fd)
{
    enum terminal_pictures best = TERMINAL_BLOCKS;
    struct termios before, raw;
    sigset_t old;
    if (!is_ours(fd) || tcgetattr(fd, &before) != 0)
        return best;
    terminal_hold(&old, true);
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSADRAIN, &raw) == 0) {
        if (write(fd, QUESTION, sizeof QUESTION - 1) == sizeof QUESTION - 1)
            best = await(fd);
        (void)tcsetattr(fd, TCSANOW, &before);
    }
    terminal_release(&old);
    return best;
}
