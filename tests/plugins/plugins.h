/* Where tests find the test plugins: in $VELUM_TEST_PLUGINS, or built once into a folder of the
 * test's own by tests/plugins/build.sh (from the project root, or from $VELUM_ROOT). */
#ifndef VELUM_TESTS_PLUGINS_H
#define VELUM_TESTS_PLUGINS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char plugins_folder[512];
static pid_t plugins_owner;

static inline void plugins_remove(void)
{
    char command[600];
    if (getpid() != plugins_owner)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", plugins_folder);
    if (system(command) != 0)
        printf("# could not remove %s\n", plugins_folder);
}

static inline void plugins_build(void)
{
    char command[1200];
    const char *root = getenv("VELUM_ROOT");
    snprintf(plugins_folder, sizeof plugins_folder, "%s/velum-plugins-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(plugins_folder))
        abort();
    plugins_owner = getpid();
    atexit(plugins_remove);
    snprintf(command, sizeof command, "sh '%s/tests/plugins/build.sh' '%s'", root ? root : ".",
             plugins_folder);
    if (system(command) != 0)
        printf("# the test plugins could not be built\n");
}

/* "pi.so", "bad/garbage.so". The text is valid until the next call but one. */
static inline const char *plugin_path(const char *name)
{
    static char path[2][600];
    static int which;
    if (!plugins_folder[0]) {
        const char *given = getenv("VELUM_TEST_PLUGINS");
        if (given)
            snprintf(plugins_folder, sizeof plugins_folder, "%s", given);
        else
            plugins_build();
    }
    which = !which;
    snprintf(path[which], sizeof path[which], "%s/%s", plugins_folder, name);
    return path[which];
}

#endif
