/* For targets that read a file of the home folder: it is written anew for each input, into the
 * folder that the target runs in. Header only. */
#ifndef VELUM_TESTS_FUZZ_IN_FILE_H
#define VELUM_TESTS_FUZZ_IN_FILE_H

#include <fcntl.h>
#include <unistd.h>

#include "tests/fuzz/target.h"
#include "tests/lib/check.h"

/* Mode 0600, as files of the home have. One that is cut and written again would be synced by some
 * file systems. */
static inline void in_file(const char *name, struct bytes in)
{
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    CHECK_INT(write(fd, in.data, in.len), (long long)in.len);
    close(fd);
}

/* One text a seed. */
static inline bool in_texts(const char *const *texts, size_t count, size_t i, struct buf *out)
{
    if (i >= count)
        return false;
    put_raw(out, texts[i], strlen(texts[i]));
    return true;
}

#endif
