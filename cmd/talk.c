#include "cmd/talk.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *command_name;

void talk_open(const char *command)
{
    command_name = command;
}

bool talk_is_terminal(void)
{
    return isatty(STDERR_FILENO) != 0;
}

bool talk_nobody_reads(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

static bool is_coloured(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool dumb = term && term[0] == 'd' && term[1] == 'u';
    return talk_is_terminal() && !(no && no[0]) && !dumb;
}

const char *talk_red(void)
{
    return is_coloured() ? "\033[31m" : "";
}

const char *talk_green(void)
{
    return is_coloured() ? "\033[32m" : "";
}

const char *talk_dim(void)
{
    return is_coloured() ? "\033[2m" : "";
}

const char *talk_plain(void)
{
    return is_coloured() ? "\033[0m" : "";
}

unsigned talk_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

bool talk_blames_clock(const char *message)
{
    return strstr(message, "by the clock of this machine") != NULL;
}

void talk_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%svelum%s%s:%s ", talk_red(), command_name ? " " : "",
            command_name ? command_name : "", talk_plain());
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void talk_try(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "try: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void talk_said(const char *sentence)
{
    static const char between[] = "; try: ";
    const char *hint = strstr(sentence, between);
    talk_error("%.*s", (int)(hint ? (size_t)(hint - sentence) : strlen(sentence)), sentence);
    if (hint)
        talk_try("%s", hint + sizeof between - 1);
}

void talk_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}
