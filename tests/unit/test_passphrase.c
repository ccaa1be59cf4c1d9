/* A passphrase from a terminal, which shows nothing of it and is afterwards what it was; and from a
 * file. */
#include "cmd/passphrase.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/talk.h"
#include "tests/lib/check.h"

struct screen {
    int master;
    pid_t pid;
    char shown[512];
    size_t len;
};

/* In a session of its own, whose terminal that is. The exit code says what came of it: 40 and the
 * length, or the code of the failure. */
static void child(const char *name, bool is_new)
{
    struct passphrase p;
    (void)setsid();
    int fd = open(name, O_RDWR);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) != 0)
        _exit(99);
    dup2(fd, STDERR_FILENO);
    int code = passphrase_take(&p, NULL, is_new);
    struct termios now;
    if (tcgetattr(fd, &now) != 0 || (now.c_lflag & (ICANON | ECHO | ISIG)) == 0)
        _exit(98);
    _exit(code == CODE_DONE ? 40 + (int)p.len : code);
}

static void open_screen(struct screen *s, bool is_new)
{
    s->len = 0;
    s->master = posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(s->master >= 0 && grantpt(s->master) == 0 && unlockpt(s->master) == 0);
    const char *name = ptsname(s->master);
    REQUIRE(name);
    s->pid = fork();
    REQUIRE(s->pid >= 0);
    if (s->pid == 0)
        child(name, is_new);
}

/* Until this was shown, from where the last such wait ended. */
static bool shows(struct screen *s, const char *text)
{
    struct pollfd p = {.fd = s->master, .events = POLLIN};
    s->len = 0;
    while (s->len + 1 < sizeof s->shown && poll(&p, 1, 10000) > 0) {
        ssize_t n = read(s->master, s->shown + s->len, sizeof s->shown - 1 - s->len);
        if (n <= 0)
            return false;
        s->len += (size_t)n;
        s->shown[s->len] = '\0';
        if (strstr(s->shown, text))
            return true;
    }
    return false;
}

static void type(const struct screen *s, const char *text)
{
    REQUIRE(write(s->master, text, strlen(text)) == (ssize_t)strlen(text));
}

static int close_screen(struct screen *s)
{
    int status = 0;
    REQUIRE(waitpid(s->pid, &status, 0) == s->pid);
    close(s->master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(test_it_is_asked_for_and_not_shown)
{
    struct screen s;
    open_screen(&s, false);
    REQUIRE(shows(&s, "passphrase: "));
    type(&s, "wrong\x15two wordz\x7fs\n");
    REQUIRE(shows(&s, "\n"));
    CHECK_STR(s.shown, "\r\n");
    CHECK_INT(close_screen(&s), 40 + 9);
}

TEST(test_a_new_one_is_asked_for_twice)
{
    struct screen s;
    open_screen(&s, true);
    REQUIRE(shows(&s, "root's key: "));
    type(&s, "two words\n");
    REQUIRE(shows(&s, "once more: "));
    type(&s, "two words\n");
    CHECK_INT(close_screen(&s), 40 + 9);
    open_screen(&s, true);
    REQUIRE(shows(&s, "root's key: "));
    type(&s, "two words\n");
    REQUIRE(shows(&s, "once more: "));
    type(&s, "two wards\n");
    CHECK(shows(&s, "the two are not the same"));
    CHECK_INT(close_screen(&s), CODE_FAILED);
}

TEST(test_who_presses_control_c_gives_none)
{
    struct screen s;
    open_screen(&s, false);
    REQUIRE(shows(&s, "passphrase: "));
    type(&s, "two\x03");
    CHECK(shows(&s, "no passphrase was given"));
    CHECK_INT(close_screen(&s), CODE_FAILED);
}

static int take_from(const char *text, mode_t mode, struct passphrase *p)
{
    char file[] = "/tmp/velum-pass-XXXXXX";
    int fd = mkstemp(file);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    REQUIRE(fchmod(fd, mode) == 0);
    close(fd);
    int code = passphrase_take(p, file, true);
    unlink(file);
    return code;
}

TEST(test_a_file_has_one_line_and_nobody_else_reads_it)
{
    struct passphrase p;
    char text[PASSPHRASE_SIZE + 8];
    CHECK_INT(take_from("two words\r\n", 0600, &p), CODE_DONE);
    CHECK(p.len == 9 && memcmp(p.text, "two words", 9) == 0);
    CHECK_INT(take_from("two words", 0600, &p), CODE_DONE);
    CHECK_INT(p.len, 9);
    CHECK_INT(take_from("", 0600, &p), CODE_DONE);
    CHECK_INT(p.len, 0);
    CHECK_INT(take_from("two words\nmore\n", 0600, &p), CODE_FAILED);
    CHECK_INT(take_from("two words\n", 0640, &p), CODE_FAILED);
    memset(text, 'a', sizeof text);
    text[PASSPHRASE_SIZE - 1] = '\0';
    CHECK_INT(take_from(text, 0600, &p), CODE_DONE);
    CHECK_INT(p.len, PASSPHRASE_SIZE - 1);
    text[PASSPHRASE_SIZE - 1] = 'a';
    text[PASSPHRASE_SIZE] = '\0';
    CHECK_INT(take_from(text, 0600, &p), CODE_FAILED);
    passphrase_clear(&p);
    CHECK(p.len == 0 && p.text[0] == '\0');
}

TEST_MAIN(test_it_is_asked_for_and_not_shown, test_a_new_one_is_asked_for_twice,
          test_who_presses_control_c_gives_none, test_a_file_has_one_line_and_nobody_else_reads_it)
