/* Kernels that ship, each against what it is measured by, on this thread's processor time:
 *
 *   kernels sha256   lines/s: of hash, and of a loop over OpenSSL's EVP that writes the same hex
 *   kernels bcrypt   lines/s with cost 10: of hash --algorithm bcrypt, and of a loop over crypt_r
 *   kernels primes   numbers/s near 10^12: of primes, and of a plain segmented sieve of bytes
 *   kernels matmul N [float]
 *                    GFLOP/s of matmul with two files of N rows and columns, of doubles or floats
 *   kernels mandelbrot [X,Y Z]
 *                    pixels/s of mandelbrot, with their colours, there or as it begins, and of a
 *                    plain loop that only counts the steps until |z|^2 > 4
 *
 * And what this machine gives such a kernel at most, in wall time:
 *
 *   kernels yield PROCESSES FOLDER KERNEL [ARGS]
 *                    seconds in which so many processes take its leaves one by one, and hash and
 *                    write to a file each what they yield */
#include <crypt.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/sha256.h"

#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "tests/bench/client.h"

static struct kernel_plan plan;
static struct velum_host host;
static const struct velum_kernel *kernel;

static const uint8_t *bytes[2];
static uint64_t sizes[2];
static uint16_t files;
static uint8_t *out;
static size_t out_len;

static uint32_t inputs(const struct velum_host *h)
{
    (void)h;
    return files;
}

static const uint8_t *input(const struct velum_host *h, uint32_t index, uint64_t *size)
{
    (void)h;
    *size = index < files ? sizes[index] : 0;
    return index < files ? bytes[index] : NULL;
}

static int emit(const struct velum_host *h, const void *from, size_t size)
{
    (void)h;
    memcpy(out + out_len, from, size);
    out_len += size;
    return 0;
}

static double thread_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void prepare(const char *name, int argc, const char *const *argv)
{
    kernel = kernel_find(name);
    if (!kernel || kernel_plan(kernel, argc, argv, files, sizes, &plan) < 0 ||
        worker_host_init(kernel, NULL) < 0)
        die("no kernel %s: %s", name, plan.reason);
}

static uint64_t leaves(void)
{
    return (plan.units - 1) / plan.leaf_units + 1;
}

/* As a worker computes it. */
static void compute_leaf(uint64_t leaf)
{
    uint8_t value[ACCUMULATOR_SIZE_MAX];
    char reason[REASON_SIZE];
    uint64_t first, count;
    host = *worker_host_fresh();
    host.inputs = inputs;
    host.input = input;
    host.emit = emit;
    kernel_leaf_range(plan.units, plan.leaf_units, leaf, &first, &count);
    if (kernel_leaf(kernel, &host, (struct bytes){plan.params, plan.params_size}, first, count,
                    value, reason) < 0)
        die("%s", reason);
}

/* All leaves, one after the other. */
static void compute(void)
{
    out_len = 0;
    for (uint64_t leaf = 0; leaf < leaves(); leaf++)
        compute_leaf(leaf);
}

static void print(double amount, double ours_s, double theirs_s)
{
    printf("%.6g %.6g\n", amount / ours_s, amount / theirs_s);
}

/* Words as in lists of them: of five to twelve letters. */
static uint64_t make_lines(uint64_t lines)
{
    char *text = malloc(lines * 13);
    uint64_t state = 1, len = 0;
    if (!text || !(out = malloc(lines * 65)))
        die("no memory");
    for (uint64_t i = 0; i < lines; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        for (uint64_t n = 5 + (state >> 60) / 2; n > 0; n--)
            text[len++] = (char)('a' + (state >> (4 * n)) % 26);
        text[len++] = '\n';
    }
    bytes[0] = (const uint8_t *)text;
    sizes[0] = len;
    files = 1;
    return lines;
}

