/* What terminals answer, and that one which was asked is what it was. */
#include "cmd/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/prng.h"
#include "core/host/loop.h"
#include "tests/lib/check.h"

#define KITTY "\033_Gi=31;OK\033\\"

static void check_answer(const char *said, enum terminal_pictures best, bool whole)
{
    bool is_whole = !whole;
    CHECK_INT(terminal_read(said, strlen(said), &is_whole), best);
    CHECK_INT(is_whole, whole);
}

TEST(test_answers_of_terminals)
{
    check_answer("\033[?62;4;22c", TERMINAL_SIXEL, true);
    check_answer("\033[?4c", TERMINAL_SIXEL, true);
    check_answer("\033[?62;22;4c", TERMINAL_SIXEL, true);
    check_answer("\033[?62;14;44;22c", TERMINAL_BLOCKS, true);
    check_answer("\033[?1;2c", TERMINAL_BLOCKS, true);
    check_answer(KITTY "\033[?62;4c", TERMINAL_KITTY, true);
    check_answer("\033_Gi=31;EINVAL:no\033\\\033[?62c", TERMINAL_BLOCKS, true);
    /* What was typed meanwhile, and another answer in front. */
    check_answer("ls\n\033[?25;1$y\033[?62;4cq", TERMINAL_SIXEL, true);
    check_answer("", TERMINAL_BLOCKS, false);
    check_answer("\033[?62;4", TERMINAL_BLOCKS, false);
    check_answer("\033[62;4c", TERMINAL_BLOCKS, false);
    check_answer("\033[?", TERMINAL_BLOCKS, false);
}

/* Nothing of it is trusted: any bytes, made of what answers are made of, so that they come far. */
TEST(test_any_bytes_are_read)
{
    static const char parts[] = "\033\033\033[[??__G;;44c1\\iO=K,\0\xff";
    struct prng prng;
    prng_init(&prng, 57);
    for (unsigned round = 0; round < 3000; round++) {
        const size_t len = (size_t)(prng_u64(&prng) % 700);
        char *said = malloc(len + 1); /* of its own length, for a sanitizer */
        bool whole;
        REQUIRE(said);
        for (size_t i = 0; i < len; i++)
            said[i] = parts[prng_u64(&prng) % (sizeof parts - 1)];
        CHECK(terminal_read(said, len, &whole) <= TERMINAL_KITTY);
        free(said);
    }
}

struct screen {
    int master, fd;
    struct termios modes;
};

static bool open_screen(struct screen *s)
{
    s->master = posix_openpt(O_RDWR | O_NOCTTY);
    if (s->master < 0 || grantpt(s->master) != 0 || unlockpt(s->master) != 0)
        return false;
    s->fd = open(ptsname(s->master), O_RDWR | O_NOCTTY);
    return s->fd >= 0 && tcgetattr(s->fd, &s->modes) == 0;
}

/* The modes are those of before. */
static void close_screen(struct screen *s)
{
    struct termios now;
    REQUIRE(tcgetattr(s->fd, &now) == 0);
    CHECK_INT(now.c_lflag, s->modes.c_lflag);
    CHECK_INT(now.c_iflag, s->modes.c_iflag);
    CHECK_INT(now.c_cc[VMIN], s->modes.c_cc[VMIN]);
    close(s->fd);
    close(s->master);
}

/* The answer lies there before the question is asked, however slow this machine is. */
static enum terminal_pictures ask_with(const char *answer)
{
    struct screen s;
    REQUIRE(open_screen(&s));
    const size_t len = strlen(answer);
    REQUIRE(write(s.master, answer, len) == (ssize_t)len);
    const enum terminal_pictures best = terminal_ask(s.fd);
    close_screen(&s);
    return best;
}

TEST(test_a_terminal_is_asked)
{
    CHECK_INT(ask_with("\033[?62;4;22c"), TERMINAL_SIXEL);
    CHECK_INT(ask_with(KITTY "\033[?62;22c"), TERMINAL_KITTY);
    CHECK_INT(ask_with("\033[?1;2c"), TERMINAL_BLOCKS);
}

TEST(test_one_that_does_not_answer_is_waited_for_and_no_longer)
{
    const struct instant start = loop_clock();
    CHECK_INT(ask_with("\033[?62;4"), TERMINAL_BLOCKS);
    const int64_t took_us = instant_since_us(loop_clock(), start);
    CHECK(took_us >= 200 * MS_US);
    CHECK(took_us < 5 * S_US);
}

TEST(test_what_is_no_terminal_is_not_asked)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    CHECK_INT(terminal_ask(ends[1]), TERMINAL_BLOCKS);
    CHECK_INT(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    char byte;
    CHECK_INT(read(ends[0], &byte, 1), -1);
    close(ends[0]);
    close(ends[1]);
}

/* A signal that comes while it is asked ends the process, and the modes are those of before. */
TEST(test_who_is_ended_meanwhile_leaves_a_terminal_as_it_was)
{
    struct screen s;
    char question[64];
    int status = 0;
    REQUIRE(open_screen(&s));
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        terminal_ask(s.fd);
        _exit(7);
    }
    REQUIRE(read(s.master, question, sizeof question) > 0);
    REQUIRE(kill(pid, SIGINT) == 0);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) || WEXITSTATUS(status) == 7);
    close_screen(&s);
}

TEST_MAIN(test_answers_of_terminals, test_any_bytes_are_read, test_a_terminal_is_asked,
          test_one_that_does_not_answer_is_waited_for_and_no_longer,
          test_what_is_no_terminal_is_not_asked,
          test_who_is_ended_meanwhile_leaves_a_terminal_as_it_was)
