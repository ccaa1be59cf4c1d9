#include "core/host/mover_cage.h"

#include <sched.h>
#include <sys/prctl.h>

#include "core/host/sandbox_landlock.h"

void cage_enter(int folder)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "velum-mover");
    (void)unshare(CLONE_NEWNET);
    const int version = sandbox_landlock_version();
    if (version > 0)
        (void)sandbox_landlock_enter(version, folder, FS_OWN);
}
