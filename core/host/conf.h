/* The node's settings: defaults, then the file (one section, [node]; ini_file.h), then flags. An
 * unknown or duplicate key, a long line or a bad value is refused with file, line, key and what is
 * allowed. */
#ifndef VELUM_HOST_CONF_H
#define VELUM_HOST_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/node/node.h"
#include "core/wire/labels.h"
#include "core/wire/order.h"
#include "core/wire/tier.h"

#define CONF_PEERS_MAX 64
#define CONF_ALLOW_MAX 256
#define CONF_MESSAGE_SIZE 512
#define CONF_OBJECTS_AUTO UINT64_MAX /* quota_default says how many bytes */

struct conf {
    uint16_t port;  /* 8001 */
    char bind[256]; /* "": as the home folder says (peers_file.h) */
    char peers[CONF_PEERS_MAX][ADDR_SIZE];
    uint32_t peers_count;
    char name[64];               /* "" = made from the node's id, an adjective and an animal */
    uint32_t slots;              /* 0 = as many as cores this process may use */
    uint64_t memory;             /* bytes for workers; 0 = what the machine has */
    uint8_t cgroups;             /* enum cgroup_mode; AUTO */
    uint64_t worker_memory;      /* 4 GiB: of one worker whose job says nothing of memory */
    uint64_t worker_seconds;     /* of processor time, of one whose job sets no limit; 0: none */
    char labels[LABELS_SIZE];    /* of the node (core/wire/labels.h) */
    char data[PATH_SIZE_MAX];    /* "" = $VELUM_HOME/nodes/PORT */
    char plugins[PATH_SIZE_MAX]; /* "" = none */
    uint8_t plugin_tier;         /* S2: the least that plugins are loaded at */
    uint8_t plugin_jobs;         /* enum shipped_plugins; ANY */
    struct digest plugin_allow[CONF_ALLOW_MAX]; /* SHA-256 of files, of LISTED */
    uint32_t plugin_allow_count;
    bool discovery;          /* true: of nodes on the local network */
    bool build;              /* true: with the machine's compiler, where that is possible */
    uint64_t objects;        /* bytes at most; 0 = keeps none; CONF_OBJECTS_AUTO */
    uint32_t keep_days;      /* 7: finished jobs are kept whole */
    uint32_t keep_jobs;      /* 2000: so many of them at most */
    uint64_t keep_memory;    /* 256 MiB: in so many bytes of memory */
    uint32_t tombstone_days; /* 30: then their names */
};

void conf_default(struct conf *c);
/* path NULL: reads nothing. 0, or < 0 with one sentence in message
 * that names file, line and key. */
int conf_read(struct conf *c, const char *path, char message[CONF_MESSAGE_SIZE]);
/* Sets one key as from the file or a flag: same checks. `peer`,
 * `label` and `plugin_allow` add. */
int conf_set(struct conf *c, const char *key, const char *value, char message[CONF_MESSAGE_SIZE]);
/* The rows, for help, completions and the test that compares them with conf/velum.conf.
 * NULL past the end. */
const char *conf_key(uint32_t i, const char **default_text, const char **effect);

#endif
