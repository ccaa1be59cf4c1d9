/* The nodes that `velum demo` plays with: child processes of this one, in a folder of their own
 * below $TMPDIR, on free loopback ports.
 *
 * Whatever becomes of this process, nothing is left: the nodes die with it, and a keeper, a process
 * that only waits for its end, removes the folder. So also after kill -9. Called by demo.c. */
#ifndef VELUM_CMD_DEMO_NODES_H
#define VELUM_CMD_DEMO_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DEMO_NODES_MAX 8
#define DEMO_PATH_SIZE 96 /* short: the path of a control socket must fit in 108 bytes */

struct demo_node {
    char name[4];
    uint16_t port;
    pid_t pid; /* 0: not running */
};

struct demo_nodes {
    char folder[DEMO_PATH_SIZE];
    char executable[4096];
    pid_t keeper;
    int keeper_end; /* the keeper acts when this is closed */
    char slots[12];
    uint32_t count;
    struct demo_node list[DEMO_NODES_MAX];
};

/* The folder and its keeper; VELUM_HOME of this process leads there from now on. Starts nothing.
 * `slots` for each node. 0, or < 0 after saying why. */
int demo_nodes_open(struct demo_nodes *d, uint32_t count, uint32_t slots);
/* Starts one that is not running. 0 or < 0. */
int demo_node_start(struct demo_nodes *d, uint32_t i);
/* kill -9; returns when it is gone. */
void demo_node_kill(struct demo_nodes *d, uint32_t i);
/* Notices nodes that ended by themselves; how many there were. */
uint32_t demo_nodes_watch(struct demo_nodes *d);
/* Another command of this executable, as `run --local`, which dies with this process: its standard
 * output to its end, at most cap - 1 bytes. What it says otherwise is shown unless `quiet`. The
 * exit code, or -1. */
int demo_command(struct demo_nodes *d, const char *const *argv, bool quiet, char *out, size_t cap);
/* kill -9 for all of them. */
void demo_nodes_end(struct demo_nodes *d);
/* The same, then waits for everything they started and until the folder is gone. */
void demo_nodes_close(struct demo_nodes *d);

#endif
