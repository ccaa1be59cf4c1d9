#include "core/host/builder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/build_cage.h"
#include "core/host/built_file.h"
#include "core/host/compiler.h"
#include "core/host/descriptors.h"
#include "core/host/elf_check.h"
#include "core/host/file.h"
#include "core/host/foreign_file.h"
#include "core/host/snippet_headers.h"
#include "core/host/worker_pipe.h"
#include "core/object/name.h"
#include "core/wire/message.h"

#define SOURCE "snippet.c"
#define HELPER "built.c"
#define RESULT "built.so"
/* In libtcc this is 0 for all headers, and a snippet is to be the same thing for both. */
#define ASKS_FOR_HEADERS "__has_include"
#define SAID_MAX 4096 /* of a compiler's own words */

static int refuse(char reason[REASON_SIZE], int code, const char *what, const char *why)
{
    text_copy(reason, REASON_SIZE, what);
    text_append(reason, REASON_SIZE, ": ");
    text_append(reason, REASON_SIZE, why);
    return code;
}

/* --- what the compiler is given --- */

static int put_file(int folder, const char *name, struct bytes text)
{
    const int fd = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_fault(errno);
    int rc = file_put(fd, 0, text.data, text.len);
    if (rc == 0 && fchmod(fd, 0644) != 0)
        rc = file_fault(errno);
    close(fd);
    return rc;
}

static int put_files(int folder, struct bytes source)
{
    const char *name;
    struct bytes text;
    int rc = put_file(folder, SOURCE, source);
    snippet_built(&text);
    if (rc == 0)
        rc = put_file(folder, HELPER, text);
    for (unsigned i = 0; rc == 0 && snippet_header_next(i, &name, &text); i++)
        rc = put_file(folder, name, text);
    return rc;
}

/* --- the compiler --- */

/* By the name of the file that the links lead to. */
static bool is_clang(const char *compiler)
{
    char path[PATH_MAX];
    const char *name = realpath(compiler, path) ? strrchr(path, '/') : NULL;
    return name && strstr(name, "clang") != NULL;
}

static _Noreturn void become_compiler(const char *compiler, int folder, struct digest source)
{
    static char digest[sizeof "-DVELUM_SOURCE_DIGEST=\"\"" + ID_HEX_SIZE];
    static char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=.", "LC_ALL=C",
                                        NULL};
    /* Clang does not know it, and calls nothing for a loop where nothing is around the code. */
    const char *const no_calls = is_clang(compiler) ? NULL : "-fno-tree-loop-distribute-patterns";
    const char *const words[] = {compiler,
                                 "-std=gnu11",
                                 "-Ulinux",
                                 "-Uunix",
                                 "-w",
                                 "-O3",
                                 COMPILER_FOR_THIS_CPU,
                                 "-ffp-contract=off",
                                 "-fsigned-char",
                                 "-fno-math-errno",
                                 "-fwrapv",
                                 "-fno-strict-aliasing",
                                 "-fno-delete-null-pointer-checks",
                                 "-ffreestanding",
                                 "-nostdinc",
                                 "-nostdlib",
                                 "-I.",
                                 "-DVELUM_HAVE_STDINT=1",
                                 "-DVELUM_BUILT=1",
                                 digest,
                                 "-fPIC",
                                 "-shared",
                                 "-fvisibility=hidden",
                                 "-fno-stack-protector",
                                 "-fno-asynchronous-unwind-tables",
                                 "-Wl,-z,relro,-z,now,-z,noexecstack",
                                 "-Wl,--hash-style=gnu",
                                 "-s",
                                 "-o",
                                 RESULT,
                                 SOURCE,
                                 HELPER,
                                 no_calls,
                                 NULL};
    char hex[ID_HEX_SIZE];
    const char *step = "its input";
    id_hex(source.bytes, 2 * ID_SIZE, hex);
    snprintf(digest, sizeof digest, "-DVELUM_SOURCE_DIGEST=\"%s\"", hex);
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int three[] = {nothing, 2, 2};
    if (nothing >= 0 && build_cage_enter(folder, &step) == 0 && descriptors_place(three, 3) == 0) {
        descriptors_close_from(3);
        execve(compiler, (char *const *)(uintptr_t)words, environment);
        step = compiler;
    }
    dprintf(2, "%s: %s", step, strerror(errno));
    _exit(127);
}

