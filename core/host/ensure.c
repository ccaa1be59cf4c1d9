#include "core/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>

void ensure_failed(const char *what, const char *file, int line)
{
    fflush(stdout);
    fprintf(stderr, "velum: internal error: \"%s\" does not hold (%s:%d)\n", what, file, line);
    abort();
}
