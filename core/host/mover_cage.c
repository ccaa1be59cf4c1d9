#include "core/host/mover_cage.h"

#include <sched.h>
#include <sys/prctl.h>

#include "core/host/sandbox_landlock.h"

/* Of Landlock's rights, by the kernel's Documentation/userspace-api/landlock.rst. */
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_REG (1u << 8)
#define FS_TRUNCATE (1u << 14)
#define FS_NEEDED                                                                                  \
    (FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

void cage_enter(int folder)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "velum-mover");
    (void)unshare(CLONE_NEWNET);
    const int version = sandbox_landlock_version();
    if (version > 0)
        (void)sandbox_landlock_enter(version, folder, FS_NEEDED);
}