/* Reads all of it, so that no compiler waits, and keeps the beginning, where the first error is. */
static void hear(int fd, char said[SAID_MAX])
{
    char rest[512];
    size_t len = 0;
    ssize_t n;
    do {
        const bool full = len == SAID_MAX - 1;
        n = read(fd, full ? rest : said + len, full ? sizeof rest : SAID_MAX - 1 - len);
        if (n > 0 && !full)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    said[len] = '\0';
}

static void add_error(char reason[REASON_SIZE], const char *said)
{
    char line[REASON_SIZE];
    const char *at = strstr(said, "error");
    while (at && at > said && at[-1] != '\n')
        at--;
    at = at ? at : said;
    if (*at == '\0')
        return;
    (void)text_sanitise(at, strcspn(at, "\n"), true, line, sizeof line);
    text_append(reason, REASON_SIZE, ": ");
    text_append(reason, REASON_SIZE, line);
}

static int judge(const struct order_build *m, int status, const char *said,
                 char reason[REASON_SIZE])
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    refuse(reason, 0, m->compiler,
           WIFSIGNALED(status) ? "it died of the source" : "it refuses the source");
    add_error(reason, said);
    return ERR_KERNEL;
}

static int run_compiler(const struct order_build *m, int folder, char reason[REASON_SIZE])
{
    static char said[SAID_MAX];
    int status, ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse(reason, ERR_SYSTEM, m->compiler, strerror(errno));
    const pid_t pid = fork();
    const int fault = errno;
    if (pid == 0 && dup2(ends[1], 2) == 2)
        become_compiler(m->compiler, folder, m->source);
    if (pid == 0)
        _exit(127);
    close(ends[1]);
    if (pid > 0)
        hear(ends[0], said);
    close(ends[0]);
    if (pid < 0)
        return refuse(reason, ERR_SYSTEM, m->compiler, strerror(fault));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return refuse(reason, ERR_SYSTEM, m->compiler, strerror(errno));
    return judge(m, status, said, reason);
}

/* --- what came of it --- */

/* What has been looked at is what is kept: the compiler's own file stays behind. */
static int take_result(const struct order_build *m, const char *work, char reason[REASON_SIZE])
{
    char path[2 * PATH_SIZE_MAX];
    struct bytes file;
    snprintf(path, sizeof path, "%s/" RESULT, work);
    int rc = foreign_file_read(path, BUILD_FILE_MAX, &file, reason);
    if (rc < 0)
        return rc;
    rc = elf_check(file, reason);
#if VELUM_PLANT == 825 /* unit/test_builder: what a compiler made is not looked at */
    rc = 0;
#endif
    if (rc == 0 && (rc = built_file_keep(m->folder, m->source, file)) < 0)
        refuse(reason, rc, m->folder, err_sentence(rc));
    foreign_file_forget(file);
    return rc;
}

static int build_in(const struct order_build *m, const char *work, struct bytes source, bool keeps,
                    char reason[REASON_SIZE])
{
    const int folder = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return refuse(reason, ERR_IO, work, strerror(errno));
    int rc = put_files(folder, source);
    if (rc < 0)
        refuse(reason, rc, work, err_sentence(rc));
    else
        rc = run_compiler(m, folder, reason);
    close(folder);
    return rc == 0 && keeps ? take_result(m, work, reason) : rc;
}

