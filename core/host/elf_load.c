#include "core/host/elf_load.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/snippet_symbols.h"

#define NAME_SIZE 32 /* of a function that a plugin is given */
#define ALIGN_MAX ((uint64_t)2 << 20)
#define TAG_RELR_SIZE 35 /* these two by number: not every system header has them */
#define TAG_RELR 36

/* What a relocation writes: the base and an addend, a symbol and an addend, or a symbol alone. */
#if defined(__x86_64__)
#define RELATIVE R_X86_64_RELATIVE
#define ABSOLUTE R_X86_64_64
#define GLOB_DAT R_X86_64_GLOB_DAT
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#elif defined(__aarch64__)
#define RELATIVE R_AARCH64_RELATIVE
#define ABSOLUTE R_AARCH64_ABS64
#define GLOB_DAT R_AARCH64_GLOB_DAT
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#elif defined(__arm__)
#define RELATIVE R_ARM_RELATIVE
#define ABSOLUTE R_ARM_ABS32
#define GLOB_DAT R_ARM_GLOB_DAT
#define JUMP_SLOT R_ARM_JUMP_SLOT
#elif defined(__i386__)
#define RELATIVE R_386_RELATIVE
#define ABSOLUTE R_386_32
#define GLOB_DAT R_386_GLOB_DAT
#define JUMP_SLOT R_386_JMP_SLOT
#elif defined(__riscv)
#define RELATIVE R_RISCV_RELATIVE
#define ABSOLUTE R_RISCV_64
#define GLOB_DAT R_RISCV_64
#define JUMP_SLOT R_RISCV_JUMP_SLOT
#elif defined(__s390x__)
#define RELATIVE R_390_RELATIVE
#define ABSOLUTE R_390_64
#define GLOB_DAT R_390_GLOB_DAT
#define JUMP_SLOT R_390_JMP_SLOT
#elif defined(__powerpc64__)
#define RELATIVE R_PPC64_RELATIVE
#define ABSOLUTE R_PPC64_ADDR64
#define GLOB_DAT R_PPC64_GLOB_DAT
#define JUMP_SLOT R_PPC64_JMP_SLOT
#else
#error "name the relocations of this architecture here"
#endif

#if UINTPTR_MAX > UINT32_MAX
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#define TYPE_OF(info) ELF64_R_TYPE(info)
#define BLOOM_WORD 8
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#define TYPE_OF(info) ELF32_R_TYPE(info)
#define BLOOM_WORD 4
#endif

struct image {
    uint8_t *base;
    uint64_t size; /* whole pages */
    uint64_t page;
    const uint8_t *segments; /* in the file, of this many program headers */
    unsigned segments_count;
    uint64_t symbols, strings, strings_size, hash, gnu_hash;
    char *reason;
};

static int refuse(struct image *m, const char *why)
{
    text_copy(m->reason, REASON_SIZE, why);
    return ERR_KERNEL;
}

static ElfW(Phdr) segment(const struct image *m, unsigned i)
{
    ElfW(Phdr) s;
    memcpy(&s, m->segments + i * sizeof s, sizeof s);
    return s;
}

/* n bytes of the image, or NULL when they are not all in it. */
static uint8_t *at(const struct image *m, uint64_t address, uint64_t n)
{
    return address > m->size || n > m->size - address ? NULL : m->base + address;
}

static uint64_t page_up(const struct image *m, uint64_t v)
{
    return (v + m->page - 1) / m->page * m->page;
}

