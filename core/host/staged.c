#include "core/host/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

void staged_init(struct staged *s)
{
    s->count = 0;
}

/* A path of `paths` leaves room for the ending. */
static void beside(char to[HOME_PATH_SIZE], const char *path)
{
    ensure(text_copy(to, HOME_PATH_SIZE, path) && text_append(to, HOME_PATH_SIZE, ".tmp"));
}

static int write_all(int fd, struct bytes text, const char *path, char *message)
{
    for (size_t at = 0; at < text.len;) {
        ssize_t n = write(fd, text.data + at, text.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return home_say_errno(message, "cannot write", path);
        at += (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : home_say_errno(message, "cannot sync", path);
}

static int write_beside(const char *path, struct bytes text, char *message)
{
    char tmp[HOME_PATH_SIZE];
    beside(tmp, path);
    unlink(tmp); /* of a writer that was killed */
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return home_say_errno(message, "cannot write", path);
    int rc = write_all(fd, text, path, message);
    close(fd);
    if (rc < 0)
        unlink(tmp);
    return rc;
}

static int sync_folder_of(const char *path, char *message)
{
    char folder[HOME_PATH_SIZE];
    text_copy(folder, sizeof folder, path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        text_copy(folder, sizeof folder, ".");
    else
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;
    if (fd < 0 || fsync(fd) != 0)
        rc = home_say_errno(message, "cannot sync the folder", folder);
    if (fd >= 0)
        close(fd);
    return rc;
}

static bool is_staged(const struct staged *s, const char *path)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (strcmp(s->paths[i], path) == 0)
            return true;
    return false;
}

int staged_add(struct staged *s, const char *path, struct bytes text,
               char message[HOME_MESSAGE_SIZE])
{
    if (text.len > HOME_FILE_MAX) {
        snprintf(message, HOME_MESSAGE_SIZE, "%s would be larger than %d bytes", path,
                 HOME_FILE_MAX);
        return ERR_TOO_LARGE;
    }
    if (strlen(path) + sizeof ".tmp" > HOME_PATH_SIZE) {
        snprintf(message, HOME_MESSAGE_SIZE, "the path %.64s... is too long", path);
        return ERR_TOO_LARGE;
    }
    const bool again = is_staged(s, path);
    ensure(again || s->count < STAGED_MAX);
    int rc = write_beside(path, text, message);
    if (rc == 0 && !again)
        text_copy(s->paths[s->count++], HOME_PATH_SIZE, path);
    return rc;
}

static int take_place(const char *path, char *message)
{
    char tmp[HOME_PATH_SIZE];
    beside(tmp, path);
    if (rename(tmp, path) != 0)
        return home_say_errno(message, "cannot write", path);
    return sync_folder_of(path, message);
}

int staged_commit(struct staged *s, char message[HOME_MESSAGE_SIZE])
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < s->count; i++)
        rc = take_place(s->paths[i], message);
    staged_drop(s);
    return rc;
}

void staged_drop(struct staged *s)
{
    char tmp[HOME_PATH_SIZE];
    for (uint32_t i = 0; i < s->count; i++) {
        beside(tmp, s->paths[i]);
        unlink(tmp);
    }
    s->count = 0;
}
