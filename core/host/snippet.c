#include "core/host/snippet.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "config.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/foreign_file.h"
#include "core/host/snippet_guard.h"
#include "core/host/snippet_headers.h"
#include "core/host/snippet_symbols.h"
#include "core/host/snippet_system.h"
#include "core/host/snippet_types.h"
#include "core/kernel/kernel.h"
#include "core/object/name.h"

#if HAVE_TCC
#include <libtcc.h>
#endif

bool snippet_works(void)
{
    return HAVE_TCC;
}

const char *snippet_name(const char *path)
{
    const size_t len = strlen(path);
    return len > 2 && strcmp(path + len - 2, ".c") == 0 ? path : "snippet.c";
}

int snippet_read(const char *path, struct bytes *out, char reason[REASON_SIZE])
{
    if (!snippet_works()) {
        text_copy(reason, REASON_SIZE, SNIPPET_NOT_HERE);
        return ERR_UNSUPPORTED;
    }
    int rc = foreign_file_read(path, SNIPPET_SOURCE_MAX, out, reason);
    if (rc < 0 || !memchr(out->data, 0, out->len))
        return rc;
    foreign_file_forget(*out);
    text_copy(reason, REASON_SIZE, "it is no C source: it has a byte of zero");
    return ERR_KERNEL;
}

void snippet_prepare(void)
{
    snippet_guard_listen();
}

#if HAVE_TCC

#define GAP ((size_t)1 << 20)

struct compilation {
    struct snippet_messages *messages;
    TCCState *tcc;
    uint8_t *image; /* for good */
    size_t size;
    const struct velum_kernel *kernel;
    bool too_large, no_memory, checks;
};

static void on_message(void *ctx, const char *said)
{
    struct compilation *c = ctx;
    if (strstr(said, "memory full ("))
        return; /* explain() has better words for it */
    snippet_messages_add(c->messages, said);
    if (strstr(said, "include file '"))
        snippet_messages_note(c->messages,
                              "a snippet may include " SNIPPET_HEADERS_LIST ", and nothing else");
}

static void on_symbol(void *ctx, const char *name, const void *address)
{
    struct compilation *c = ctx;
    (void)tcc_add_symbol(c->tcc, name, address);
}

/* libtcc puts sections one behind the other, the code first, each at its alignment. So with this
 * before the source no page is both code and writable. What a source makes code of in a section of
 * its own lies behind it, and is none. */
#define DATA_HEADER "velum_data.h"
#define DATA_BEGINS "velum_data_begins"

static int open_compiler(struct compilation *c)
{
    char hex[ID_HEX_SIZE], quoted[ID_HEX_SIZE + 2];
    const struct digest source = object_name_of(c->messages->source);
    id_hex(source.bytes, 2 * ID_SIZE, hex);
    snprintf(quoted, sizeof quoted, "\"%s\"", hex);
    c->tcc = tcc_new();
    if (!c->tcc)
        return -1;
    tcc_set_error_func(c->tcc, c, on_message);
    tcc_set_options(c->tcc, "-std=c11 -fsigned-char -nostdinc -nostdlib -include " DATA_HEADER);
    tcc_set_output_type(c->tcc, TCC_OUTPUT_MEMORY);
    tcc_add_sysinclude_path(c->tcc, SNIPPET_HEADERS_FOLDER);
    tcc_define_symbol(c->tcc, "VELUM_HAVE_STDINT", "1");
    tcc_define_symbol(c->tcc, "VELUM_SOURCE_DIGEST", quoted);
    snippet_symbols(on_symbol, c);
    return 0;
}

/* Memory of its own, which shares no page with anything that is not the snippet's. libtcc counts in
 * an int: where that has overflowed it runs into the gap behind, which is nobody's. */
