#include "core/host/conf.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/cgroup.h"
#include "core/host/home.h"
#include "core/host/ini_file.h"
#include "core/wire/demand.h"

#define SLOTS_MAX 1024
#define OBJECTS_MAX ((uint64_t)1 << 60)
#define KEEP_DAYS_MAX 365
#define KEEP_JOBS_MAX 2000
#define KEEP_MEMORY_MIN ((uint64_t)1 << 20)
#define KEEP_MEMORY_DEFAULT ((uint64_t)256 << 20)
#define TOMBSTONE_DAYS_MIN 8
#define KEY_SIZE_MAX 64
#define WORKER_MEMORY_MIN ((uint64_t)64 << 20)
#define WORKER_MEMORY_DEFAULT ((uint64_t)4 << 30)
#define WORKER_SECONDS_MAX ((uint64_t)365 * 24 * 3600)
#define VALUE_SHOWN 60

static void say(char message[CONF_MESSAGE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char message[CONF_MESSAGE_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, CONF_MESSAGE_SIZE, format, args);
    va_end(args);
}

static bool is_number_in(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    return text_to_u64(text, max, value) == 0 && *value >= min;
}

static bool set_port(struct conf *c, const char *value)
{
    uint64_t port;
    if (!is_number_in(value, 1, UINT16_MAX, &port))
        return false;
    c->port = (uint16_t)port;
    return true;
}

static bool is_numeric_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool set_bind(struct conf *c, const char *value)
{
    return (strcmp(value, "localhost") == 0 || is_numeric_address(value)) &&
           text_copy(c->bind, sizeof c->bind, value);
}

static bool is_host(const char *host, size_t len)
{
    char text[256];
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    if (text[0] == '[') { /* [IPv6] */
        if (text[len - 1] != ']')
            return false;
        text[len - 1] = '\0';
        return strchr(text, ':') && is_numeric_address(text + 1);
    }
    return text[0] != '-' && text[0] != '.' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == len;
}

static bool add_peer(struct conf *c, const char *value)
{
    uint64_t port;
    const char *colon = strrchr(value, ':');
    if (!colon || !is_host(value, (size_t)(colon - value)) ||
        !is_number_in(colon + 1, 1, UINT16_MAX, &port) || strlen(value) >= ADDR_SIZE)
        return false;
    for (uint32_t i = 0; i < c->peers_count; i++)
        if (strcmp(c->peers[i], value) == 0)
            return true;
    if (c->peers_count == CONF_PEERS_MAX)
        return false;
    return text_copy(c->peers[c->peers_count++], ADDR_SIZE, value);
}

static bool set_discovery(struct conf *c, const char *value)
{
    c->discovery = strcmp(value, "yes") == 0;
    return c->discovery || strcmp(value, "no") == 0;
}

static bool set_name(struct conf *c, const char *value)
{
    return text_is_name(value) && text_copy(c->name, sizeof c->name, value);
}

static bool set_slots(struct conf *c, const char *value)
{
    uint64_t slots;
    if (!is_number_in(value, 1, SLOTS_MAX, &slots))
        return false;
    c->slots = (uint32_t)slots;
    return true;
}

static bool add_label(struct conf *c, const char *value)
{
    return labels_add(c->labels, value);
}

static bool set_mem(struct conf *c, const char *value)
{
    return text_to_bytes(value, DEMAND_MEM_MAX, &c->memory) == 0 && c->memory > 0;
}

static bool set_worker_mem(struct conf *c, const char *value)
{
    uint64_t bytes;
    if (text_to_bytes(value, DEMAND_MEM_MAX, &bytes) != 0 || bytes < WORKER_MEMORY_MIN)
        return false;
    c->worker_memory = bytes;
    return true;
}

static bool set_worker_seconds(struct conf *c, const char *value)
{
    return is_number_in(value, 1, WORKER_SECONDS_MAX, &c->worker_seconds);
}

static bool set_path(char to[PATH_SIZE_MAX], const char *value)
{
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            return false;
    return *value && strlen(value) < PATH_SIZE_MAX && text_copy(to, PATH_SIZE_MAX, value);
}

static bool set_data(struct conf *c, const char *value)
{
    return set_path(c->data, value);
}

static bool set_plugins(struct conf *c, const char *value)
{
    return set_path(c->plugins, value);
}

static bool set_plugin_tier(struct conf *c, const char *value)
{
    return tier_read(value, &c->plugin_tier);
}

static bool set_plugin_jobs(struct conf *c, const char *value)
{
    static const char *const words[] = {
        [SHIPPED_NONE] = "none", [SHIPPED_LISTED] = "listed", [SHIPPED_ANY] = "any"};
    for (uint8_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            c->plugin_jobs = i;
            return true;
        }
    }
    return false;
}

static bool set_cgroups(struct conf *c, const char *value)
{
    static const char *const words[] = {
        [CGROUP_NO] = "no", [CGROUP_AUTO] = "auto", [CGROUP_YES] = "yes"};
    for (uint8_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            c->cgroups = i;
            return true;
        }
    }
    return false;
}