/* The alignment that data in the image may have been promised. */
static int reserve(struct image *m)
{
    uint64_t align = m->page;
    for (unsigned i = 0; i < m->segments_count; i++) {
        const ElfW(Phdr) s = segment(m, i);
        if (s.p_type != PT_LOAD)
            continue;
        if (s.p_align > ALIGN_MAX || (s.p_align & (s.p_align - 1)) != 0)
            return refuse(m, "it wants its memory aligned to more than 2 MiB");
        if (s.p_align > align)
            align = s.p_align;
        if (page_up(m, s.p_vaddr + s.p_memsz) > m->size)
            m->size = page_up(m, s.p_vaddr + s.p_memsz);
    }
    if (m->size == 0)
        return refuse(m, "it has nothing to load");
    void *p = mmap(NULL, (size_t)(m->size + align - m->page), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        text_copy(m->reason, REASON_SIZE, "there is no memory to load it");
        return errno == ENOMEM ? ERR_NO_MEMORY : ERR_KERNEL;
    }
    m->base = (uint8_t *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
    return 0;
}

static void copy_segments(const struct image *m, struct bytes file)
{
    for (unsigned i = 0; i < m->segments_count; i++) {
        const ElfW(Phdr) s = segment(m, i);
        if (s.p_type == PT_LOAD && s.p_filesz > 0)
            memcpy(m->base + s.p_vaddr, file.data + s.p_offset, (size_t)s.p_filesz);
    }
}

/* 0 where there is none of that index. */
static bool symbol_at(const struct image *m, uint64_t index, ElfW(Sym) * out)
{
    const uint8_t *p = at(m, m->symbols + index * sizeof *out, sizeof *out);
    if (p)
        memcpy(out, p, sizeof *out);
    return p != NULL;
}

static uint64_t address_of(const struct image *m, const ElfW(Sym) * s)
{
    return s->st_shndx == SHN_ABS ? s->st_value : (uintptr_t)m->base + s->st_value;
}

/* Where one that the plugin does not define is in this executable; 0 for what nobody gives. */
static uint64_t address_given(const struct image *m, const ElfW(Sym) * s)
{
    char name[NAME_SIZE];
    for (size_t i = 0; i < sizeof name; i++) {
        const uint8_t *p = at(m, m->strings + s->st_name + i, 1);
        name[i] = p ? (char)*p : 0;
        if (name[i] == 0)
            return (uintptr_t)snippet_symbol(name);
    }
    return 0;
}

/* One relocation; `addend` is NULL where it stands in the place itself. */
static int relocate(struct image *m, const ElfW(Rel) * r, const ElfW(Sxword) * addend)
{
    ElfW(Sym) symbol = {0};
    ElfW(Addr) v;
    uint8_t *place = at(m, r->r_offset, sizeof v);
    const uint64_t type = TYPE_OF(r->r_info), index = SYMBOL_OF(r->r_info);
    if (type == 0) /* NONE, on every machine */
        return 0;
    if (!place || (index && !symbol_at(m, index, &symbol)))
        return refuse(m, "it is truncated or damaged");
    memcpy(&v, place, sizeof v);
    const uint64_t more = addend ? (uint64_t)*addend : v;
    const bool given = index && symbol.st_shndx == SHN_UNDEF;
    const uint64_t to = given ? address_given(m, &symbol) : index ? address_of(m, &symbol) : 0;
    if (given && to == 0)
        return refuse(m, "it calls what nobody gives to it");
    if (type == RELATIVE)
        v = (ElfW(Addr))((uintptr_t)m->base + more);
    else if (type == ABSOLUTE)
        v = (ElfW(Addr))(to + more);
    else if (type == GLOB_DAT || type == JUMP_SLOT)
        v = (ElfW(Addr))(to + (addend ? more : 0));
    else
        return refuse(m, "it has a relocation of a kind that plugins do not need");
    memcpy(place, &v, sizeof v);
    return 0;
}

static int relocate_table(struct image *m, uint64_t table, uint64_t size, bool has_addend)
{
    const uint64_t step = has_addend ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
    for (uint64_t i = 0; i + step <= size; i += step) {
        ElfW(Rela) r;
        const uint8_t *p = at(m, table + i, step);
        if (!p)
            return refuse(m, "it is truncated or damaged");
        memcpy(&r, p, step);
        const ElfW(Rel) head = {.r_offset = r.r_offset, .r_info = r.r_info};
        int rc = relocate(m, &head, has_addend ? &r.r_addend : NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int add_base(struct image *m, uint64_t address)
{
    ElfW(Addr) v;
    uint8_t *place = at(m, address, sizeof v);
    if (!place)
        return refuse(m, "it is truncated or damaged");
    memcpy(&v, place, sizeof v);
    v += (ElfW(Addr))(uintptr_t)m->base;
    memcpy(place, &v, sizeof v);
    return 0;
}

/* The short form of relative relocations (DT_RELR): an even word is the address of one, and each
 * bit but the lowest of an odd word stands for one of the places that follow. */
static int relocate_short(struct image *m, uint64_t table, uint64_t size)
{
    const uint64_t step = sizeof(ElfW(Addr)), bits = 8 * step;
    uint64_t next = 0;
    int rc = 0;
    for (uint64_t i = 0; i + step <= size && rc == 0; i += step) {
        ElfW(Addr) word;
        const uint8_t *p = at(m, table + i, step);
        if (!p)
            return refuse(m, "it is truncated or damaged");
        memcpy(&word, p, step);
        if ((word & 1) == 0) {
            rc = add_base(m, word);
            next = word + step;
            continue;
        }
        for (uint64_t bit = 1; bit < bits && rc == 0; bit++)
            if (word >> bit & 1)
                rc = add_base(m, next + (bit - 1) * step);
        next += (bits - 1) * step;
    }
    return rc;
}

/* Reads the dynamic section, whose end elf_check has seen, and applies what it lists. */
static int relocate_all(struct image *m, uint64_t dynamic)
{
    uint64_t tags[TAG_RELR + 1] = {0};
    ElfW(Dyn) d;
    for (const uint8_t *p; (p = at(m, dynamic, sizeof d)) != NULL; dynamic += sizeof d) {
        memcpy(&d, p, sizeof d);
        if (d.d_tag == DT_NULL)
            break;
        if (d.d_tag > 0 && d.d_tag <= TAG_RELR)
            tags[d.d_tag] = d.d_un.d_val;
        if (d.d_tag == DT_GNU_HASH)
            m->gnu_hash = d.d_un.d_val;
    }
    m->symbols = tags[DT_SYMTAB];
    m->strings = tags[DT_STRTAB];
    m->strings_size = tags[DT_STRSZ];
    m->hash = tags[DT_HASH];
    int rc = relocate_short(m, tags[TAG_RELR], tags[TAG_RELR_SIZE]);
    if (rc == 0)
        rc = relocate_table(m, tags[DT_RELA], tags[DT_RELASZ], true);
    if (rc == 0)
        rc = relocate_table(m, tags[DT_REL], tags[DT_RELSZ], false);
    if (rc == 0)
        rc = relocate_table(m, tags[DT_JMPREL], tags[DT_PLTRELSZ], tags[DT_PLTREL] == DT_RELA);
    return rc;
}

static int protect(struct image *m, uint64_t from, uint64_t to, int prot)
{
    from = from / m->page * m->page;
    if (mprotect(m->base + from, (size_t)(to - from), prot) == 0)
        return 0;
    if (errno == ENOMEM)
        return ERR_NO_MEMORY;
    refuse(m, prot & PROT_EXEC ? "this system does not let memory become code: "
                               : "its memory cannot be protected: ");
    text_append(m->reason, REASON_SIZE, strerror(errno));
    return ERR_SYSTEM;
}

/* RELRO ends with its last whole page: the rest of that is data. */
static int protect_all(struct image *m)
{
    int rc = 0;
    for (unsigned i = 0; i < m->segments_count && rc == 0; i++) {
        const ElfW(Phdr) s = segment(m, i);
        const int prot = (s.p_flags & PF_R ? PROT_READ : 0) | (s.p_flags & PF_W ? PROT_WRITE : 0) |
                         (s.p_flags & PF_X ? PROT_EXEC : 0);
        if (s.p_type != PT_LOAD || s.p_memsz == 0)
            continue;
        rc = protect(m, s.p_vaddr, page_up(m, s.p_vaddr + s.p_memsz), prot);
        if (s.p_flags & PF_X)
            __builtin___clear_cache((char *)m->base + s.p_vaddr,
                                    (char *)m->base + s.p_vaddr + s.p_memsz);
    }
    for (unsigned i = 0; i < m->segments_count && rc == 0; i++) {
        const ElfW(Phdr) s = segment(m, i);
        const uint64_t end = (s.p_vaddr + s.p_memsz) / m->page * m->page;
        if (s.p_type == PT_GNU_RELRO && at(m, s.p_vaddr, s.p_memsz) && end > s.p_vaddr)
            rc = protect(m, s.p_vaddr, end, PROT_READ);
    }
    return rc;
}

static uint32_t word_at(const struct image *m, uint64_t address, bool *failed)
{
    uint32_t v = 0;
    const uint8_t *p = at(m, address, sizeof v);
    if (p)
        memcpy(&v, p, sizeof v);
    else
        *failed = true;
    return v;
}

static bool is_named(const struct image *m, uint64_t index, const char *name, ElfW(Sym) * s)
{
    const size_t len = strlen(name) + 1;
    if (!symbol_at(m, index, s) || s->st_shndx == SHN_UNDEF || s->st_name >= m->strings_size)
        return false;
    const uint8_t *p = at(m, m->strings + s->st_name, len);
    return p && memcmp(p, name, len) == 0;
}

static uint32_t gnu_hash_of(const char *name)
{
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (uint8_t)*name;
    return h;
}

/* By the newer hash table: one chain, whose last word is odd. */
static bool find_gnu(const struct image *m, const char *name, ElfW(Sym) * s)
{
    bool failed = false;
    const uint32_t hash = gnu_hash_of(name);
    const uint32_t buckets = word_at(m, m->gnu_hash, &failed);
    const uint32_t hidden = word_at(m, m->gnu_hash + 4, &failed);
    const uint64_t bloom = word_at(m, m->gnu_hash + 8, &failed);
    const uint64_t table = m->gnu_hash + 16 + bloom * BLOOM_WORD;
    if (failed || buckets == 0)
        return false;
    uint64_t i = word_at(m, table + (uint64_t)(hash % buckets) * 4, &failed);
    while (!failed && i >= hidden && i > 0) {
        const uint32_t h = word_at(m, table + ((uint64_t)buckets + i - hidden) * 4, &failed);
        if ((h | 1) == (hash | 1) && is_named(m, i, name, s))
            return true;
        if (h & 1)
            break;
        i++;
    }
    return false;
}

/* By the older one, which says how many symbols there are: their order does not matter then. */
static bool find_any(const struct image *m, const char *name, ElfW(Sym) * s)
{
    bool failed = false;
    const uint32_t count = m->hash ? word_at(m, m->hash + 4, &failed) : 0;
    for (uint32_t i = 1; i < count && !failed; i++)
        if (is_named(m, i, name, s))
            return true;
    return false;
}

int elf_load(struct bytes file, const char *symbol, size_t size, const void **out,
             char reason[REASON_SIZE])
{
    ElfW(Ehdr) h;
    ElfW(Sym) s;
    struct image m = {.reason = reason, .page = (uint64_t)sysconf(_SC_PAGESIZE)};
    memcpy(&h, file.data, sizeof h);
    m.segments = file.data + h.e_phoff;
    m.segments_count = h.e_phnum;
    *out = NULL;
    int rc = reserve(&m);
    if (rc < 0)
        return rc;
    copy_segments(&m, file);
    for (unsigned i = 0; i < m.segments_count && rc == 0; i++)
        if (segment(&m, i).p_type == PT_DYNAMIC)
            rc = relocate_all(&m, segment(&m, i).p_vaddr);
    if (rc == 0)
        rc = protect_all(&m);
    if (rc == 0 && (m.gnu_hash ? find_gnu(&m, symbol, &s) : find_any(&m, symbol, &s)))
        *out = at(&m, s.st_value, size);
    return rc;
}
