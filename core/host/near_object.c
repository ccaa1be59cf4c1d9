#include "core/host/near_object.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/home.h"
#include "core/host/mover_folder.h"

/* The mover's folder lies beside the socket. */
static bool path_of(const char *control, struct digest name, char *to, size_t cap)
{
    char file[FOLDER_NAME_SIZE];
    const char *end = strrchr(control, '/');
    if (!end || (size_t)(end - control) >= cap)
        return false;
    memcpy(to, control, (size_t)(end - control));
    to[end - control] = 0;
    folder_name(name, FOLDER_DATA, file);
    return text_append(to, cap, "/objects/") && text_append(to, cap, file);
}

int near_object_open(const char *control, struct digest name, uint64_t size)
{
    char path[HOME_PATH_SIZE + FOLDER_NAME_SIZE + 16];
    struct stat st;
    if (!path_of(control, name, path, sizeof path))
        return ERR_NOT_FOUND;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return ERR_NOT_FOUND;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) {
        close(fd);
        return ERR_NOT_FOUND;
    }
    (void)futimens(fd, NULL); /* it was used: see mover_read.c */
    return fd;
}
