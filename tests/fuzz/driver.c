/* Runs a target without libFuzzer (target.h).
 *
 *   NAME                  replays the corpus of that name, and damages the seeds for a moment
 *   NAME --ms N --seed N  the same, for so much processor time, and with other damage
 *   NAME --files FOLDER   writes the corpus and the seeds as files, for libFuzzer
 *   NAME FILE...          runs these inputs
 *
 * tests/fuzz/corpus/NAME.txt has one input a line, in hex, as this prints it when it finds one;
 * lines with a # in front say what was wrong with the next. */
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/target.h"

#define SEEDS_MAX 512
#define LINE_MAX ((size_t)2 * TARGET_INPUT_MAX + 2)

/* Most of what damage does is seen by sanitizers. */
#ifdef __SANITIZE_ADDRESS__
#define CPU_MS_DEFAULT "1200"
#else
#define CPU_MS_DEFAULT "400"
#endif

static const char *name;
static struct bytes current; /* for whoever reports a finding */
static struct {
    struct buf bytes[SEEDS_MAX];
    size_t count;
} seeds;

/* A finding of a sanitizer must come by here too. */
#define OPTIONS "abort_on_error=1:handle_abort=0"
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__asan_default_options(void)
{
    return OPTIONS;
}

const char *__ubsan_default_options(void)
{
    return OPTIONS;
}

/* Async-signal-safe: whatever is broken, the input is told. */
static void tell_input(int number)
{
    static const char digits[] = "0123456789abcdef";
    static const char word[] = "# for tests/fuzz/corpus:\n";
    char hex[2];
    ssize_t ignored = write(1, word, sizeof word - 1);
    for (size_t i = 0; i < current.len; i++) {
        hex[0] = digits[current.data[i] >> 4];
        hex[1] = digits[current.data[i] & 15];
        ignored = write(1, hex, 2);
    }
    ignored = write(1, "\n", 1);
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

/* From a block of exactly its size. */
static void one(struct bytes in)
{
    uint8_t *exact = malloc(in.len ? in.len : 1);
    ensure(exact);
    if (in.len > 0)
        memcpy(exact, in.data, in.len);
    current = (struct bytes){exact, in.len};
    LLVMFuzzerTestOneInput(exact, in.len);
    current.len = 0;
    free(exact);
}

/* --- inputs --- */

static int digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t bytes_of_hex(const char *line, uint8_t *to)
{
    size_t n = 0;
    for (; digit(line[0]) >= 0 && digit(line[1]) >= 0 && n < TARGET_INPUT_MAX; line += 2)
        to[n++] = (uint8_t)(digit(line[0]) * 16 + digit(line[1]));
    ensure(*line == '\n' || *line == '\0');
    return n;
}

/* An input as a file of the folder, where there is one, or into the target. */
static void put(struct bytes in, const char *folder, const char *kind, size_t number)
{
    char path[1024];
    if (!folder) {
        one(in);
        return;
    }
    snprintf(path, sizeof path, "%s/%s-%03zu", folder, kind, number);
    FILE *f = fopen(path, "w");
    if (!f || fwrite(in.data, 1, in.len, f) != in.len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void put_corpus(const char *folder)
{
    static char line[LINE_MAX];
    static uint8_t in[TARGET_INPUT_MAX];
    char path[1024];
    const char *root = getenv("VELUM_ROOT");
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s.txt", root ? root : ".", name);
    FILE *f = fopen(path, "r");
    size_t count = 0;
    while (f && fgets(line, sizeof line, f))
        if (line[0] != '#') {
            const size_t n = bytes_of_hex(line, in);
            put((struct bytes){in, n}, folder, "found", count++);
        }
    if (f)
        fclose(f);
    printf("# %zu of the corpus, %zu seeds\n", count, seeds.count);
}

static void make_seeds(void)
{
    check_state.name = "target_seed";
    if (setjmp(check_state.leave) != 0)
        abort();
    for (; seeds.count < SEEDS_MAX; seeds.count++) {
        struct buf *b = &seeds.bytes[seeds.count];
        buf_init(b, &heap_plain, TARGET_INPUT_MAX);
        if (!target_seed(seeds.count, b))
            break;
        ensure(!b->failed);
    }
    ensure(seeds.count > 0 && seeds.count < SEEDS_MAX);
}

static void put_seeds(const char *folder)
{
    for (size_t i = 0; i < seeds.count; i++)
        put(buf_bytes(&seeds.bytes[i]), folder, "seed", i);
}

static int run_file(const char *path)
{
    static uint8_t in[TARGET_INPUT_MAX];
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return 1;
    }
    size_t n = fread(in, 1, sizeof in, f);
    fclose(f);
    one((struct bytes){in, n});
    printf("ok %s\n", path);
    return 0;
}

/* --- damage --- */

static void damage_seeds(uint64_t seed, uint64_t cpu_ms)
{
    static struct damaged d;
    const clock_t end = clock() + (clock_t)cpu_ms * (CLOCKS_PER_SEC / 1000);
    struct prng prng;
    uint64_t rounds = 0;
    prng_init(&prng, seed);
    for (; clock() < end; rounds++) {
        const struct buf *b = &seeds.bytes[prng_below(&prng, seeds.count)];
        const struct buf *other = &seeds.bytes[prng_below(&prng, seeds.count)];
        if (b->len > 0)
            memcpy(d.data, b->data, b->len);
        d.len = b->len;
        /* A target may use this generator as well. */
        fuzz.prng = prng;
        damage(&d, buf_bytes(other));
        prng = fuzz.prng;
        one((struct bytes){d.data, d.len < TARGET_INPUT_MAX ? d.len : TARGET_INPUT_MAX});
    }
    printf("# %llu damaged seeds\nok %s_damage\n", (unsigned long long)rounds, name);
}

/* The value of an option, or `otherwise`. */
static const char *option(int argc, char **argv, const char *word, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return argv[i + 1];
    return otherwise;
}

int main(int argc, char **argv)
{
    int rc = 0;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    signal(SIGABRT, tell_input);
    signal(SIGSEGV, tell_input);
    name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    for (int i = 1; i < argc && argv[1][0] != '-'; i++)
        rc |= run_file(argv[i]);
    if (argc > 1 && argv[1][0] != '-')
        return rc;
    make_seeds();
    const char *folder = option(argc, argv, "--files", NULL);
    put_corpus(folder);
    put_seeds(folder);
    if (folder)
        return 0;
    printf("ok %s_replay\n", name);
    damage_seeds(strtoull(option(argc, argv, "--seed", "1"), NULL, 10),
                 strtoull(option(argc, argv, "--ms", CPU_MS_DEFAULT), NULL, 10));
    return 0;
}
