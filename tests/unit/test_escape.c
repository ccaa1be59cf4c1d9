/* The escape battery: hostile code makes every call there is, and those of hostile_calls.h with
 * arguments that would let it out, as a plugin and as a snippet, as root and as an ordinary user,
 * behind each set of walls that foreign code can be behind on this system.
 *
 * One process makes thousands: a call that the filter forbids is not made but told by a signal, to
 * which the process listens here and goes on. The worker's own handler, after which there is no
 * going on, is kept out by a filter that lets rt_sigaction seem to succeed; what the worker's own
 * filter forbids outweighs it. That a forbidden call is the end of a worker is unit/test_sandbox's
 * business. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/host/sandbox_apart.h"
#include "core/host/sandbox_calls.h"
#include "core/host/sanitizer.h"
#include "core/host/snippet.h"
#include "core/host/worker_kernel.h"
#include "tests/unit/cage_rig.h"
#include "tests/unit/hostile_calls.h"

#define X32 0x40000000l
#define NUMBERS 601
#define LANDLOCK_CREATE 444
#define SHOWN 12

static char folder[64], plugin_file[96], snippet_file[96];

/* What a process behind walls finds, in memory that it has in common with the test. */
struct findings {
    uint32_t tried, wrong;
    struct {
        long number, returned;
        int manner, traps, told;
    } shown[SHOWN];
    char reason[REASON_SIZE];
};

static struct findings *findings;

static void forget_folder(void)
{
    unlink(plugin_file);
    unlink(snippet_file);
    rmdir(folder);
}

/* Somewhere that every user may read. A snippet has its header under another name. */
static void find_files(void)
{
    char command[2048];
    const char *root = getenv("VELUM_ROOT");
    if (SANITIZER)
        SKIP("a build with a sanitizer has no walls");
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "/tmp/velum-escape-XXXXXX");
    REQUIRE(mkdtemp(folder) && chmod(folder, 0755) == 0);
    atexit(forget_folder);
    snprintf(plugin_file, sizeof plugin_file, "%s/hostile.so", folder);
    snprintf(snippet_file, sizeof snippet_file, "%s/hostile.c", folder);
    snprintf(command, sizeof command,
             "cp '%s' '%s' && sed 's,plugins/velum_kernel.h,velum_kernel.h,' "
             "'%s/tests/plugins/hostile.c' >'%s' && chmod 644 '%s' '%s'",
             plugin_path("hostile.so"), plugin_file, root ? root : ".", snippet_file, plugin_file,
             snippet_file);
    REQUIRE(system(command) == 0);
    findings =
        mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(findings != MAP_FAILED);
}

/* --- behind the walls --- */

static volatile sig_atomic_t traps, told;

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    traps++;
    told = info->si_syscall;
}

static void listen_to_traps(void)
{
    struct sigaction a = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    sigset_t trap;
    sigemptyset(&a.sa_mask);
    sigemptyset(&trap);
    sigaddset(&trap, SIGSYS);
    signal(SIGXFSZ, SIG_IGN); /* as confine_child wants it */
    if (sigaction(SIGSYS, &a, NULL) != 0 || sigprocmask(SIG_UNBLOCK, &trap, NULL) != 0 ||
        refuse_call(SYS_rt_sigaction, 0) != 0)
        _exit(120);
}

static const struct velum_kernel *kernel;
static const char *const manners[] = {"call", "int80"};
enum manner { CALL, INT80 };

/* "41 2 1 0": the number, and behind it up to six arguments. */
static void make_call(enum manner manner, const char *words)
{
    static struct kernel_plan plan;
    uint8_t accumulator[ACCUMULATOR_SIZE_MAX];
    const char *argv[8] = {manners[manner]};
    char text[256], reason[REASON_SIZE];
    int argc = 1;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word && argc < 8; word = strtok(NULL, " "))
        argv[argc++] = word;
    if (kernel_plan(kernel, argc, argv, 0, NULL, &plan) != 0)
        _exit(121);
    traps = 0;
    told = -1;
    kernel_leaf(kernel, kernel_host_plain(), (struct bytes){plan.params, plan.params_size}, 0, 1,
                accumulator, reason);
}

static void look(enum manner manner, long number, bool allowed)
{
    findings->tried++;
    if (allowed ? traps == 0 : traps == 1 && told == (int)number)
        return;
    if (findings->wrong < SHOWN) {
        findings->shown[findings->wrong].number = number;
        findings->shown[findings->wrong].manner = (int)manner;
        findings->shown[findings->wrong].traps = traps;
        findings->shown[findings->wrong].told = told;
    }
    findings->wrong++;
}

/* With every argument -1: nothing that is allowed does anything then, and what checks its argument
 * is refused as what is not on the list at all. */
static void try_number(enum manner manner, long number, bool allowed)
{
    char words[256];
    snprintf(words, sizeof words, "%lu" MINUSES, (unsigned long)number);
    make_call(manner, words);
    look(manner, number, allowed);
}

