#include "core/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>

void ensure_failed(const char *what, const char *file, int line)
{
    fflush(stdout);
    fprintf(stderr, "ensure failed: %s at %s:%d\n", what, file, line);
    abort();
}
