/* Reads a plugin file before elf_load does, and refuses by name what must not be loaded: a foreign
 * machine, a program, another library it wants, undefined symbols but those of snippet_symbols.h,
 * constructors and destructors, relocations that write to code or call functions, thread-local
 * storage, writable or stack code.
 *
 * It must never trust a number in the file: every offset is checked against the bytes
 * that are there. It cannot say that the code is harmless; that is the sandbox's
 * business. Called by plugin.c only. */
#ifndef VELUM_HOST_ELF_CHECK_H
#define VELUM_HOST_ELF_CHECK_H

#include "core/base/bytes.h"
#include "core/wire/order.h"

#define ELF_FILE_SIZE_MAX ((size_t)64 << 20)

/* 0, or ERR_UNSUPPORTED (foreign machine) or ERR_KERNEL with one sentence in reason. */
int elf_check(struct bytes file, char reason[REASON_SIZE]);

#endif
