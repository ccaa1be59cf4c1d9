/* Puts a plugin that elf_check has found good into memory, without the C library's loader: that one
 * wants a path and opens files by itself, and the process that loads a plugin can open none any
 * more (sandbox.h).
 *
 * The image is one anonymous mapping, for the rest of the process's life: segments are copied into
 * it, relocated, and only then made code or read-only; no page is ever writable and code at once.
 * Of relocations it knows those that a plugin has, whose undefined symbols are those of
 * snippet_symbols.h. No instruction of the plugin is run. Called by plugin.c only. */
#ifndef VELUM_HOST_ELF_LOAD_H
#define VELUM_HOST_ELF_LOAD_H

#include "core/base/bytes.h"
#include "core/wire/order.h"

/* The file has passed elf_check. 0 with the address of the named symbol, which has `size` bytes of
 * the image behind it, or NULL when there is none of that name; ERR_NO_MEMORY, ERR_KERNEL, or
 * ERR_SYSTEM where the system does not let memory become code, with one sentence in reason. */
int elf_load(struct bytes file, const char *symbol, size_t size, const void **out,
             char reason[REASON_SIZE]);

#endif
