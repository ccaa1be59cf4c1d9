#include "core/host/elf_machine.h"

#include <elf.h>
#include <string.h>

static const struct machine {
    uint16_t number;
    uint8_t class, order;
    const char *name;
} machines[] = {
    {EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86_64"},
    {EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64"},
    {EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm"},
    {EM_386, ELFCLASS32, ELFDATA2LSB, "i686"},
    {EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64"},
    {EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x"},
    {EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64le"},
};

#if defined(__x86_64__)
#define OWN EM_X86_64
#elif defined(__aarch64__)
#define OWN EM_AARCH64
#elif defined(__arm__)
#define OWN EM_ARM
#elif defined(__i386__)
#define OWN EM_386
#elif defined(__riscv)
#define OWN EM_RISCV
#elif defined(__s390x__)
#define OWN EM_S390
#elif defined(__powerpc64__)
#define OWN EM_PPC64
#else
#error "name the ELF machine of this architecture here"
#endif

#define OWN_CLASS (UINTPTR_MAX > UINT32_MAX ? ELFCLASS64 : ELFCLASS32)
#define OWN_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

static const struct machine *find(uint16_t number, uint8_t class, uint8_t order)
{
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
        if (machines[i].number == number && machines[i].class == class &&
            machines[i].order == order)
            return &machines[i];
    return NULL;
}

/* The machine's number is at the same place in both classes. */
static bool read_head(struct bytes file, struct machine *m)
{
    if (file.len < ELF_MACHINE_HEAD || memcmp(file.data, ELFMAG, SELFMAG) != 0)
        return false;
    m->class = file.data[EI_CLASS];
    m->order = file.data[EI_DATA];
    const unsigned high = m->order == ELFDATA2MSB ? 18 : 19, low = high ^ 1u;
    m->number = (uint16_t)((unsigned)file.data[high] << 8 | file.data[low]);
    return true;
}

const char *elf_machine_name(struct bytes file)
{
    struct machine of;
    const struct machine *m = read_head(file, &of) ? find(of.number, of.class, of.order) : NULL;
    return m ? m->name : NULL;
}

bool elf_machine_is_own(struct bytes file)
{
    struct machine of;
    return read_head(file, &of) && of.number == OWN && of.class == OWN_CLASS &&
           of.order == OWN_ORDER;
}

const char *elf_machine_own(void)
{
    const struct machine *m = find(OWN, OWN_CLASS, OWN_ORDER);
    return m ? m->name : "another";
}
