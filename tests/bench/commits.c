/* commits FILE RECORDS SIZE GROUP: records a second by group commit, one line. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/client.h"
#include "tests/bench/group_commit.h"

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    const size_t records = strtoul(argv[2], NULL, 10), size = strtoul(argv[3], NULL, 10),
                 group = strtoul(argv[4], NULL, 10);
    if (records < 1 || size < 1 || group < 1)
        return 2;
    printf("%.0f\n", group_commit(argv[1], records, size, group));
    return 0;
}
