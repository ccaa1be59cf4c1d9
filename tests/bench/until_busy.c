/* until_busy PID PORT...: kills process PID with SIGKILL and prints how many milliseconds later one
 * of the nodes on the ports, all of which must have been idle, is at work. It asks them about
 * themselves all the time, so the answer is exact to a fraction of a millisecond. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define DEADLINE_US 20000000
#define NODES_MAX 16

static bool is_busy(struct client *c)
{
    struct node_view self;
    if (!client_self(c, &self))
        die("a node says nothing of itself");
    return self.busy != 0;
}

int main(int argc, char **argv)
{
    struct client nodes[NODES_MAX];
    int count = argc - 2;
    bool busy = false;
    if (count < 1 || count > NODES_MAX)
        return 2;
    for (int i = 0; i < count; i++) {
        client_open(&nodes[i], argv[i + 2]);
        if (is_busy(&nodes[i]))
            die("the node on port %s is busy already", argv[i + 2]);
    }
    int64_t start = clock_us();
    if (kill((pid_t)atol(argv[1]), SIGKILL) < 0)
        die("process %s cannot be killed", argv[1]);
    while (!busy) {
        usleep(100);
        for (int i = 0; i < count && !busy; i++)
            busy = is_busy(&nodes[i]);
        if (clock_us() - start > DEADLINE_US)
            die("still idle after 20 s");
    }
    printf("%.3f\n", (double)(clock_us() - start) / 1000);
    return 0;
}
