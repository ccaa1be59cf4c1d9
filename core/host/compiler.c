#include "core/host/compiler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/host/machine.h"
#include "core/host/snippet_headers.h"

#define TAG "compiler"

/* --- the compiler --- */

bool compiler_find(char compiler[PATH_SIZE_MAX])
{
    static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
    static const char *const names[] = {"cc", "gcc", "clang"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
            snprintf(compiler, PATH_SIZE_MAX, "%s/%s", folders[i], names[n]);
            if (access(compiler, X_OK) == 0)
                return true;
        }
    return false;
}

/* Its cage needs what that of foreign code needs (tier S2), and the functions beside a snippet want
 * a processor with these instructions (core/host/snippet/built.c). */
static bool may_run(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return tier_of(machine_tier_lacks()) >= TIER_S2;
#else
    return false;
#endif
}

/* The processor as the system describes it: of many that are alike only the first. */
static void add_processor(struct sha256 *s)
{
    char text[4096];
    const int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    const int n = fd < 0 ? 0 : file_get(fd, 0, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, "model", 5) == 0 || strncmp(line, "flags", 5) == 0 ||
            strncmp(line, "Features", 8) == 0 || strncmp(line, "CPU ", 4) == 0)
            sha256_add(s, line, strlen(line));
}

static bool identify(const char *compiler, char tag[ID_HEX_SIZE])
{
    char path[PATH_MAX], text[PATH_MAX + 128];
    struct sha256 s;
    struct stat st;
    struct bytes with;
    if (!realpath(compiler, path) || stat(path, &st) != 0)
        return false;
    snprintf(text, sizeof text, "%s %s %lld %lld.%09ld " VELUM_VERSION, compiler, path,
             (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    snippet_built(&with);
    sha256_init(&s);
    sha256_add(&s, text, strlen(text));
    sha256_add(&s, with.data, with.len);
    add_processor(&s);
    const struct digest d = sha256_end(&s);
    id_hex(d.bytes, 2 * ID_SIZE, tag);
    return true;
}

/* --- the folder --- */

static bool is_built(const char *name)
{
    const size_t len = strlen(name);
    return len >= 2 * ID_SIZE + 3 && strncmp(name + 2 * ID_SIZE, ".so", 3) == 0;
}

static void remove_files(int folder)
{
    const struct dirent *e;
    const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    while (d && (e = readdir(d)) != NULL)
        (void)unlinkat(folder, e->d_name, 0);
    if (d)
        closedir(d);
    else if (again >= 0)
        close(again);
}

void compiler_remove_work(const char *folder)
{
    const struct dirent *e;
    DIR *d = opendir(folder);
    while (d && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, COMPILER_WORK, sizeof COMPILER_WORK - 1) != 0)
            continue;
        const int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue;
        remove_files(fd);
        close(fd);
        (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    if (d)
        closedir(d);
}

/* Removes the oldest of more than `keep`. */
static bool remove_one(int folder, DIR *d, unsigned keep)
{
    char oldest[NAME_MAX + 1] = "";
    struct timespec when = {0};
    unsigned count = 0;
    const struct dirent *e;
    struct stat st;
    rewinddir(d);
    while ((e = readdir(d)) != NULL) {
        if (!is_built(e->d_name) || fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        count++;
        if (oldest[0] && (st.st_mtim.tv_sec > when.tv_sec ||
                          (st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec >= when.tv_nsec)))
            continue;
        when = st.st_mtim;
        text_copy(oldest, sizeof oldest, e->d_name);
    }
    return count > keep && unlinkat(folder, oldest, 0) == 0;
}

void compiler_make_room(const char *folder, unsigned keep)
{
    DIR *d = opendir(folder);
    while (d && remove_one(dirfd(d), d, keep))
        ;
    if (d)
        closedir(d);
}

static bool has_tag(int folder, const char *tag)
{
    char text[ID_HEX_SIZE] = "";
    const int fd = openat(folder, TAG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int n = fd < 0 ? -1 : file_get(fd, 0, text, 2 * ID_SIZE);
    if (fd >= 0)
        close(fd);
    return n == 2 * ID_SIZE && memcmp(text, tag, 2 * ID_SIZE) == 0;
}

static bool put_tag(int folder, const char *tag)
{
    const int fd = openat(folder, TAG, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    const bool ok = fd >= 0 && file_put(fd, 0, tag, 2 * ID_SIZE) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool make_ready(const char *folder, const char *tag)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return false;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    compiler_remove_work(folder);
    bool ready = has_tag(fd, tag);
#if VELUM_PLANT == 826 /* unit/test_builder: what another compiler built is used */
    ready = has_tag(fd, tag) || faccessat(fd, TAG, F_OK, 0) == 0;
#endif
    if (!ready) {
        remove_files(fd);
        ready = put_tag(fd, tag);
    }
    close(fd);
    return ready;
}

bool compiler_open(const char *folder, char compiler[PATH_SIZE_MAX])
{
    char tag[ID_HEX_SIZE];
    return may_run() && compiler_find(compiler) && identify(compiler, tag) &&
           make_ready(folder, tag);
}