static bool add_plugin_allow(struct conf *c, const char *value)
{
    struct digest d;
    if (id_parse_prefix(value, d.bytes) != (int)(2 * sizeof d.bytes) ||
        c->plugin_allow_count == CONF_ALLOW_MAX)
        return false;
    c->plugin_allow[c->plugin_allow_count++] = d;
    return true;
}

static bool set_build(struct conf *c, const char *value)
{
    c->build = strcmp(value, "auto") == 0;
    return c->build || strcmp(value, "no") == 0;
}

static bool set_objects(struct conf *c, const char *value)
{
    return text_to_bytes(value, OBJECTS_MAX, &c->objects) == 0;
}

static bool set_number(uint32_t *to, const char *value, uint64_t min, uint64_t max)
{
    uint64_t number;
    if (!is_number_in(value, min, max, &number))
        return false;
    *to = (uint32_t)number;
    return true;
}

static bool set_keep_days(struct conf *c, const char *value)
{
    return set_number(&c->keep_days, value, 1, KEEP_DAYS_MAX);
}

static bool set_keep_jobs(struct conf *c, const char *value)
{
    return set_number(&c->keep_jobs, value, 1, KEEP_JOBS_MAX);
}

static bool set_keep_memory(struct conf *c, const char *value)
{
    uint64_t bytes;
    if (text_to_bytes(value, OBJECTS_MAX, &bytes) != 0 || bytes < KEEP_MEMORY_MIN)
        return false;
    c->keep_memory = bytes;
    return true;
}

/* Fewer than a submission may be ahead of its last date, and the same bytes could be a new job. */
static bool set_tombstone_days(struct conf *c, const char *value)
{
    return set_number(&c->tombstone_days, value, TOMBSTONE_DAYS_MIN, KEEP_DAYS_MAX);
}

static const struct row {
    const char *key;
    const char *default_text;
    const char *effect; /* with its unit; conf/velum.conf and the help show the same words */
    const char *allowed;
    bool (*set)(struct conf *c, const char *value);
    bool repeats;
} rows[] = {
    {"port", "8001", "the TCP port the node listens on", "a number from 1 to 65535", set_port,
     false},
    {"bind", "127.0.0.1",
     "the address it listens on; one that is not loopback opens the node; where the mesh was "
     "opened (velum init, velum join) it is 0.0.0.0 unless it is said here",
     "a numeric IPv4 or IPv6 address, or localhost", set_bind, false},
    {"peer", "none", "a node to connect to, as host:port; once for each, at most 64",
     "host:port or [IPv6]:port, at most 64 of them", add_peer, true},
    {"discovery", "yes",
     "whether a node that other machines reach says so on the local network, by UDP port 8001, and "
     "finds nodes of its mesh there",
     "yes or no", set_discovery, false},
    {"name", "an adjective and an animal, made from the node's id", "what people call the node",
     "1 to 63 of a to z, 0 to 9 and -, not starting with -", set_name, false},
    {"slots", "as many as cores this process may use", "how many workers may run at a time",
     "a number from 1 to 1024", set_slots, false},
    {"mem", "what the machine has", "bytes of memory that workers may have together",
     "a number of bytes, or one with K, M, G or T behind it", set_mem, false},
    {"worker_mem", "4G", "bytes of addresses of one worker whose job says nothing of memory",
     "a number of bytes from 64M on, with K, M, G or T behind it or without", set_worker_mem,
     false},
    {"worker_seconds", "none",
     "seconds of processor time of one worker whose job sets no limit; then it is ended",
     "a number from 1 to 31536000", set_worker_seconds, false},
    {"cgroups", "auto",
     "whether workers have cgroups: where the node's own is handed over to it, always, or never",
     "auto, yes or no", set_cgroups, false},
    {"label", "none", "a label of the node, KEY or KEY=VALUE, that jobs may ask for; once for each",
     "KEY or KEY=VALUE of letters, digits and . _ -, all together less than 256 bytes", add_label,
     true},
    {"data", "$VELUM_HOME/nodes/PORT", "the node's state folder: key, journal, lock",
     "a path of 1 to 1023 bytes", set_data, false},
    {"plugins", "none", "a folder; every .so in it is tried at start and loaded as a kernel",
     "a path of 1 to 1023 bytes", set_plugins, false},
    {"plugin_tier", "S2", "the tier of cage below which this node loads no plugin", "S1, S2 or S3",
     set_plugin_tier, false},
    {"plugin_jobs", "any", "which plugins that come with jobs are loaded, in the cage",
     "any, listed (those of plugin_allow) or none", set_plugin_jobs, false},
    {"plugin_allow", "none",
     "the SHA-256 of a plugin's file that may come with a job; once for each",
     "64 hexadecimal digits, as sha256sum prints them, at most 256 of them", add_plugin_allow,
     true},
    {"build", "auto", "whether C source of jobs is built with the machine's own compiler as well",
     "auto (where there is one, and a cage for it) or no", set_build, false},
    {"objects", "10G, or half of what is free at the start if that is less",
     "bytes of objects that the node keeps at most; with 0 it keeps none",
     "a number of bytes, or one with K, M, G or T behind it", set_objects, false},
    {"keep_days", "7", "days for which a finished job keeps its result and log",
     "a number from 1 to 365", set_keep_days, false},
    {"keep_jobs", "2000", "finished jobs that keep them; beyond, the oldest are forgotten first",
     "a number from 1 to 2000", set_keep_jobs, false},
    {"keep_memory", "256M",
     "bytes of memory for finished jobs; beyond, the oldest but the last are forgotten first",
     "a number of bytes from 1M on, with K, M, G or T behind it or without", set_keep_memory,
     false},
    {"tombstone_days", "30",
     "days for which the name of a forgotten job is kept; the same on every node",
     "a number from 8 to 365", set_tombstone_days, false},
};

