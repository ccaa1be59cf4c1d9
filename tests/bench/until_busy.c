/* until_busy PORT PID: kills process PID with SIGKILL and prints how many milliseconds later the
 * node on PORT, which must have been idle, is at work. It asks the node about itself all the time,
 * so the answer is exact to a fraction of a millisecond. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define DEADLINE_US 20000000

int main(int argc, char **argv)
{
    struct client c;
    struct node_view self;
    if (argc != 3)
        return 2;
    client_open(&c, argv[1]);
    if (!client_self(&c, &self))
        die("the node says nothing of itself");
    if (self.busy != 0)
        die("the node on port %s is busy already", argv[1]);
    int64_t start = clock_us();
    if (kill((pid_t)atol(argv[2]), SIGKILL) < 0)
        die("process %s cannot be killed", argv[2]);
    do {
        usleep(100);
        if (!client_self(&c, &self))
            die("the node says nothing of itself");
        if (clock_us() - start > DEADLINE_US)
            die("still idle after 20 s");
    } while (self.busy == 0);
    printf("%.3f\n", (double)(clock_us() - start) / 1000);
    return 0;
}