static int build(const struct order_build *m, struct bytes source, bool keeps,
                 char reason[REASON_SIZE])
{
    char work[PATH_SIZE_MAX + 16];
    if (!digest_equal(object_name_of(source), m->source))
        return refuse(reason, ERR_IO, m->path, "it is another source");
    if (memmem(source.data, source.len, ASKS_FOR_HEADERS, sizeof ASKS_FOR_HEADERS - 1))
        return refuse(reason, ERR_KERNEL, m->compiler,
                      "it has " ASKS_FOR_HEADERS ", of which velum's compiler says no to all");
    /* Of one whose builder was ended, which leaves it. */
    compiler_remove_work(m->folder);
    if (keeps)
        compiler_make_room(m->folder, BUILT_MAX - 1);
    snprintf(work, sizeof work, "%s/" COMPILER_WORK "XXXXXX", m->folder);
    if (!mkdtemp(work))
        return refuse(reason, ERR_IO, work, strerror(errno));
    const int rc = build_in(m, work, source, keeps, reason);
    compiler_remove_work(m->folder);
    return rc;
}

/* It is there, and still what was kept; then it is young again. */
static bool is_kept(const struct order_build *m, const char *path)
{
    char why[REASON_SIZE];
    struct bytes file;
#if VELUM_PLANT == 883 /* unit/test_builder: whatever lies in the folder was built */
    return utimensat(AT_FDCWD, path, NULL, 0) == 0;
#endif
    if (built_file_read(path, m->source, &file, why) < 0)
        return false;
    foreign_file_forget(file);
    return utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

int builder_build(const struct order_build *m, char reason[REASON_SIZE])
{
    char path[PATH_SIZE_MAX];
    struct bytes source;
    built_file_path(m->folder, m->source, path);
    if (is_kept(m, path))
        return 0;
    int rc = foreign_file_read(m->path, SNIPPET_SOURCE_MAX, &source, reason);
    if (rc < 0)
        return rc;
    rc = build(m, source, true, reason);
    foreign_file_forget(source);
    return rc;
}

bool builder_works(const struct order_build *m)
{
    static const char text[] = "int velum_any(int x)\n{\n    return x + 1;\n}\n";
    const struct bytes source = {(const uint8_t *)text, sizeof text - 1};
    struct order_build any = *m;
    char why[REASON_SIZE];
    any.source = object_name_of(source);
    /* No room on the disk says nothing of the compiler. */
    return build(&any, source, false, why) != ERR_KERNEL;
}

/* --- its end --- */

/* Beside the builder, in its group: reads until the builder is no more, and ends what is left. */
static _Noreturn void watch(int alive)
{
    char byte;
    const int places[] = {alive};
    if (descriptors_place(places, 1) != 0)
        _exit(1);
    descriptors_close_from(1);
    while (read(0, &byte, 1) < 0 && errno == EINTR)
        ;
#if VELUM_PLANT == 874 /* unit/test_builder: a compiler outlives the builder and its parent */
    _exit(0);
#endif
    kill(0, SIGKILL);
    _exit(0);
}

/* The spawner ends the group of a builder that has ended. Where both are killed at once nobody
 * does, and the signal of a parent's death reaches who has asked for it: the builder and the cc
 * that it starts, but not the cc1 of that one. 0, or -1. */
static int watch_group(void)
{
    int ends[2];
    if (getpgrp() != getpid() || pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        watch(ends[0]);
    }
    close(ends[0]);
    return pid < 0 ? -1 : 0; /* the other end is this process's, for as long as it lives */
}

/* The alarm ends this process, and with it its whole group. */
int builder_main(void)
{
    static struct order_build m;
    struct worker_built answer = {0};
    struct frame f;
    signal(SIGPIPE, SIG_IGN);
    while (!pipe_next(&f))
        pipe_wait();
    if (f.type != MESSAGE_ORDER_BUILD || read_order_build(f.payload, &m) < 0)
        return 2;
    alarm(BUILD_WALL_S);
    if (watch_group() != 0)
        return 2;
    answer.ok = builder_build(&m, answer.reason) == 0;
    answer.broken = !answer.ok && !builder_works(&m);
    put_worker_built(pipe_begin(MESSAGE_WORKER_BUILT, f.request), &answer);
    pipe_send();
    return 0;
}
