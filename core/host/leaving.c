#include "core/host/leaving.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"

#define DEPTH_MAX 8

/* Certificates and keys go by their ends. root.pem is last: without it there is no mesh here. */
static const char *const of_home[] = {"peers", "open", "tokens", "roots", "rotating", NULL};
static const char *const of_state[] = {"reserve", "next", "control", "lock", NULL};
static const char *const trees_of_state[] = {"objects", "built", NULL};
static const char *const ends_of_state[] = {".seg", ".torn", ".tmp", ".key", ".pem", NULL};
static const char *const ends_of_home[] = {".tmp", ".key", ".pem", NULL};

static bool is_one_of(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

static bool ends_as(const char *const *list, const char *name)
{
    size_t len = strlen(name);
    for (; *list; list++)
        if (len > strlen(*list) && strcmp(name + len - strlen(*list), *list) == 0)
            return true;
    return false;
}

static int fail(const char *path, char *message)
{
    snprintf(message, HOME_MESSAGE_SIZE,
             "cannot remove %s: %s; look at that path, and velum leave goes on", path,
             strerror(errno));
    return ERR_IO;
}

static int remove_file(const char *path, char *message)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : fail(path, message);
}

typedef int visit(const char *path, const char *name, int depth, char *message);

static int each_entry(const char *folder, visit *what, int depth, char *message)
{
    char path[HOME_PATH_SIZE + 256];
    DIR *dir = opendir(folder);
    int rc = 0;
    if (!dir)
        return errno == ENOENT ? 0 : fail(folder, message);
    for (const struct dirent *e; rc == 0 && (e = readdir(dir));) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && n > 0 &&
            (size_t)n < sizeof path)
            rc = what(path, e->d_name, depth, message);
    }
    closedir(dir);
    return rc;
}

/* Never through a symbolic link. */
static int remove_tree(const char *path, const char *name, int depth, char *message)
{
    struct stat s;
    (void)name;
    if (lstat(path, &s) != 0)
        return errno == ENOENT ? 0 : fail(path, message);
    if (!S_ISDIR(s.st_mode))
        return remove_file(path, message);
    int rc = depth < DEPTH_MAX ? each_entry(path, remove_tree, depth + 1, message) : 0;
    return rc < 0 || rmdir(path) == 0 ? rc : fail(path, message);
}

static int remove_of_state(const char *path, const char *name, int depth, char *message)
{
    if (is_one_of(trees_of_state, name))
        return remove_tree(path, name, depth, message);
    if (is_one_of(of_state, name) || ends_as(ends_of_state, name))
        return remove_file(path, message);
    return 0;
}

static int remove_of_home(const char *path, const char *name, int depth, char *message)
{
    (void)depth;
    if (strcmp(name, "root.pem") == 0)
        return 0;
    return is_one_of(of_home, name) || ends_as(ends_of_home, name) ? remove_file(path, message) : 0;
}

/* What somebody else put into the folder stays, and the folder with it. */
static int remove_state(const char *path, char *message)
{
    char addr[HOME_PATH_SIZE + 8];
    int rc = each_entry(path, remove_of_state, 0, message);
    snprintf(addr, sizeof addr, "%s.addr", path); /* of a node that was killed */
    if (rc == 0)
        rc = remove_file(addr, message);
    if (rc == 0)
        (void)rmdir(path);
    return rc;
}

static int remove_home(const struct home *h, char *message)
{
    char path[HOME_PATH_SIZE];
    int rc = each_entry(h->path, remove_of_home, 0, message);
    home_file(h, "root.pem", path);
    return rc < 0 ? rc : remove_file(path, message);
}

/* --- what is to go --- */

static void marker(const struct home *h, char path[HOME_PATH_SIZE])
{
    home_file(h, HOME_LEAVING, path);
}

bool leaving_is_begun(const struct home *h)
{
    char path[HOME_PATH_SIZE];
    marker(h, path);
    return access(path, F_OK) == 0;
}

static int begin(const struct home *h, const struct leaving *l, char *message)
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    marker(h, path);
    buf_init(&text, &host_memory, LEAVING_STATES_MAX * (HOME_PATH_SIZE + 1) + 8);
    for (uint32_t i = 0; i < l->count; i++) {
        put_raw(&text, l->states[i], strlen(l->states[i]));
        put_u8(&text, '\n');
    }
    if (l->home)
        put_raw(&text, "home\n", 5);
    int rc = text.failed ? ERR_NO_MEMORY : home_write_file(path, buf_bytes(&text), message);
    buf_clear(&text);
    return rc;
}

/* In the order in which it stands there, which is the order in which it goes. */
static int remove_all(const struct home *h, char *text, char *message)
{
    int rc = 0;
    for (char *at = text, *end; rc == 0 && (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        if (strcmp(at, "home") == 0)
            rc = remove_home(h, message);
        else if (at[0] == '/')
            rc = remove_state(at, message);
    }
    return rc;
}

static int finish(const struct home *h, char *message)
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    marker(h, path);
    buf_init(&text, &host_memory, LEAVING_STATES_MAX * (HOME_PATH_SIZE + 1) + 8);
    int rc = home_read_file(path, true, &text, message);
    put_u8(&text, 0);
    if (rc == 0 && text.failed)
        rc = ERR_NO_MEMORY;
    if (rc == 0)
        rc = remove_all(h, (char *)text.data, message);
    if (rc == 0)
        rc = remove_file(path, message);
    buf_clear(&text);
    return rc;
}

int leaving_finish(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    int lock = home_lock(h, message);
    if (lock < 0)
        return lock;
    int rc = leaving_is_begun(h) ? finish(h, message) : 0;
    close(lock);
    return rc;
}

/* --- from the start --- */

static int lock_states(const struct home *h, const struct leaving *l, int *locks, char *message)
{
    char path[HOME_PATH_SIZE];
    for (uint32_t i = 0; i < l->count; i++) {
        locks[i] = home_state_open(h, 0, l->states[i], path, message);
        if (locks[i] < 0)
            return locks[i];
    }
    return 0;
}

static int check_paths(const struct leaving *l, char *message)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->states[i][0] == '/' && !strchr(l->states[i], '\n'))
            continue;
        snprintf(message, HOME_MESSAGE_SIZE, "the path of a node's folder must be one line");
        return ERR_ARGUMENT;
    }
    return 0;
}

int leaving_do(const struct home *h, const struct leaving *l, char message[HOME_MESSAGE_SIZE])
{
    int locks[LEAVING_STATES_MAX + 1];
    int rc = check_paths(l, message);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i <= LEAVING_STATES_MAX; i++)
        locks[i] = -1;
    rc = home_lock(h, message);
    if (rc < 0)
        return rc;
    locks[LEAVING_STATES_MAX] = rc;
    rc = lock_states(h, l, locks, message);
    if (rc == 0)
        rc = begin(h, l, message);
    if (rc == 0)
        rc = finish(h, message);
    for (uint32_t i = 0; i <= LEAVING_STATES_MAX; i++)
        if (locks[i] >= 0)
            close(locks[i]);
    return rc;
}