static void loop_evp(char *to)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes[0], *end = p + sizes[0];
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t digest[32];
    while (p < end) {
        const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
        EVP_DigestInit_ex2(c, sha256, NULL);
        EVP_DigestUpdate(c, p, (size_t)(stop - p));
        EVP_DigestFinal_ex(c, digest, NULL);
        for (int i = 0; i < 32; i++) {
            *to++ = digits[digest[i] >> 4];
            *to++ = digits[digest[i] & 15];
        }
        *to++ = '\n';
        p = stop + 1;
    }
    EVP_MD_CTX_free(c);
    EVP_MD_free(sha256);
}

static void sha256(void)
{
    const uint64_t lines = make_lines(1000000);
    char *theirs = malloc(lines * 65);
    if (!theirs)
        die("no memory");
    prepare("hash", 0, NULL);
    compute();
    double start = thread_s();
    compute();
    const double ours_s = thread_s() - start;
    start = thread_s();
    loop_evp(theirs);
    const double theirs_s = thread_s() - start;
    if (memcmp(out, theirs, lines * 65) != 0)
        die("the digests are not the same");
    print((double)lines, ours_s, theirs_s);
}

static void bcrypt(void)
{
    static struct crypt_data data;
    const char *argv[] = {"--algorithm", "bcrypt"};
    const uint64_t lines = make_lines(8);
    const char *p = (const char *)bytes[0];
    prepare("hash", 2, argv);
    double start = thread_s();
    compute();
    const double ours_s = thread_s() - start;
    start = thread_s();
    for (uint64_t i = 0; i < lines; i++) {
        char word[16], setting[30];
        const size_t len = strcspn(p, "\n");
        memcpy(word, p, len);
        word[len] = 0;
        memcpy(setting, out + 61 * i, 29);
        setting[29] = 0;
        const char *text = crypt_r(word, setting, &data);
        if (!text || memcmp(text, out + 61 * i, 60) != 0)
            die("bcrypt of line %d is another", (int)i + 1);
        p += len + 1;
    }
    print((double)lines, ours_s, thread_s() - start);
}

#define NEAR 1000000000000u
#define SPAN 300000000u
#define ROOT 1000021u
#define WINDOW 32768u

/* What a textbook has: a byte for each odd number, in windows that fit the nearest cache. */
static __attribute__((noinline)) uint64_t plain_sieve(uint64_t low, uint64_t span)
{
    static uint8_t small[ROOT], window[WINDOW];
    static uint32_t primes[80000], next[80000];
    uint32_t count = 0;
    uint64_t found = 0;
    memset(small, 0, sizeof small);
    for (uint32_t n = 3; n < ROOT; n += 2) {
        if (small[n])
            continue;
        for (uint64_t m = (uint64_t)n * n; m < ROOT; m += 2 * n)
            small[m] = 1;
        uint64_t m = (low + n - 1) / n * n;
        m += m % 2 == 0 ? n : 0;
        primes[count] = n;
        next[count++] = (uint32_t)((m - low) / 2);
    }
    for (uint64_t at = 0; at < span / 2; at += WINDOW) {
        memset(window, 1, sizeof window);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t m = next[i];
            for (; m < WINDOW; m += primes[i])
                window[m] = 0;
            next[i] = m - WINDOW;
        }
        for (uint32_t i = 0; i < WINDOW && at + i < span / 2; i++)
            found += window[i];
    }
    return found;
}

static void primes(void)
{
    char range[64];
    const char *argv = range;
    snprintf(range, sizeof range, "%llu..%llu", (unsigned long long)NEAR,
             (unsigned long long)NEAR + SPAN - 1);
    prepare("primes", 1, &argv);
    double start = thread_s();
    compute();
    const double ours_s = thread_s() - start;
    start = thread_s();
    volatile uint64_t found = plain_sieve(NEAR, SPAN);
    (void)found;
    print(SPAN, ours_s, thread_s() - start);
}

