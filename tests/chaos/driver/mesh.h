/* The nodes of a run: real `velum node` processes, one at each place, all under one folder.
 *
 *   FOLDER/home       $VELUM_HOME; with small disks, home/nodes/PORT is a tmpfs of its own
 *   FOLDER/tmp        $TMPDIR
 *   FOLDER/a.log      what node a said, over all its lives
 *   FOLDER/a.wall     the seconds by which its wall clock is wrong (wall.c)
 *
 * Places are numbered from 0; who stands at a place changes when a node is replaced. Counts every
 * SIGKILL that met somebody alive. A node that ends without having been killed is a fault of the
 * product: mesh_watch says so. */
#ifndef VELUM_CHAOS_MESH_H
#define VELUM_CHAOS_MESH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/chaos/driver/net.h"

#define PATH_SIZE 256
#define DISK_BYTES "67108864"

struct place {
    char name[8];
    uint16_t port;
    pid_t pid; /* 0: not running */
    bool paused;
    bool has_disk; /* a tmpfs is mounted */
    bool full;
    volatile int64_t *wrong_s; /* mapped FOLDER/NAME.wall, NULL without */
};

struct mesh {
    const char *velum;   /* the executable */
    const char *wall;    /* with it LD_PRELOAD wall.so; NULL: true clocks. Needs a shared velum */
    const char *plugins; /* the folder of test plugins */
    const char *slots;
    bool small_disks;
    char folder[PATH_SIZE];
    struct net net;
    uint32_t count;
    struct place places[NODES_MAX];
    uint32_t made; /* names and ports given out */
    uint32_t kills;
};

/* The folder, and VELUM_HOME and TMPDIR in our own environment. 0 or -1, having said why. */
int mesh_open(struct mesh *m);
/* Starts whoever stands at the place, on its port and folder. */
bool mesh_start(struct mesh *m, uint32_t place);
/* A new node with a name, a port and an empty folder of its own stands there from now on; what the
 * old one had on disk is gone. Does not start it. */
bool mesh_replace(struct mesh *m, uint32_t place);
/* SIGKILL to all of `mask` in one instant, then waits until they are gone. How many there were. */
uint32_t mesh_kill(struct mesh *m, uint32_t mask);
/* SIGKILL to one worker, or the spawner, of the node. True when there was one. */
bool mesh_kill_worker(struct mesh *m, uint32_t place);
bool mesh_kill_spawner(struct mesh *m, uint32_t place);
void mesh_pause(struct mesh *m, uint32_t place, bool paused);
bool mesh_fill(struct mesh *m, uint32_t place, bool full);
void mesh_wall(struct mesh *m, uint32_t place, int64_t wrong_s);
/* False with a sentence when a node has ended by itself. */
bool mesh_watch(struct mesh *m, char *what, size_t cap);

/* "127.0.0.1:8001": reached through the node's socket in its folder, whatever its net is like. */
void mesh_addr(const struct mesh *m, uint32_t place, char to[32]);
/* Runs `velum COMMAND... --addr PLACE`, argv NULL-terminated and at most 12 long. */
int mesh_ask(const struct mesh *m, uint32_t place, const char *const *argv, int limit_ms, char *out,
             size_t cap);
/* Whether every node sees those of all places alive and has no doubt about anybody else, within
 * limit_ms: who was replaced is dead for all. (Until then an ended job counts its copy.) */
bool mesh_is_whole(const struct mesh *m, int limit_ms);
/* The state of a node as another sees it: "alive", ..., "" when it is not listed. */
void mesh_state(const struct mesh *m, uint32_t where, const char *name, char to[16]);
uint32_t mesh_running(const struct mesh *m);
/* Ends all in order; true when each said goodbye with exit code 0. */
bool mesh_end(struct mesh *m, char *what, size_t cap);
/* The text of field `name` of the JSON object at `text`; false when it has none. */
bool json_field(const char *text, const char *name, char *to, size_t cap);

#endif
