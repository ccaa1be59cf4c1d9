#include <stdio.h>

#include "cmd/cmd.h"
#include "config.h"
#include "core/wire/frame.h"

static const char *const libraries[][2] = {
    {"OpenSSL", "Apache-2.0"},
    {"libevent", "BSD-3-Clause"},
    {"inih", "BSD-3-Clause"},
    {"GNU C library", "LGPL-2.1-or-later"},
};

static int run(const struct call *c)
{
    (void)c;
    printf("velum %s, commit %s, protocol %d, %s\n", VELUM_VERSION, VELUM_COMMIT, WIRE_VERSION,
           VELUM_MACHINE);
    printf("licence MIT; %s libraries:\n", VELUM_STATIC ? "linked in are these" : "uses these");
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        printf("  %-14s %s\n", libraries[i][0], libraries[i][1]);
    return CODE_DONE;
}

const struct cmd cmd_version = {
    .name = "version",
    .args = "",
    .summary = "print version, commit, and what is linked in under which licence",
    .group = GROUP_TOOLS,
    .run = run,
};