static void matmul(uint64_t n, const char *type)
{
    const bool floats = strcmp(type, "float") == 0;
    const size_t count = (size_t)(n * n), size = floats ? sizeof(float) : sizeof(double);
    const char *argv[] = {"--numbers", type};
    uint8_t *numbers = malloc(2 * size * count);
    if (n == 0 || !numbers || !(out = malloc(size * count)))
        die("no memory");
    for (size_t i = 0; i < 2 * count; i++) {
        const double value = (double)((i * 2654435761u) % 1000003) / 1000003 - 0.5;
        if (floats)
            ((float *)(void *)numbers)[i] = (float)value;
        else
            ((double *)(void *)numbers)[i] = value;
    }
    bytes[0] = numbers;
    bytes[1] = numbers + size * count;
    sizes[0] = sizes[1] = size * count;
    files = 2;
    prepare("matmul", 2, argv);
    compute();
    double start = thread_s();
    compute();
    printf("%.6g\n", 2e-9 * (double)n * (double)n * (double)n / (thread_s() - start));
}

#define WIDTH 1024
#define HEIGHT 768
#define ITERATIONS 1000

/* The steps of all pixels. */
static __attribute__((noinline)) uint64_t plain_picture(double x, double y, double zoom)
{
    const double step = 3.5 / WIDTH / zoom;
    uint64_t steps = 0;
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++) {
            const double cr = x + (column - (WIDTH - 1) / 2.0) * step;
            const double ci = y - (row - (HEIGHT - 1) / 2.0) * step;
            double r = 0, i = 0;
            for (int n = 0; n < ITERATIONS && r * r + i * i <= 4; n++, steps++) {
                const double next = r * r - i * i + cr;
                i = 2 * r * i + ci;
                r = next;
            }
        }
    return steps;
}

static void mandelbrot(const char *center, const char *zoom)
{
    const char *argv[] = {"--center", center, "--zoom", zoom};
    char *end;
    if (!(out = malloc(4 * WIDTH * HEIGHT)))
        die("no memory");
    prepare("mandelbrot", 4, argv);
    compute();
    double start = thread_s();
    compute();
    const double ours_s = thread_s() - start, x = strtod(center, &end);
    start = thread_s();
    volatile uint64_t steps = plain_picture(x, strtod(end + 1, NULL), strtod(zoom, NULL));
    (void)steps;
    print(WIDTH * HEIGHT, ours_s, thread_s() - start);
}

#define YIELD_MAX ((size_t)64 << 20) /* a leaf's, which none of these kernels comes near */

static void yield_some(_Atomic uint64_t *next, const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/yield.%d", folder, (int)getpid());
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !(out = malloc(YIELD_MAX)))
        die("no file %s, or no memory", path);
    for (uint64_t leaf; (leaf = atomic_fetch_add(next, 1)) < leaves();) {
        out_len = 0;
        compute_leaf(leaf);
        volatile uint8_t digest = sha256_of(out, out_len).bytes[0];
        (void)digest;
        if (write(fd, out, out_len) != (ssize_t)out_len)
            die("no room for %s", path);
    }
    unlink(path);
}

static double wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void yield(int processes, const char *folder)
{
    _Atomic uint64_t *next =
        mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const double start = wall_s();
    int status = 0;
    if (next == MAP_FAILED)
        die("no memory");
    for (int i = 0; i < processes; i++)
        if (fork() == 0) {
            yield_some(next, folder);
            _exit(0);
        }
    for (int i = 0; i < processes; i++)
        if (wait(&status) < 0 || status != 0)
            die("not all leaves were computed");
    printf("%.6f\n", wall_s() - start);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "sha256") == 0)
        sha256();
    else if (strcmp(what, "bcrypt") == 0)
        bcrypt();
    else if (strcmp(what, "primes") == 0)
        primes();
    else if ((argc == 3 || argc == 4) && strcmp(what, "matmul") == 0)
        matmul(strtoull(argv[2], NULL, 10), argc == 4 ? argv[3] : "double");
    else if (strcmp(what, "mandelbrot") == 0)
        mandelbrot(argc == 4 ? argv[2] : "-0.75,0", argc == 4 ? argv[3] : "1");
    else if (argc >= 5 && strcmp(what, "yield") == 0) {
        prepare(argv[4], argc - 5, (const char *const *)argv + 5);
        yield(atoi(argv[2]), argv[3]);
    } else
        return 2;
    return 0;
}
