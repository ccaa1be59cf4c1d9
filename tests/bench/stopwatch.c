/* stopwatch RUNS COMMAND...: wall time of each run of the command, from before its process is made
 * until it has ended, one line of milliseconds each. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/bench/client.h"

extern char **environ;

int main(int argc, char **argv)
{
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1 /* O_WRONLY */, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1 /* O_WRONLY */, 0);
    for (int i = 0; i < runs; i++) {
        pid_t pid;
        int status;
        int64_t start = clock_us();
        if (posix_spawnp(&pid, argv[2], &quiet, NULL, argv + 2, environ) != 0)
            die("cannot start %s", argv[2]);
        waitpid(pid, &status, 0);
        int64_t us = clock_us() - start;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            die("%s failed in run %d of %d (status %d)", argv[2], i + 1, runs, status >> 8);
        printf("%.3f\n", (double)us / 1000);
        fflush(stdout);
    }
    return runs > 0 ? 0 : 2;
}
