#include "cmd/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/host/home.h"
#include "core/host/memory.h"

#define CTRL_C 3
#define CTRL_D 4
#define CTRL_U 21
#define BACKSPACE 8
#define DELETE 127

static int failed(const char *what, const char *hint)
{
    talk_error("%s", what);
    talk_try("%s", hint);
    return CODE_FAILED;
}

struct bytes passphrase_bytes(const struct passphrase *p)
{
    return (struct bytes){(const uint8_t *)p->text, p->len};
}

void passphrase_clear(struct passphrase *p)
{
    explicit_bzero(p, sizeof *p);
}

/* --- from a file --- */

/* What stands before the end of the line; nothing else may stand behind it. */
static int keep_line(struct passphrase *p, const char *text, size_t len)
{
    const char *end = len > 0 ? memchr(text, '\n', len) : NULL;
    p->len = end ? (size_t)(end - text) : len;
    if (end && (size_t)(end - text) + 1 != len)
        return failed("more than one line is no passphrase", "one line, and nothing else");
    if (p->len > 0 && text[p->len - 1] == '\r')
        p->len--;
    if (p->len >= PASSPHRASE_SIZE)
        return failed("the passphrase is longer than 1023 bytes", "a shorter one");
    if (p->len > 0)
        memcpy(p->text, text, p->len);
    return CODE_DONE;
}

static int read_file(struct passphrase *p, const char *file)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct buf text;
    buf_init(&text, &host_memory, PASSPHRASE_SIZE * 8);
    int rc = home_read_file(file, &text, message);
    int code = rc < 0 ? failed(message, "a file of one line that only you can read")
                      : keep_line(p, (const char *)text.data, text.len);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_clear(&text);
    return code;
}

static int read_input(struct passphrase *p)
{
    char text[PASSPHRASE_SIZE + 1];
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < sizeof text) {
        n = read(STDIN_FILENO, text + len, sizeof text - len);
        n = n < 0 && errno == EINTR ? 1 : n;
        len += n > 0 ? (size_t)n : 0;
    }
    int code = keep_line(p, text, len);
    explicit_bzero(text, sizeof text);
    return code;
}

/* --- from the terminal --- */

/* Byte by byte, so that Ctrl-C comes as one too, and the terminal shows again what is typed before
 * anything ends here. False where the user wants to stop. */
static bool read_typed(int fd, struct passphrase *p)
{
    char c;
    p->len = 0;
    for (;;) {
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c == CTRL_C || c == CTRL_D)
            return false;
        if (c == '\n' || c == '\r')
            return true;
        if (c == CTRL_U)
            p->len = 0;
        else if (c == BACKSPACE || c == DELETE)
            p->len -= p->len > 0;
        else if (p->len + 1 < PASSPHRASE_SIZE)
            p->text[p->len++] = c;
    }
}

static bool write_text(int fd, const char *text)
{
    size_t len = strlen(text);
    return write(fd, text, len) == (ssize_t)len;
}

static bool ask(int fd, const char *prompt, struct passphrase *p)
{
    struct termios before, quiet;
    if (tcgetattr(fd, &before) != 0)
        return false;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
        return false;
    bool typed = write_text(fd, prompt) && read_typed(fd, p);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    return write_text(fd, "\n") && typed;
}

static int ask_twice(int fd, struct passphrase *p)
{
    struct passphrase again;
    int code = CODE_DONE;
    if (!ask(fd, "once more: ", &again))
        code = failed("no passphrase was given", "again");
    else if (again.len != p->len || memcmp(again.text, p->text, p->len) != 0)
        code = failed("the two are not the same", "again");
    passphrase_clear(&again);
    return code;
}

static int ask_terminal(struct passphrase *p, bool is_new)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return failed("there is no terminal to ask for the passphrase on",
                      "--passphrase-file FILE (-: standard input)");
    int code = CODE_DONE;
    if (!ask(fd, is_new ? "a passphrase for the root's key: " : "passphrase: ", p))
        code = failed("no passphrase was given", "again, or --passphrase-file FILE");
    else if (is_new)
        code = ask_twice(fd, p);
    close(fd);
    return code;
}

int passphrase_take(struct passphrase *p, const char *file, bool is_new)
{
    p->len = 0;
    if (!file)
        return ask_terminal(p, is_new);
    return strcmp(file, "-") == 0 ? read_input(p) : read_file(p, file);
}
