#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/err.h"
#include "core/host/node_process.h"

static const struct opt opts[] = {
    {.name = "port", .kind = OPT_TEXT, .value = "N", .effect = "listen there (8001)"},
    {.name = "bind", .kind = OPT_TEXT, .value = "ADDR", .effect = "listen on ADDR (127.0.0.1)"},
    {.name = "peer",
     .kind = OPT_TEXT,
     .repeats = true,
     .value = "HOST:PORT",
     .effect = "another node of the mesh"},
    {.name = "no-discovery",
     .kind = OPT_SWITCH,
     .effect = "do not look for nodes on the local network, or say there that it is one"},
    {.name = "name", .kind = OPT_TEXT, .value = "NAME", .effect = "how the node is called"},
    {.name = "slots", .kind = OPT_TEXT, .value = "N", .effect = "workers at a time (all cores)"},
    {.name = "mem", .kind = OPT_TEXT, .value = "SIZE", .effect = "memory for workers (all)"},
    {.name = "label",
     .kind = OPT_TEXT,
     .repeats = true,
     .value = "KEY[=VALUE]",
     .effect = "what jobs may ask for"},
    {.name = "data",
     .kind = OPT_TEXT,
     .value = "DIR",
     .effect = "the node's state ($VELUM_HOME/nodes/PORT)"},
    {.name = "plugins", .kind = OPT_TEXT, .value = "DIR", .effect = "load every .so in DIR"},
    {.name = "objects",
     .kind = OPT_TEXT,
     .value = "SIZE",
     .effect = "keep so many bytes of objects (10G)"},
    {.name = "config",
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "read settings from FILE (VELUM_CONFIG)"},
    {0},
};

static int refuse(const char *message)
{
    talk_error("%s", message);
    talk_try("velum help node");
    return CODE_MISUSE;
}

/* The settings file comes first, so that flags win. Peers add up. */
static int settle(const struct call *c, struct conf *conf)
{
    char message[CONF_MESSAGE_SIZE] = "";
    const char *from_env = getenv("VELUM_CONFIG");
    const char *path = opt_text(c->opts, "config", from_env && from_env[0] ? from_env : NULL);
    conf_default(conf);
    if (path && conf_read(conf, path, message) < 0)
        return refuse(message);
    for (size_t i = 0; i < c->opts->count; i++) {
        const struct opt_value *v = &c->opts->values[i];
        if (strcmp(v->opt->name, "config") == 0)
            continue;
        if (strcmp(v->opt->name, "addr") == 0)
            return refuse("--addr is for commands that talk to a node; a node takes --bind");
        if (strcmp(v->opt->name, "no-discovery") == 0)
            conf->discovery = false;
        else if (conf_set(conf, v->opt->name, v->text, message) < 0)
            return refuse(message);
    }
    return 0;
}

/* A wrong folder is said before the node's state is made. */
static int check_plugins(const struct conf *conf)
{
    char message[CONF_MESSAGE_SIZE];
    DIR *dir = conf->plugins[0] ? opendir(conf->plugins) : NULL;
    if (dir)
        closedir(dir);
    if (dir || !conf->plugins[0])
        return 0;
    snprintf(message, sizeof message, "the plugin folder %.200s cannot be read: %s", conf->plugins,
             strerror(errno));
    return refuse(message);
}

static int run(const struct call *c)
{
    static struct conf conf;
    struct spawner spawner;
    int code = settle(c, &conf);
    if (code == 0)
        code = check_plugins(&conf);
    if (code != 0)
        return code;
    int rc = spawner_fork(&spawner, c->argv0);
    if (rc < 0) {
        talk_error("the process that starts workers cannot be made: %s", err_sentence(rc));
        talk_try("ulimit -u, and free memory");
        return CODE_FAILED;
    }
    return node_process(&conf, &spawner);
}

const struct cmd cmd_node = {
    .name = "node",
    .args = "",
    .summary = "be a node: join the mesh of this machine and lend it slots",
    .more = "Runs until SIGTERM or Ctrl-C; then hands back finished leaves and says goodbye.\n"
            "Nodes of one user on one machine find each other; give each its own --port.",
    .group = GROUP_MESH,
    .opts = opts,
    .run = run,
};
