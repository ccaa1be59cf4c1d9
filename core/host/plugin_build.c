#include "core/host/plugin_build.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "core/host/snippet_headers.h"
#include "core/object/name.h"

extern char **environ;

struct build {
    char folder[PATH_MAX]; /* with the two files below */
    char header[PATH_MAX + 32], helper[PATH_MAX + 32];
    const char *result;
    char include[PATH_MAX + 32], digest[128];
    char *message;
};

static int fail(struct build *b, int code, const char *what, const char *why)
{
    snprintf(b->message, PLUGIN_BUILD_MESSAGE_SIZE, "%.300s: %.200s", what, why);
    return code;
}

static int write_file(struct build *b, const char *path, struct bytes text)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    const int rc = fd < 0 ? file_fault(errno) : file_put(fd, 0, text.data, text.len);
    if (fd >= 0)
        close(fd);
    return rc < 0 ? fail(b, ERR_IO, path, err_sentence(rc)) : 0;
}

static int make_folder(struct build *b)
{
    struct bytes header, helper;
    snprintf(b->folder, sizeof b->folder, "%s/velum-cc-XXXXXX", file_temporary());
    if (!mkdtemp(b->folder)) {
        int rc = fail(b, ERR_IO, b->folder, strerror(errno));
        b->folder[0] = '\0';
        return rc;
    }
    snprintf(b->header, sizeof b->header, "%s/velum_kernel.h", b->folder);
    snprintf(b->helper, sizeof b->helper, "%s/helper.c", b->folder);
    snprintf(b->include, sizeof b->include, "-I%s", b->folder);
    if (!snippet_header(SNIPPET_HEADERS_FOLDER "/velum_kernel.h", &header))
        return ERR_NOT_FOUND;
    snippet_helper(&helper);
    int rc = write_file(b, b->header, header);
    return rc == 0 ? write_file(b, b->helper, helper) : rc;
}

static void remove_folder(const struct build *b)
{
    if (!b->folder[0])
        return;
    unlink(b->header);
    unlink(b->helper);
    rmdir(b->folder);
}

/* As that of a snippet: the same source is the same kernel, however it was compiled. */
static int take_digest(struct build *b, const char *source)
{
    char reason[REASON_SIZE], hex[ID_HEX_SIZE];
    struct bytes text;
    int rc = foreign_file_read(source, SNIPPET_SOURCE_MAX, &text, reason);
    if (rc < 0)
        return fail(b, rc, source, reason);
    const struct digest name = object_name_of(text);
    foreign_file_forget(text);
    id_hex(name.bytes, 2 * ID_SIZE, hex);
    snprintf(b->digest, sizeof b->digest, "-DVELUM_SOURCE_DIGEST=\"%s\"", hex);
    return 0;
}

/* The wait status, or -1 where there is no program of that name. */
static int run_compiler(const char *compiler, const struct build *b, const char *source)
{
    const char *const words[] = {compiler,
                                 "-std=c11",
                                 "-O3",
                                 "-ffp-contract=off",
                                 "-fPIC",
                                 "-shared",
                                 "-nostdlib",
                                 "-ffreestanding",
                                 "-fvisibility=hidden",
                                 "-fno-stack-protector",
                                 "-fno-asynchronous-unwind-tables",
                                 "-Wl,-z,relro,-z,now,-z,noexecstack",
                                 "-Wl,--hash-style=gnu",
                                 "-s",
                                 b->digest,
                                 b->include,
                                 "-o",
                                 b->result,
                                 source,
                                 b->helper,
                                 NULL};
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, compiler, NULL, NULL, (char *const *)(uintptr_t)words, environ) != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

static int compile(struct build *b, const char *source)
{
    static const char *const compilers[] = {"cc", "gcc", "clang"};
    for (unsigned i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        const int status = run_compiler(compilers[i], b, source);
        if (status == 0)
            return 0;
        if (status > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 127))
            return fail(b, ERR_KERNEL, source, "the compiler refuses it");
    }
    return fail(b, ERR_NOT_FOUND, "a plugin takes a compiler of the system",
                "there is no cc, gcc or clang here");
}

int plugin_build(const char *source, const char *result, char message[PLUGIN_BUILD_MESSAGE_SIZE])
{
    static struct build b;
    memset(&b, 0, sizeof b);
    b.message = message;
    b.result = result;
    int rc = take_digest(&b, source);
    if (rc == 0)
        rc = make_folder(&b);
    if (rc == 0)
        rc = compile(&b, source);
    if (rc < 0)
        unlink(b.result);
    remove_folder(&b);
    return rc;
}