/* Of these a process has but one; unit/test_sandbox gives them one each. The last two are the
 * system's own trampolines. */
static bool is_the_end(long number)
{
#if defined(__x86_64__)
    if (number == 335 || number == 336)
        return true;
#endif
    return number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn;
}

static bool is_listed(long number)
{
    size_t count;
    const struct call *calls = sandbox_calls(&count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].number == number)
            return calls[i].rule == CALL_FREE;
    return false;
}

static void try_numbers(void)
{
    for (long number = 0; number < NUMBERS; number++)
        if (!is_the_end(number))
            try_number(CALL, number, is_listed(number));
#if defined(__x86_64__)
    for (long number = 0; number < NUMBERS; number++) {
        try_number(CALL, X32 + number, false);
        try_number(INT80, number, false);
    }
    /* A number is 32 bits: what is above them makes it no other. */
    try_number(CALL, (long)(5ul << 32) + SYS_socket, false);
    try_number(CALL, 0x7fffffffl, false);
    try_number(CALL, 0x80000000l, false);
    try_number(CALL, 0xffffffffl, false);
#endif
}

static void try_attempts(void)
{
    char words[256];
    for (size_t i = 0; i < ATTEMPTS; i++) {
        snprintf(words, sizeof words, "%ld %s", attempts[i].number, attempts[i].arguments);
        make_call(CALL, words);
        look(CALL, attempts[i].number, false);
    }
}

/* To no thread of this process, so that one that is sent ends nothing. */
static void try_own_signal(int which, bool allowed)
{
    char words[256];
    snprintf(words, sizeof words, "%ld %ld " MINUS_ONE " %d", (long)SYS_tgkill, (long)getpid(),
             which);
    make_call(CALL, words);
    look(CALL, SYS_tgkill, allowed);
}

/* --- sets of walls --- */

static const struct walls {
    const char *name;
    bool apart, landlock;
} all_walls[] = {
    {"namespaces and Landlock", true, true},
    {"Landlock", false, true},
    {"namespaces", true, false},
    {"neither", false, false},
};

static _Noreturn void go_behind(const struct walls *w, uint8_t origin)
{
    alarm(60);
    listen_to_traps();
    if (!w->landlock && refuse_call(LANDLOCK_CREATE, ENOSYS) != 0)
        _exit(122);
    if (child_first)
        child_first();
    child_apart = w->apart;
    confine_child();
    if (worker_kernel_try(origin, origin == ORIGIN_PLUGIN ? plugin_file : snippet_file, &kernel,
                          findings->reason) != 0)
        _exit(123);
    try_numbers();
    try_attempts();
    try_own_signal(SIGABRT, true);
    try_own_signal(SIGKILL, false);
    _exit(0);
}

static void check(const struct walls *w, uint8_t origin)
{
    int status = 0;
    memset(findings, 0, sizeof *findings);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        go_behind(w, origin);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    const bool good = CHECK_INT(status, 0) & CHECK_INT(findings->wrong, 0) &
                      CHECK(findings->tried > ATTEMPTS + NUMBERS - 10);
    if (good)
        return;
    printf("# %s behind %s%s: %s\n", origin == ORIGIN_PLUGIN ? "plugin" : "snippet", w->name,
           child_first ? ", as nobody" : "", findings->reason);
    for (uint32_t i = 0; i < findings->wrong && i < SHOWN; i++)
        printf("# %s %ld: %d signals, of %d\n", manners[findings->shown[i].manner],
               findings->shown[i].number, findings->shown[i].traps, findings->shown[i].told);
}

static void check_walls(uint8_t origin)
{
    const bool has_landlock = !(sandbox_lacks(true) & LACKS_LANDLOCK), has_apart = apart_works();
    find_files();
    for (size_t i = 0; i < sizeof all_walls / sizeof *all_walls; i++) {
        const struct walls *w = &all_walls[i];
        if ((w->landlock && !has_landlock) || (w->apart && !has_apart))
            continue;
        check(w, origin);
        if (getuid() != 0)
            continue;
        child_first = be_nobody;
        check(w, origin);
        child_first = NULL;
    }
}

TEST(no_call_of_a_plugin_gets_out_that_is_not_on_the_list)
{
    check_walls(ORIGIN_PLUGIN);
}

TEST(no_call_of_a_snippet_gets_out_that_is_not_on_the_list)
{
    if (!snippet_works())
        SKIP(SNIPPET_NOT_HERE);
    check_walls(ORIGIN_SNIPPET);
}

TEST(the_battery_is_as_large_as_it_is_said_to_be)
{
    CHECK(ATTEMPTS >= 150);
}

TEST_MAIN(no_call_of_a_plugin_gets_out_that_is_not_on_the_list,
          no_call_of_a_snippet_gets_out_that_is_not_on_the_list,
          the_battery_is_as_large_as_it_is_said_to_be)