#define ROWS_COUNT (sizeof rows / sizeof *rows)

void conf_default(struct conf *c)
{
    memset(c, 0, sizeof *c);
    c->port = HOME_PORT_DEFAULT;
    c->objects = CONF_OBJECTS_AUTO;
    c->worker_memory = WORKER_MEMORY_DEFAULT;
    c->plugin_tier = TIER_S2;
    c->cgroups = CGROUP_AUTO;
    c->plugin_jobs = SHIPPED_ANY;
    c->build = true;
    c->discovery = true;
    c->keep_days = 7;
    c->keep_jobs = KEEP_JOBS_MAX;
    c->keep_memory = KEEP_MEMORY_DEFAULT;
    c->tombstone_days = 30;
}

const char *conf_key(uint32_t i, const char **default_text, const char **effect)
{
    if (i >= ROWS_COUNT)
        return NULL;
    if (default_text)
        *default_text = rows[i].default_text;
    if (effect)
        *effect = rows[i].effect;
    return rows[i].key;
}

static const struct row *row_of(const char *key)
{
    for (size_t i = 0; i < ROWS_COUNT; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

static void say_unknown(char *message, const char *key)
{
    char shown[KEY_SIZE_MAX];
    const char *nearest = NULL;
    size_t best = 3;
    text_sanitise(key, strlen(key), true, shown, sizeof shown);
    for (size_t i = 0; i < ROWS_COUNT && strlen(key) < KEY_SIZE_MAX; i++) {
        size_t distance = text_distance(rows[i].key, key);
        if (distance < best) {
            best = distance;
            nearest = rows[i].key;
        }
    }
    if (nearest)
        say(message, "there is no key %s; did you mean %s?", shown, nearest);
    else
        say(message,
            "there is no key %s; allowed are port, bind, peer, discovery, name, slots, mem, "
            "worker_mem, worker_seconds, cgroups, label, data, plugins, plugin_tier, plugin_jobs, "
            "plugin_allow, build, objects, keep_days, keep_jobs, keep_memory and tombstone_days",
            shown);
}

int conf_set(struct conf *c, const char *key, const char *value, char message[CONF_MESSAGE_SIZE])
{
    char shown[VALUE_SHOWN];
    const struct row *row = row_of(key);
    message[0] = '\0';
    if (!row) {
        say_unknown(message, key);
        return ERR_NOT_FOUND;
    }
    if (row->set(c, value))
        return 0;
    text_sanitise(value, strlen(value), true, shown, sizeof shown);
    say(message, "%s cannot be \"%s\"; allowed is %s", row->key, shown, row->allowed);
    return ERR_ARGUMENT;
}

struct take {
    struct conf *conf;
    bool in_section;
    bool seen[ROWS_COUNT];
};

static int take_section(void *ctx, const char *line, char what[INI_MESSAGE_SIZE])
{
    struct take *t = ctx;
    t->in_section = strcmp(line, "[node]") == 0;
    if (t->in_section)
        return 0;
    say(what, "the only section is [node], alone on its line");
    return ERR_FORMAT;
}

static int take_pair(void *ctx, const char *key, const char *value, char what[INI_MESSAGE_SIZE])
{
    struct take *t = ctx;
    const struct row *row = row_of(key);
    if (row && t->seen[row - rows] && !row->repeats) {
        say(what, "%s is set a second time; keep one of the two", key);
        return ERR_EXISTS;
    }
    if (row)
        t->seen[row - rows] = true;
    return conf_set(t->conf, key, value, what);
}

int conf_read(struct conf *c, const char *path, char message[CONF_MESSAGE_SIZE])
{
    struct take t = {.conf = c};
    const struct ini_taker taker = {.ctx = &t,
                                    .section = take_section,
                                    .pair = take_pair,
                                    .what = "the configuration",
                                    .hint = "check --config",
                                    .first_section = "the line [node]; put [node] above it"};
    message[0] = '\0';
    return path ? ini_file_read(path, &taker, message) : 0;
}
