#include "core/host/plugin_build.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/host/foreign_file.h"
#include "core/host/memory.h"
#include "core/host/snippet_headers.h"
#include "core/object/name.h"

#define NAMES_MAX 16
#define DEPENDENCIES_MAX 65536

extern char **environ;

struct build {
    char folder[PATH_MAX - 64]; /* with all that the compiler is to read */
    char source[PATH_MAX], helper[PATH_MAX], dependencies[PATH_MAX];
    const char *names[NAMES_MAX]; /* of the files in it */
    unsigned names_count;
    const char *file, *result; /* the user's */
    char include[PATH_MAX], digest[128];
    char *message;
};

static int fail(struct build *b, int code, const char *what, const char *why)
{
    snprintf(b->message, PLUGIN_BUILD_MESSAGE_SIZE, "%.300s: %.200s", what, why);
    return code;
}

/* --- who is not wanted any more --- */

static volatile sig_atomic_t stopped;
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS_COUNT (sizeof signals / sizeof *signals)

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

/* The folder is removed whatever ends the command, and not before the compiler has ended. A signal
 * that was ignored before (nohup) ends nothing. */
static void catch_signals(struct sigaction *were)
{
    struct sigaction stop = {.sa_handler = on_stop}; /* waitpid is to return */
    stopped = 0;
    sigemptyset(&stop.sa_mask);
    for (unsigned i = 0; i < SIGNALS_COUNT; i++)
        if (sigaction(signals[i], NULL, &were[i]) == 0 && were[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &stop, NULL);
}

static void let_signals(const struct sigaction *were)
{
    for (unsigned i = 0; i < SIGNALS_COUNT; i++)
        sigaction(signals[i], &were[i], NULL);
}

/* --- the folder --- */

static int write_file(struct build *b, const char *name, struct bytes text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    const int rc = fd < 0 ? file_fault(errno) : file_put(fd, 0, text.data, text.len);
    if (fd >= 0)
        close(fd);
    b->names[b->names_count++] = name;
    return rc < 0 ? fail(b, ERR_IO, path, err_sentence(rc)) : 0;
}

static int make_folder(struct build *b)
{
    struct bytes text;
    const char *name;
    snprintf(b->folder, sizeof b->folder, "%s/velum-cc-XXXXXX", file_temporary());
    if (!mkdtemp(b->folder)) {
        int rc = fail(b, ERR_IO, b->folder, strerror(errno));
        b->folder[0] = '\0';
        return rc;
    }
    snprintf(b->source, sizeof b->source, "%s/source.c", b->folder);
    snprintf(b->helper, sizeof b->helper, "%s/helper.c", b->folder);
    snprintf(b->dependencies, sizeof b->dependencies, "%s/dependencies", b->folder);
    snprintf(b->include, sizeof b->include, "-I%s", b->folder);
    snippet_helper(&text);
    int rc = write_file(b, "helper.c", text);
    for (unsigned i = 0; rc == 0 && snippet_header_next(i, &name, &text); i++)
        rc = write_file(b, name, text);
    return rc;
}

static void remove_folder(const struct build *b)
{
    char path[PATH_MAX];
    if (!b->folder[0])
        return;
    for (unsigned i = 0; i < b->names_count; i++) {
        snprintf(path, sizeof path, "%s/%s", b->folder, b->names[i]);
        unlink(path);
    }
    unlink(b->dependencies);
    rmdir(b->folder);
}

/* What lies beside the user's file is not beside this copy, whose lines are called by its name. */
static int copy_source(struct build *b, struct bytes text)
{
    struct buf copy;
    buf_init(&copy, &host_memory, text.len + 2 * PATH_MAX + 16);
    put_raw(&copy, "#line 1 \"", 9);
    for (const char *at = b->file; *at; at++) {
        if (*at == '"' || *at == '\\')
            put_u8(&copy, '\\');
        put_u8(&copy, (uint8_t)*at);
    }
    put_raw(&copy, "\"\n", 2);
    put_raw(&copy, text.data, text.len);
    int rc = buf_result(&copy);
    rc = rc < 0 ? fail(b, rc, b->file, err_sentence(rc))
                : write_file(b, "source.c", buf_bytes(&copy));
    buf_clear(&copy);
    return rc;
}

/* The digest is that of a snippet: the same source is the same kernel, however it was compiled. */
static int take_source(struct build *b)
{
    char reason[REASON_SIZE], hex[ID_HEX_SIZE];
    struct bytes text;
    int rc = foreign_file_read(b->file, SNIPPET_SOURCE_MAX, &text, reason);
    if (rc < 0)
        return fail(b, rc, b->file, reason);
    const struct digest name = object_name_of(text);
    id_hex(name.bytes, 2 * ID_SIZE, hex);
    snprintf(b->digest, sizeof b->digest, "-DVELUM_SOURCE_DIGEST=\"%s\"", hex);
    rc = copy_source(b, text);
    foreign_file_forget(text);
    return rc;
}

/* --- the compiler --- */

/* The wait status, or -1 where there is no program of that name. */
static int run(const char *const *words)
{
    posix_spawnattr_t attr;
    sigset_t all;
    pid_t pid;
    int status;
    sigemptyset(&all);
    for (unsigned i = 0; i < SIGNALS_COUNT; i++)
        sigaddset(&all, signals[i]);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawnp(&pid, words[0], NULL, &attr, (char *const *)(uintptr_t)words, environ);
    posix_spawnattr_destroy(&attr);
    if (rc != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
        if (stopped)
            kill(pid, SIGTERM);
    }
    return status;
}

/* What is left open by C is what libtcc makes of it: the plugin is the same kernel as the source,
 * and has its bits. */
#if VELUM_PLANT == 1086 /* unit/test_plugin_build: its sums do not wrap, the source's do */
#define AS_LIBTCC "-fno-strict-aliasing"
#else
#define AS_LIBTCC "-fwrapv", "-fno-strict-aliasing", "-fno-delete-null-pointer-checks"
#endif

/* For looking and for compiling, because a source can ask by macros which there are, and include
 * more in the one than in the other. */
#define FLAGS                                                                                      \
    "-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-nostdinc",               \
        "-ffreestanding", "-fvisibility=hidden", "-fno-stack-protector", "-fsigned-char",          \
        "-fno-asynchronous-unwind-tables", AS_LIBTCC

static int list_dependencies(const struct build *b, const char *compiler)
{
    const char *const words[] = {compiler,  FLAGS,      "-M",      "-MF", b->dependencies,
                                 b->digest, b->include, b->source, NULL};
    return run(words);
}

static int make_plugin(const struct build *b, const char *compiler)
{
    const char *const words[] = {compiler,
                                 FLAGS,
                                 "-shared",
                                 "-nostdlib",
                                 "-Wl,-z,relro,-z,now,-z,noexecstack",
                                 "-Wl,--hash-style=gnu",
                                 "-s",
                                 b->digest,
                                 b->include,
                                 "-o",
                                 b->result,
                                 b->source,
                                 b->helper,
                                 NULL};
    return run(words);
}

static int judge(struct build *b, int status)
{
    if (stopped)
        return fail(b, ERR_CANCELLED, b->file, "interrupted");
    if (status < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
        return ERR_NOT_FOUND;
    return status == 0 ? 0 : fail(b, ERR_KERNEL, b->file, "the compiler refuses it");
}

/* The next word of a rule for make(1), without what quotes its characters. False at the end. */
static bool next_word(const char **at, char word[PATH_MAX])
{
    size_t len = 0;
    const char *p = *at;
    while (*p == ' ' || *p == '\n' || (*p == '\\' && p[1] == '\n'))
        p++;
    for (; *p && *p != ' ' && *p != '\n' && len + 1 < PATH_MAX; p++) {
        if ((*p == '\\' && (p[1] == ' ' || p[1] == '#')) || (*p == '$' && p[1] == '$'))
            p++;
        word[len++] = *p;
    }
    word[len] = '\0';
    *at = p;
    return len > 0;
}

/* The digest covers the source alone, and what is inside this executable is the same for all. */
static int check_dependencies(struct build *b)
{
    char word[PATH_MAX], reason[REASON_SIZE];
    struct bytes rule;
    const size_t len = strlen(b->folder);
    int rc = foreign_file_read(b->dependencies, DEPENDENCIES_MAX, &rule, reason);
    if (rc < 0)
        return fail(b, rc, b->file, reason);
    char *text = strndup((const char *)rule.data, rule.len);
    foreign_file_forget(rule);
    const char *at = text ? strchr(text, ':') : NULL;
    if (!at)
        rc = fail(b, ERR_IO, b->file, "what it includes is not known");
    else
        at++;
    while (rc == 0 && next_word(&at, word)) {
        const bool ours =
            strncmp(word, b->folder, len) == 0 && word[len] == '/' && !strchr(word + len + 1, '/');
#if VELUM_PLANT != 854 /* unit/test_plugin_build: what the digest does not cover is compiled */
        if (!ours) {
            snprintf(b->message, PLUGIN_BUILD_MESSAGE_SIZE,
                     "%.150s: it includes %.150s, and may include %s only", b->file, word,
                     SNIPPET_HEADERS_LIST);
            rc = ERR_KERNEL;
        }
#else
        (void)ours;
#endif
    }
    free(text);
    return rc;
}

static int compile(struct build *b)
{
    static const char *const compilers[] = {"cc", "gcc", "clang"};
    for (unsigned i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        int rc = judge(b, list_dependencies(b, compilers[i]));
        if (rc == ERR_NOT_FOUND)
            continue;
        if (rc == 0)
            rc = check_dependencies(b);
        return rc == 0 ? judge(b, make_plugin(b, compilers[i])) : rc;
    }
    return fail(b, ERR_NOT_FOUND, "a plugin takes a compiler of the system",
                "there is no cc, gcc or clang here");
}

int plugin_build(const char *source, const char *result, char message[PLUGIN_BUILD_MESSAGE_SIZE])
{
    static struct build b;
    struct sigaction were[SIGNALS_COUNT];
    memset(&b, 0, sizeof b);
    b.message = message;
    b.file = source;
    b.result = result;
    catch_signals(were);
    int rc = make_folder(&b);
    if (rc == 0)
        rc = take_source(&b);
    if (rc == 0)
        rc = compile(&b);
    if (rc < 0)
        unlink(b.result);
#if VELUM_PLANT != 855 /* unit/test_plugin_build: who is interrupted leaves the folder */
    remove_folder(&b);
#else
    if (!stopped)
        remove_folder(&b);
#endif
    let_signals(were);
    return rc;
}
