/* ready RUNS PORT COMMAND...: starts a node, prints how many milliseconds after exec it answers a
 * question on its control socket, and ends it with SIGTERM; RUNS times. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/client.h"

extern char **environ;

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1 /* O_WRONLY */, 0);
    for (int i = 0; i < atoi(argv[1]); i++) {
        struct client c;
        struct node_view self;
        pid_t pid;
        int64_t start = clock_us();
        if (posix_spawnp(&pid, argv[3], &quiet, NULL, argv + 3, environ) != 0)
            die("cannot start %s", argv[3]);
        while (!client_try(&c, argv[2])) {
            usleep(100);
            if (clock_us() - start > 10000000)
                die("the node is not ready after 10 s");
        }
        bool good = client_self(&c, &self);
        int64_t us = clock_us() - start;
        client_close(&c);
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
        if (!good)
            die("the node did not answer");
        printf("%.3f\n", (double)us / 1000);
        fflush(stdout);
    }
    return 0;
}
