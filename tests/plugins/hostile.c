/* hostile MANNER NUMBER [ARGUMENT...]: one leaf, which makes the system call of that number, in
 * that manner, with up to six arguments: numbers, or texts behind an @, of which the call gets the
 * address. The accumulator is what the call returned. Manners:
 *
 *   call       as the machine has it
 *   blocked    after every signal was blocked
 *   nowhere    with a stack pointer that points nowhere
 *   int80      as 32-bit programs do (x86 only)
 *   page       the function of that number in the page of old system calls (x86-64 only)
 *   code       not a call: 0 writes to code, 1 jumps to data, 2 halts the machine, 3 uses all of
 *              the stack, 4 reads address 16, 5 asks for an input port */
#include "plugins/velum_kernel.h"

#define ARGUMENTS 6
#define TEXT_MAX 256

enum manner { CALL, BLOCKED, NOWHERE, INT80, PAGE, CODE, MANNERS };

static const char *const manners[MANNERS] = {"call", "blocked", "nowhere", "int80", "page", "code"};

struct answer {
    int64_t returned;
};

static const struct velum_field fields[] = {VELUM_FIELD(struct answer, returned, VELUM_I64, 1)};

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Where the text begins among those of all arguments, or its number. */
static int put_argument(const struct velum_host *host, const char *arg, char *texts, size_t *len,
                        struct velum_plan *out)
{
    uint64_t value = *len;
    if (arg[0] != '@') {
        if (host->parse_u64(arg, UINT64_MAX, &value) < 0)
            return velum_refuse(out, "an argument is a number, or a text behind an @");
        velum_put_u64(out, 0);
        velum_put_u64(out, value);
        return 0;
    }
    for (arg++; *arg && *len < TEXT_MAX - 1; arg++)
        texts[(*len)++] = *arg;
    texts[(*len)++] = '\0';
    velum_put_u64(out, 1);
    velum_put_u64(out, value);
    return 0;
}

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    uint64_t manner = 0, number = 0;
    char texts[TEXT_MAX] = "";
    size_t len = 0;
    out->units = out->leaf_units = 1;
    if (argc < 2 || argc > 2 + ARGUMENTS)
        return velum_refuse(out, "hostile takes MANNER NUMBER [ARGUMENT...]");
    while (manner < MANNERS && !same(argv[0], manners[manner]))
        manner++;
    if (manner == MANNERS || host->parse_u64(argv[1], UINT64_MAX, &number) < 0)
        return velum_refuse(out, "there is no such manner, or no such number");
    velum_put_u64(out, manner);
    velum_put_u64(out, number);
    for (int i = 0; i < ARGUMENTS; i++) {
        int rc = put_argument(host, 2 + i < argc ? argv[2 + i] : "0", texts, &len, out);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < TEXT_MAX; i += 8) {
        uint64_t word = 0;
        for (size_t j = 0; j < 8; j++)
            word |= (uint64_t)(unsigned char)texts[i + j] << (8 * j);
        velum_put_u64(out, word);
    }
    return 0;
}

