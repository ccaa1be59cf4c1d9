/* Which machine a shared object was built for, by the first bytes of its file. Called by
 * elf_check.c and cmd/snippet.c. */
#ifndef VELUM_HOST_ELF_MACHINE_H
#define VELUM_HOST_ELF_MACHINE_H

#include <stdbool.h>

#include "core/base/bytes.h"

#define ELF_MACHINE_HEAD 20 /* bytes that say it */

/* What `uname -m` calls it, where it has one name only; NULL where it is not known here, or these
 * are the first bytes of something else. */
const char *elf_machine_name(struct bytes file);
/* It is that of this process, by word size and byte order too. */
bool elf_machine_is_own(struct bytes file);
/* The name of that. */
const char *elf_machine_own(void);

#endif
