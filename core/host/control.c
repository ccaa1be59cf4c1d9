#include "core/host/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"

#define FOLDER_SIZE 4096

/* Enters the folder of `path`; gives the way back and the last part of the path. */
static int enter(const char *path, const char **name, int *back)
{
    char folder[FOLDER_SIZE];
    const char *slash = strrchr(path, '/');
    if (!slash || !text_copy(folder, sizeof folder, path))
        return ERR_ARGUMENT;
    folder[slash - path] = 0;
    *name = slash + 1;
    *back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*back < 0)
        return ERR_SYSTEM;
    if (chdir(folder[0] ? folder : "/") == 0)
        return 0;
    int rc = errno == EACCES ? ERR_PERMISSION : ERR_NOT_FOUND;
    close(*back);
    return rc;
}

static int leave(int back)
{
    int rc = fchdir(back) == 0 ? 0 : ERR_SYSTEM;
    close(back);
    return rc;
}

static int address_of_name(const char *name, struct sockaddr_un *to)
{
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    return text_copy(to->sun_path, sizeof to->sun_path, name) ? 0 : ERR_TOO_LARGE;
}

/* The mode comes from the mask, so that there is no moment in which others may connect. */
static int bind_private(int fd, const char *name)
{
    struct sockaddr_un at;
    int rc = address_of_name(name, &at);
    if (rc < 0)
        return rc;
    unlink(name);
    mode_t mask = umask(0177);
    rc = bind(fd, (struct sockaddr *)&at, sizeof at);
    int error = errno;
    umask(mask);
    errno = error;
    return rc == 0 && listen(fd, 128) == 0 ? 0 : ERR_SYSTEM;
}

int control_listen(const char *path, char message[512])
{
    const char *name = NULL;
    int back = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? ERR_SYSTEM : enter(path, &name, &back);
    if (rc == 0) {
        rc = bind_private(fd, name);
        int error = errno;
        if (leave(back) < 0)
            rc = ERR_SYSTEM;
        errno = error;
    }
    if (rc == 0)
        return fd;
    snprintf(message, 512, "cannot make the control socket %.300s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

static int fault_of_connect(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return ERR_REFUSED;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_PERMISSION;
    default:
        return ERR_UNREACHABLE;
    }
}

/* A path that is too long for an address is shortened by way of its folder's descriptor. */
static int address_of_path(const char *path, struct sockaddr_un *to, int *folder)
{
    char above[FOLDER_SIZE], shorter[sizeof to->sun_path];
    if (address_of_name(path, to) == 0)
        return 0;
    const char *slash = strrchr(path, '/');
    if (!slash || !text_copy(above, sizeof above, path))
        return ERR_ARGUMENT;
    above[slash - path] = 0;
    *folder = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0)
        return errno == EACCES ? ERR_PERMISSION : ERR_NOT_FOUND;
    snprintf(shorter, sizeof shorter, "/proc/self/fd/%d/%s", *folder, slash + 1);
    return address_of_name(shorter, to);
}

static int connect_to(int fd, const struct sockaddr_un *to)
{
    /* A node that is stopped lets its queue fill up, and connecting would then wait for ever. */
    struct timeval patience = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0)
        return fault_of_connect(errno);
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : ERR_SYSTEM;
}

int control_connect(const char *path)
{
    struct sockaddr_un to;
    int folder = -1, fd = -1;
    int rc = address_of_path(path, &to, &folder);
    if (rc == 0 && (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        rc = ERR_SYSTEM;
    if (rc == 0)
        rc = connect_to(fd, &to);
    if (rc == 0)
        rc = control_check(fd);
    if (folder >= 0)
        close(folder);
    if (rc == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return rc;
}

int control_check(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
        return ERR_PERMISSION;
    return who.uid == 0 || who.uid == geteuid() ? 0 : ERR_PERMISSION;
}
