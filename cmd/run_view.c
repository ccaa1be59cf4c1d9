#include "cmd/run_view.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/picture.h"
#include "cmd/terminal.h"
#include "cmd/view_picture.h"
#include "core/base/err.h"
#include "core/host/file.h"

#define LINES_LEFT 2u /* for how it went, and for what is typed next */
/* Of a character, where the terminal does not say: small, so that a picture fits. */
#define CELL_WIDTH 8
#define CELL_HEIGHT 16

static int misuse(const char *why, const char *instead)
{
    talk_error("%s", why);
    talk_try("%s", instead);
    return CODE_MISUSE;
}

static int check(const struct call *c)
{
    if (opt_given(c->opts, "json"))
        return misuse("--json prints the job, and --view draws its result: one of the two",
                      "velum run without --json");
    if (opt_given(c->opts, "detach"))
        return misuse("-d does not wait for the result, and --view draws it: one of the two",
                      "velum run without -d");
    if (!isatty(STDOUT_FILENO))
        return misuse("--view draws in a terminal, and standard output is none",
                      "velum run without --view, with -o FILE");
    return 0;
}

static int make_file(struct run_view *v)
{
    char path[256];
    const int len = snprintf(path, sizeof path, "%s/velum-view-XXXXXX", file_temporary());
    v->file = NULL;
    v->fd = len < 0 || (size_t)len >= sizeof path ? -1 : mkostemp(path, O_CLOEXEC);
    if (v->fd < 0) {
        talk_error("no file can be made in %.200s", file_temporary());
        talk_try("TMPDIR= with the name of a folder that can be written");
        return CODE_FAILED;
    }
    unlink(path);
    return 0;
}

/* What a pipe or a device was given cannot be read again: opened for that, a pipe would wait for
 * another who writes. */
static int check_file(const char *file)
{
    struct stat st;
    if (stat(file, &st) < 0 || S_ISREG(st.st_mode))
        return 0;
    talk_error("--view draws what is in FILE of -o, and %.200s is no ordinary file", file);
    talk_try("velum run --view without -o, or with a file that is new");
    return CODE_MISUSE;
}

int run_view_open(struct run_view *v, const struct call *c)
{
    *v = (struct run_view){.file = opt_text(c->opts, "output", NULL),
                           .draws = opt_given(c->opts, "view"),
                           .how = opt_text(c->opts, "view", NULL),
                           .fd = -1};
    if (!v->draws)
        return 0;
    const int code = check(c);
    if (code != 0)
        return code;
    return v->file && strcmp(v->file, "-") != 0 ? check_file(v->file) : make_file(v);
}

const int *run_view_fd(const struct run_view *v)
{
    return v->draws && v->fd >= 0 ? &v->fd : NULL;
}

static struct view_room measure(void)
{
    struct view_room room = {80, 24, CELL_WIDTH, CELL_HEIGHT};
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        room.columns = size.ws_col;
        room.lines = size.ws_row;
        if (size.ws_xpixel >= size.ws_col && size.ws_ypixel >= size.ws_row) {
            room.cell_width = size.ws_xpixel / size.ws_col;
            room.cell_height = size.ws_ypixel / size.ws_row;
        }
    }
    room.lines = room.lines > LINES_LEFT ? room.lines - LINES_LEFT : 1;
    return room;
}

/* Standard output may be open for writing only, and an answer must be read. Consoles that know no
 * pictures and would show the question are not asked. */
static enum terminal_pictures ask(void)
{
    const char *term = getenv("TERM");
    char path[256];
    if (!term || !term[0] || strcmp(term, "dumb") == 0 || strcmp(term, "linux") == 0 ||
        ttyname_r(STDOUT_FILENO, path, sizeof path) != 0)
        return TERMINAL_BLOCKS;
    const int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return TERMINAL_BLOCKS;
    const enum terminal_pictures best = terminal_ask(fd);
    close(fd);
    return best;
}

static enum terminal_pictures choose(const char *how)
{
    if (!how)
        return ask();
    return strcmp(how, "kitty") == 0   ? TERMINAL_KITTY
           : strcmp(how, "sixel") == 0 ? TERMINAL_SIXEL
                                       : TERMINAL_BLOCKS;
}

/* In the middle of sixels a terminal would take for a part of them whatever came next. */
static int draw_whole(enum terminal_pictures best, struct bytes file, const struct view_room *room)
{
    sigset_t before;
    terminal_hold(&before, false);
    const int rc = best == TERMINAL_KITTY ? view_picture_kitty(stdout, file, room)
                                          : view_picture_sixel(stdout, file, room);
    fflush(stdout);
    terminal_release(&before);
    return rc;
}

static int draw(struct bytes file, const char *how)
{
    const struct view_room room = measure();
    struct picture p;
    int rc = picture_open(&p, file);
    if (rc < 0)
        return rc;
    const enum terminal_pictures best = choose(how);
    if (best != TERMINAL_BLOCKS)
        return draw_whole(best, file, &room);
    rc = view_picture(stdout, file, room.columns, room.lines);
    fflush(stdout);
    return rc;
}

static int report(int rc)
{
    if (rc == ERR_FORMAT)
        talk_error("the result is no picture: --view draws PNG files only");
    else if (rc == ERR_UNSUPPORTED)
        talk_error("--view draws pictures of 8 bits a colour, up to 65535 pixels wide and high");
    else
        talk_error("the picture cannot be drawn: %s", err_sentence(rc));
    talk_try("velum run without --view, with -o FILE");
    return CODE_FAILED;
}

static int draw_all(int fd, const char *how)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return ERR_IO;
    const size_t len = (size_t)st.st_size;
    void *bytes = len > 0 ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (!bytes)
        return ERR_FORMAT;
    if (bytes == MAP_FAILED)
        return ERR_NO_MEMORY;
    const int rc = draw((struct bytes){bytes, len}, how);
    munmap(bytes, len);
    return rc;
}

int run_view_draw(const struct run_view *v)
{
    if (!v->draws)
        return 0;
    const int fd = v->fd >= 0 ? v->fd : open(v->file, O_RDONLY | O_CLOEXEC);
    const int rc = draw_all(fd, v->how);
    if (fd >= 0 && v->fd < 0)
        close(fd);
    return rc < 0 ? report(rc) : 0;
}

void run_view_close(struct run_view *v)
{
    if (v->draws && v->fd >= 0)
        close(v->fd);
}
