/* Landlock: every right that this system can take away is taken away, but for some that the mover
 * has below its folder. Files that are open, and pipes, stay as they are. Called by sandbox.c,
 * mover_cage.c and build_cage.c. */
#ifndef VELUM_HOST_SANDBOX_LANDLOCK_H
#define VELUM_HOST_SANDBOX_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Of its rights to files, by the kernel's Documentation/userspace-api/landlock.rst. */
#define FS_EXECUTE (1u << 0)
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_REG (1u << 8)
#define FS_TRUNCATE (1u << 14)
/* What a process needs in a folder of its own, for plain files. */
#define FS_OWN                                                                                     \
    (FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

/* The version this system has, 0 when none. */
int sandbox_landlock_version(void);
struct landlock_place {
    int place; /* an open file or folder */
    uint64_t rights;
};

/* For good; no new rights must have been given up before. `rights` (0: none) stay below the open
 * `folder`, as far as this version knows them. 0, or -1 with errno set and nothing taken away. */
int sandbox_landlock_enter(int version, int folder, uint64_t rights);
/* The same with several that some rights stay at. */
int sandbox_landlock_enter_places(int version, const struct landlock_place *places, size_t count);

#endif