#if defined(__x86_64__)
static long make(long number, const long *a)
{
    long rc;
    __asm__ volatile("mov 24(%%rbx), %%r10; mov 32(%%rbx), %%r8; mov 40(%%rbx), %%r9; syscall"
                     : "=a"(rc)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "b"(a)
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    return rc;
}

static long make_nowhere(long number, const long *a)
{
    long rc = number, kept;
    __asm__ volatile("mov %%rsp, %1; mov $64, %%rsp; syscall; mov %1, %%rsp"
                     : "+a"(rc), "=&r"(kept)
                     : "D"(a[0]), "S"(a[1]), "d"(a[2])
                     : "rcx", "r11", "memory");
    return rc;
}

static long make_int80(long number, const long *a)
{
    long rc = number;
    __asm__ volatile("int $0x80" : "+a"(rc) : "b"(a[0]), "c"(a[1]), "d"(a[2]) : "memory");
    return rc;
}

static long call_page(long number, const long *a)
{
    long (*volatile function)(long, long, long) =
        (long (*)(long, long, long))(0xffffffffff600000ul + (unsigned long)number * 1024);
    return function(a[0], a[1], a[2]);
}

#define BLOCK_SIGNALS 14
#elif defined(__aarch64__)
static long make(long number, const long *a)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a[0];
    register long x1 __asm__("x1") = a[1];
    register long x2 __asm__("x2") = a[2];
    register long x3 __asm__("x3") = a[3];
    register long x4 __asm__("x4") = a[4];
    register long x5 __asm__("x5") = a[5];
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

#define make_nowhere make
#define make_int80 make
#define call_page make
#define BLOCK_SIGNALS 135
#else
static long make(long number, const long *a)
{
    (void)number;
    (void)a;
    return -38;
}

#define make_nowhere make
#define make_int80 make
#define call_page make
#define BLOCK_SIGNALS 0
#endif

static volatile unsigned char data[16] = {0xc3};

static unsigned long use_stack(volatile unsigned char *above)
{
    volatile unsigned char more[4096];
    if (above[0] == 77)
        return 0;
    for (int i = 0; i < 4096; i += 64)
        more[i] = above[i];
    return use_stack(more) + more[100];
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator);

static long misbehave(long what)
{
    volatile unsigned char first[4096] = {1};
    void (*volatile jump)(void) = (void (*)(void))(uintptr_t)data;
    volatile unsigned char *volatile code = (volatile unsigned char *)(uintptr_t)leaf;
    volatile unsigned char *volatile low = (volatile unsigned char *)16;
    switch (what) {
    case 0:
        *code = 0xc3;
        break;
    case 1:
        jump();
        break;
#if defined(__x86_64__)
    case 2:
        __asm__ volatile("hlt");
        break;
    case 5:
        __asm__ volatile("in $0x70, %%al" : : : "rax");
        break;
#endif
    case 3:
        return (long)use_stack(first);
    default:
        return *low;
    }
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct answer *answer = accumulator;
    static char texts[TEXT_MAX];
    const uint64_t every[2] = {~(uint64_t)0, ~(uint64_t)0};
    const long block[ARGUMENTS] = {0, (long)(uintptr_t)every, 0, 8};
    const enum manner manner = (enum manner)velum_param_u64(call, 0);
    const long number = (long)velum_param_u64(call, 1);
    long a[ARGUMENTS];
    (void)host;
    for (size_t i = 0; i < TEXT_MAX; i++)
        texts[i] = (char)(velum_param_u64(call, 2 + 2 * ARGUMENTS + i / 8) >> (8 * (i % 8)));
    for (size_t i = 0; i < ARGUMENTS; i++) {
        const uint64_t v = velum_param_u64(call, 3 + 2 * i);
        a[i] = velum_param_u64(call, 2 + 2 * i) ? (long)(uintptr_t)(texts + v) : (long)v;
    }
    if (manner == BLOCKED)
        make(BLOCK_SIGNALS, block);
    answer->returned = manner == CODE      ? misbehave(number)
                       : manner == NOWHERE ? make_nowhere(number, a)
                       : manner == INT80   ? make_int80(number, a)
                       : manner == PAGE    ? call_page(number, a)
                                           : make(number, a);
    return 0;
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    (void)host;
    (void)call;
    (void)left;
    (void)right;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, (uint64_t)((const struct answer *)accumulator)->returned);
}

VELUM_KERNEL(hostile) = {
    VELUM_KERNEL_HEAD,
    .name = "hostile",
    .usage = "MANNER NUMBER [ARGUMENT...]",
    .summary = "make a system call that no kernel has to make",
    .limits = "MANNER call, blocked, nowhere, int80, page or code; up to six arguments",
    .accumulator_size = sizeof(struct answer),
    .fields = fields,
    .fields_count = 1,
    .plan = plan,
    .leaf = leaf,
    .merge = merge,
    .show = show,
};