static int make_image(struct compilation *c)
{
    const int size = tcc_relocate(c->tcc, NULL);
    if (size == -1)
        return -1;
    c->too_large = size < 0 || (size_t)size > SNIPPET_MEMORY_MAX;
    if (c->too_large)
        return -1;
    c->size = (size_t)size;
    uint8_t *image = mmap(NULL, c->size + GAP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    c->no_memory = image == MAP_FAILED || mprotect(image, c->size, PROT_READ | PROT_WRITE) != 0;
    if (c->no_memory)
        return -1;
    c->image = image;
    return tcc_relocate(c->tcc, c->image);
}

static int make_code(struct compilation *c)
{
    const uint8_t *data = tcc_get_symbol(c->tcc, DATA_BEGINS);
    size_t code = data >= c->image ? (size_t)(data - c->image) : c->size + 1;
    int prot = PROT_READ | PROT_EXEC;
#if VELUM_PLANT == 857 /* unit/test_snippet: a snippet may change its own instructions */
    code = c->size, prot |= PROT_WRITE;
#endif
    if (code > c->size || (code > 0 && mprotect(c->image, code, prot) != 0)) {
        snippet_messages_error(c->messages, "the system does not let memory become code");
        return -1;
    }
    __builtin___clear_cache((char *)c->image, (char *)c->image + c->size);
    return 0;
}

/* The struct must be part of the image; where its own pointers lead to is kernel_check's to try. */
static const struct velum_kernel *find_kernel(const struct compilation *c)
{
    const uint8_t *k = tcc_get_symbol(c->tcc, "velum_kernel");
    if (!k || k < c->image || c->size - sizeof(struct velum_kernel) < (size_t)(k - c->image))
        return NULL;
    return (const struct velum_kernel *)(const void *)k;
}

static void check(struct compilation *c, const struct velum_kernel *k)
{
    char reason[REASON_SIZE];
    const struct digest source = object_name_of(c->messages->source);
    c->checks = true;
    if (!k) {
        snippet_messages_error(c->messages, "it defines no kernel: write one with "
                                            "VELUM_KERNEL(name)");
    } else if (kernel_check(k, reason) < 0) {
        snippet_messages_error(c->messages, reason);
    } else {
        const struct digest says = kernel_source(k);
        if (digest_equal(says, source))
            c->kernel = k;
        else
            snippet_messages_error(c->messages, "its kernel names another source than its own: "
                                                "begin it with VELUM_KERNEL_HEAD");
    }
}

/* libtcc computes with floating constants in long double, and rounds once more to double. With a
 * mantissa of 53 bits that is what the instructions would have given, as it is with 113: but for
 * results too small to be normal, which are rounded twice, and which the processor remembers; and
 * for a constant of 2^63 and more, not exact in 53 bits, that is made a float. */
static uint16_t fold_as_doubles(void)
{
    uint16_t was = 0;
#if defined __x86_64__ && VELUM_PLANT != 765 /* unit/test_snippet: in 64 bits */
    const uint16_t of_53_bits = 0x27f;
    __asm__ volatile("fnclex\n\tfnstcw %0" : "=m"(was));
    __asm__ volatile("fldcw %0" : : "m"(of_53_bits));
#endif
    return was;
}

static void fold_as_before(uint16_t was)
{
#if defined __x86_64__
    if (was)
        __asm__ volatile("fldcw %0" : : "m"(was));
#else
    (void)was;
#endif
}

/* Since fold_as_doubles. */
static bool was_rounded_twice(void)
{
#if defined __x86_64__ && VELUM_PLANT != 996 /* unit/test_snippet: nobody looks whether it was */
    const uint16_t underflow = 0x10;
    uint16_t status;
    __asm__ volatile("fnstsw %0" : "=m"(status));
    return (status & underflow) != 0;
#else
    return false;
#endif
}

static void compile(void *ctx)
{
    struct compilation *c = ctx;
    if (open_compiler(c) < 0 || tcc_add_file(c->tcc, c->messages->name) < 0 ||
        c->messages->errors > 0 || make_image(c) < 0 || make_code(c) < 0)
        return;
    const struct velum_kernel *k = find_kernel(c);
    tcc_delete(c->tcc);
    if (was_rounded_twice())
        snippet_messages_error(c->messages, "constants in it come to less than the smallest normal "
                                            "number, where compilers differ: write that number "
                                            "itself, or compute it from a variable");
    else
        check(c, k);
}

static void explain(struct compilation *c, enum guard_end end, int signal)
{
    char text[128];
    bool bound;
    if (snippet_system_is_full(&bound))
        *(bound ? &c->too_large : &c->no_memory) = true;
    if (c->too_large) {
        snippet_messages_error(c->messages, "it needs more than the 256 MiB of memory that a "
                                            "snippet, or the compiler for it, may have");
    } else if (c->no_memory) {
        snippet_messages_error(c->messages, "there is not enough memory to compile it");
    } else if (end == GUARD_LATE) {
        snippet_messages_error(c->messages, "the compiler needs more than the second of processor "
                                            "time that it may have for it");
    } else if (end == GUARD_CRASHED && c->checks) {
        snippet_messages_error(c->messages, "a pointer in its kernel leads nowhere");
    } else if (end == GUARD_CRASHED) {
        snprintf(text, sizeof text, "the compiler crashed on it (signal %d)%s", signal,
                 signal == SIGSEGV ? "; it may be nested too deeply, or too large" : "");
        snippet_messages_error(c->messages, text);
    } else if (c->messages->errors == 0) {
        snippet_messages_error(c->messages, "the compiler gave up on it");
    }
}

int snippet_compile(struct snippet_messages *messages, const struct velum_kernel **out)
{
    static struct compilation c;
    int signal;
    c = (struct compilation){.messages = messages};
    *out = NULL;
    if (snippet_types_refuse(messages))
        return ERR_KERNEL;
    snippet_system_begin(messages->name, messages->source);
    const uint16_t was = fold_as_doubles();
    const enum guard_end end = snippet_guard_run(compile, &c, &signal);
    fold_as_before(was);
    *out = c.kernel;
    if (c.kernel && end == GUARD_DONE)
        return 0;
    explain(&c, end, signal);
    return c.no_memory ? ERR_NO_MEMORY : ERR_KERNEL;
}

#else

int snippet_compile(struct snippet_messages *messages, const struct velum_kernel **out)
{
    *out = NULL;
    snippet_messages_error(messages, SNIPPET_NOT_HERE);
    return ERR_UNSUPPORTED;
}

#endif
