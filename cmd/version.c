#include <stdio.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "cmd/cmd.h"
#include "config.h"
#include "core/host/bcrypt.h"
#include "core/host/loop.h"
#include "core/host/tls.h"
#include "core/wire/frame.h"

static void print_library(const char *name, const char *version, const char *licence)
{
    printf("  %-14s %-16s %s\n", name, version[0] ? version : "unknown", licence);
}

/* Each says its version itself, as it is linked or loaded; only inih and libtcc cannot, so
 * configure asked the packages. */
static int run(const struct call *c)
{
    (void)c;
    printf("velum %s, commit %s, protocol %d, %s\n", VELUM_VERSION, VELUM_COMMIT, WIRE_VERSION,
           VELUM_MACHINE);
    printf("licence MIT; %s libraries:\n", VELUM_STATIC ? "linked in are these" : "uses these");
    print_library("OpenSSL", tls_library_version(), "Apache-2.0");
    print_library("libevent", loop_library_version(), "BSD-3-Clause");
    print_library("inih", VELUM_INIH_VERSION, "BSD-3-Clause");
    print_library("libcrypt", bcrypt_library_version(), "LGPL-2.1-or-later");
#if HAVE_TCC
    print_library("libtcc", VELUM_TCC_VERSION, "LGPL-2.1-or-later");
#endif
#ifdef __GLIBC__
    print_library("GNU C library", gnu_get_libc_version(), "LGPL-2.1-or-later");
#endif
    return CODE_DONE;
}

const struct cmd cmd_version = {
    .name = "version",
    .args = "",
    .summary = "print version, commit, and the linked libraries with their licences",
    .group = GROUP_TOOLS,
    .run = run,
};
