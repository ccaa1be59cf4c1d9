/* until_busy PID COUNT PORT...: kills process PID with SIGKILL and prints how many milliseconds
 * later COUNT of the nodes on the ports are at work; until then it was one less. It asks them about
 * themselves all the time, so the answer is exact to a fraction of a millisecond. That one of them
 * has ended its chunk and another begins the next must not count, hence the number. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define DEADLINE_US 20000000
#define NODES_MAX 16

static int busy_nodes(struct client *nodes, int count)
{
    int busy = 0;
    for (int i = 0; i < count; i++) {
        struct node_view self;
        if (!client_self(&nodes[i], &self))
            die("a node says nothing of itself");
        busy += self.busy != 0;
    }
    return busy;
}

static void wait_for(struct client *nodes, int count, int busy)
{
    int64_t start = clock_us();
    while (busy_nodes(nodes, count) != busy) {
        if (clock_us() - start > DEADLINE_US)
            die("never %d nodes at work in 20 s", busy);
        usleep(100);
    }
}

int main(int argc, char **argv)
{
    struct client nodes[NODES_MAX];
    int count = argc - 3, wanted = argc > 2 ? atoi(argv[2]) : 0;
    if (count < 1 || count > NODES_MAX || wanted < 1)
        return 2;
    for (int i = 0; i < count; i++)
        client_open(&nodes[i], argv[i + 3]);
    wait_for(nodes, count, wanted - 1);
    int64_t start = clock_us();
    if (kill((pid_t)atol(argv[1]), SIGKILL) < 0)
        die("process %s cannot be killed", argv[1]);
    wait_for(nodes, count, wanted);
    printf("%.3f\n", (double)(clock_us() - start) / 1000);
    return 0;
}
