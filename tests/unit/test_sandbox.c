/* The walls around a worker, tried from inside by a plugin that makes whatever system call it is
 * told to (tests/plugins/hostile.c), and looked at from outside. A worker of root and one of an
 * ordinary user are both tried where this test is root. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/host/sandbox_apart.h"
#include "core/host/sandbox_calls.h"
#include "core/host/sandbox_rights.h"
#include "core/host/sanitizer.h"
#include "core/host/worker_input.h"
#include "tests/unit/cage_rig.h"
#include "tests/unit/hostile_calls.h"

#define X32 0x40000000l
#define RETURNED 77

/* The low half of the second argument of a call. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FLAGS_OFFSET offsetof(struct seccomp_data, args[1])
#else
#define FLAGS_OFFSET (offsetof(struct seccomp_data, args[1]) + 4)
#endif

struct outcome {
    bool returned; /* else it died */
    int64_t value; /* what the call returned */
    int status;    /* signal below zero, exit status, -1000: neither within 5 s */
    char words[512];
};

static char folder[64];
static char plugin_file[128];
static const struct velum_kernel *hostile;

static void forget_folder(void)
{
    unlink(plugin_file);
    rmdir(folder);
}

/* Somewhere that every user may read. */
static void find_plugin(void)
{
    char command[1024], reason[REASON_SIZE] = "";
    if (SANITIZER)
        SKIP("a build with a sanitizer has no walls");
    if (hostile)
        return;
    child_apart = apart_works();
    snprintf(folder, sizeof folder, "/tmp/velum-cage-XXXXXX");
    REQUIRE(mkdtemp(folder) && chmod(folder, 0755) == 0);
    atexit(forget_folder);
    snprintf(plugin_file, sizeof plugin_file, "%s/hostile.so", folder);
    snprintf(command, sizeof command, "cp '%s' '%s'", plugin_path("hostile.so"), plugin_file);
    REQUIRE(system(command) == 0 && chmod(plugin_file, 0644) == 0);
    CHECK_INT(plugin_load(plugin_file, &hostile, reason), 0);
    CHECK_STR(reason, "");
    REQUIRE(hostile);
}

static void send_unit(const struct kernel_plan *plan)
{
    struct order_run run = {1, 0, 1, plan->units, plan->leaf_units, 1000000};
    struct buf b = *payload();
    put_order_run(&b, &run);
    send_order(MESSAGE_ORDER_RUN, 2, &b);
}

static struct outcome end_of_worker(int errors)
{
    struct outcome o = {0};
    o.status = end_worker();
    child.orders = -1;
    fcntl(errors, F_SETFL, O_NONBLOCK);
    ssize_t n = read(errors, o.words, sizeof o.words - 1);
    o.words[n > 0 ? n : 0] = '\0';
    close(errors);
    return o;
}

static struct outcome try_plan(const struct kernel_plan *plan)
{
    struct order_load m = {.params = {plan->params, plan->params_size},
                           .reduction = (uint8_t)hostile->reduce};
    struct worker_progress progress;
    struct frame f;
    int64_t value = 0;
    bool returned = false;
    int errors = start_with_errors();
    struct worker_loaded l = load_order(hostile, plugin_file, &m);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
    send_unit(plan);
    if (next_report(&f) && f.type == MESSAGE_WORKER_PROGRESS) {
        REQUIRE(read_worker_progress(f.payload, &progress) == 0 && progress.count == 1);
        struct value v = read_value(&progress.rest);
        value = (int64_t)load_u64(v.data.data);
        returned = true;
    }
    struct outcome o = end_of_worker(errors);
    o.returned = returned;
    o.value = value;
    return o;
}

/* "41 2 1 0": what stands behind the manner on hostile's command line. */
static struct outcome try(const char *manner, long number, const char *arguments)
{
    static struct kernel_plan plan;
    const char *argv[9] = {manner};
    char text[256], digits[32];
    int argc = 2;
    snprintf(digits, sizeof digits, "%ld", number);
    snprintf(text, sizeof text, "%s", arguments);
    argv[1] = digits;
    for (char *word = strtok(text, " "); word && argc < 8; word = strtok(NULL, " "))
        argv[argc++] = word;
    REQUIRE(kernel_plan(hostile, argc, argv, 0, NULL, &plan) == 0);
    return try_plan(&plan);
}

static bool is_killed(const struct outcome *o)
{
    return !o->returned && o->status == -SIGSYS;
}

static const struct call *call_of(long number)
{
    size_t count;
    const struct call *calls = sandbox_calls(&count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

/* Every argument is -1, with which no call on the list does anything that lasts; those on the list
 * that check their argument refuse it, so that they are killed as well. */
static bool passes(long number)
{
    const struct call *c = call_of(number);
    return c && c->rule == CALL_FREE;
}

/* The kernel lets its own trampolines for probes in user programs through any filter. */
static bool is_trampoline(long number)
{
#if defined(__x86_64__)
    return number == 335 || number == 336; /* uretprobe, uprobe */
#else
    return number < 0;
#endif
}

/* One call of a process that is shut in as a worker is, without the pipes of one: so many numbers
 * are to be tried that many are tried at a time. */
struct trial {
    const char *manner;
    long number;
    pid_t pid;
    int errors;
};

#define AT_A_TIME 32

static _Noreturn void call_inside(const struct trial *t)
{
    static struct kernel_plan plan;
    uint8_t accumulator[ACCUMULATOR_SIZE_MAX];
    char digits[32], reason[REASON_SIZE];
    const char *argv[8] = {t->manner, digits};
    snprintf(digits, sizeof digits, "%ld", t->number);
    for (int i = 2; i < 8; i++)
        argv[i] = MINUS_ONE;
    if (kernel_plan(hostile, 8, argv, 0, NULL, &plan) != 0)
        _exit(124);
    alarm(20);
    if (child_first)
        child_first();
    confine_child();
    worker_input_none();
    if (sandbox_enter(true, reason) != 0 || sandbox_close(reason) != 0)
        _exit(123);
    kernel_leaf(hostile, kernel_host_plain(), (struct bytes){plan.params, plan.params_size}, 0, 1,
                accumulator, reason);
    _exit(RETURNED);
}

static void begin_trial(struct trial *t)
{
    int errors[2];
    REQUIRE(pipe2(errors, O_CLOEXEC) == 0);
    t->pid = fork();
    REQUIRE(t->pid >= 0);
    if (t->pid == 0) {
        dup2(errors[1], 2);
        call_inside(t);
    }
    close(errors[1]);
    t->errors = errors[0];
}

static void check_killed(const struct trial *t, int status, const char *words)
{
    char text[CALL_TEXT_SIZE], want[128];
    if (!CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)) {
        printf("# %s %ld: status %x, %s\n", t->manner, t->number, (unsigned)status, words);
        return;
    }
    sandbox_call_text(t->number, text);
    snprintf(want, sizeof want, "killed: forbidden system call %s\n", text);
    if (strcmp(t->manner, "call") == 0 && t->number < X32)
        CHECK_STR(words, want);
    else
        CHECK(strstr(words, "killed: forbidden system call of another machine's manner"));
}

static void end_trial(const struct trial *t)
{
    int status = 0;
    char words[256];
    const bool is_own = strcmp(t->manner, "call") == 0 && t->number < X32;
    REQUIRE(waitpid(t->pid, &status, 0) == t->pid);
    ssize_t n = read(t->errors, words, sizeof words - 1);
    words[n > 0 ? n : 0] = '\0';
    close(t->errors);
    CHECK(!WIFEXITED(status) || (WEXITSTATUS(status) != 123 && WEXITSTATUS(status) != 124));
    if (is_own && is_trampoline(t->number))
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == RETURNED);
    else if (!is_own || !passes(t->number))
        check_killed(t, status, words);
    else if (!CHECK(!WIFSIGNALED(status) ||
                    (WTERMSIG(status) != SIGSYS && WTERMSIG(status) != SIGALRM)))
        printf("# %ld: status %x, %s\n", t->number, (unsigned)status, words);
}

/* Each STEP-th of 601. */
static void sweep(const char *manner, long first, long step)
{
    struct trial trials[AT_A_TIME];
    for (long from = first; from <= first + 600;) {
        int count = 0;
        for (; count < AT_A_TIME && from <= first + 600; from += step) {
            trials[count] = (struct trial){.manner = manner, .number = from};
            begin_trial(&trials[count++]);
        }
        for (int i = 0; i < count; i++)
            end_trial(&trials[i]);
    }
}

/* A process for each, because it dies; unit/test_escape tries all of them, in each manner. */
TEST(a_number_that_is_not_on_the_list_kills)
{
    find_plugin();
    sweep("call", 0, 1);
#if defined(__x86_64__)
    sweep("int80", 0, 23);
    sweep("call", X32, 23);
#endif
}

TEST(of_an_ordinary_user_as_well)
{
    find_plugin();
    if (getuid() != 0)
        SKIP("this test is an ordinary user");
    child_first = be_nobody;
    sweep("call", 0, 11);
    child_first = NULL;
}

TEST(attempts_that_mean_it_die_and_say_which_call_it_was)
{
    char want[64];
    find_plugin();
    for (size_t i = 0; i < ATTEMPTS; i++) {
        struct outcome o = try("call", attempts[i].number, attempts[i].arguments);
        snprintf(want, sizeof want, "killed: forbidden system call %s (%ld)\n", attempts[i].name,
                 attempts[i].number);
        if (!CHECK(is_killed(&o)) || !CHECK_STR(o.words, want))
            printf("# %s %s: returned %d, %lld; status %d\n", attempts[i].name,
                   attempts[i].arguments, o.returned, (long long)o.value, o.status);
    }
    CHECK(access("/tmp/velum-escaped", F_OK) != 0);
}

/* A kernel that blocks the signal dies of it all the same, though without last words. */
TEST(a_blocked_signal_kills_as_well)
{
    find_plugin();
    for (size_t i = 0; i < ATTEMPTS; i += 10) {
        struct outcome o = try("blocked", attempts[i].number, attempts[i].arguments);
        CHECK(is_killed(&o));
        CHECK_STR(o.words, "");
    }
}

TEST(code_that_wrecks_itself_dies_of_that)
{
    static const int signals[] = {SIGSEGV, SIGSEGV, SIGSEGV, SIGSEGV, SIGSEGV, SIGSEGV};
    find_plugin();
    for (long what = 0; what < 6; what++) {
#if !defined(__x86_64__)
        if (what == 2 || what == 5)
            continue;
#endif
        struct outcome o = try("code", what, "");
        CHECK(!o.returned);
        CHECK_INT(o.status, -signals[what]);
    }
#if defined(__x86_64__)
    for (long number = 0; number < 3; number++) {
        struct outcome page = try("page", number, "0 0");
        CHECK(!page.returned && (page.status == -SIGSYS || page.status == -SIGSEGV));
    }
#endif
    struct outcome o = try("nowhere", SYS_socket, "2 1 0");
    CHECK(!o.returned && (o.status == -SIGSEGV || o.status == -SIGSYS));
}

/* What is allowed does what it should: memory that is no code, up to the limit, and no further. */
TEST(allowed_calls_stay_within_the_limits)
{
    find_plugin();
    struct outcome o = try("call", SYS_mmap, "0 4096 3 34 18446744073709551615 0");
    CHECK(o.returned && o.value > 0);
    o = try("call", SYS_mmap, "0 107374182400 3 34 18446744073709551615 0");
    CHECK(o.returned && o.value == -ENOMEM);
    o = try("call", SYS_write, "5 @x 1");
    CHECK(o.returned && o.value == -EBADF);
    o = try("call", SYS_getpid, "");
    CHECK(o.returned && o.value > 1);
}

static void status_line(const char *name, char value[128])
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/status", (int)child.pid);
    FILE *f = fopen(path, "re");
    value[0] = '\0';
    REQUIRE(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            snprintf(value, 128, "%.*s", (int)strcspn(line + strlen(name) + 2, "\n"),
                     line + strlen(name) + 2);
    }
    fclose(f);
}

static void check_line(const char *name, const char *want)
{
    char value[128];
    status_line(name, value);
    if (value[0] && !CHECK_STR(value, want))
        printf("# %s\n", name);
}

/* Of the worker and of this process, by /proc. */
static bool shares(const char *name)
{
    char path[64], own[64], others[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)child.pid, name);
    const ssize_t theirs = readlink(path, others, sizeof others - 1);
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    const ssize_t ours = readlink(path, own, sizeof own - 1);
    return theirs > 0 && theirs == ours && memcmp(own, others, (size_t)ours) == 0;
}

static bool has_files(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root/etc", (int)child.pid);
    return access(path, F_OK) == 0;
}

static void check_apart(void)
{
    static const char *const names[] = {"net", "mnt", "ipc", "uts"};
    if (getuid() != 0) /* it is closed to its own user, too */
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_INT(shares(names[i]), !child_apart);
    CHECK_INT(shares("user"), !(child_apart && child_first));
    CHECK_INT(has_files(), !child_apart);
}

static void check_from_outside(bool is_plugin)
{
    char ids[128];
    const unsigned own = SANDBOX_ID_FIRST + (unsigned)child.pid;
    const unsigned id = child_first ? NOBODY : getuid() == 0 ? own : getuid();
    snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", id, id, id, id);
    check_line("Uid", ids);
    if (getuid() == 0 && !child_first) {
        check_line("Gid", ids);
        check_line("Groups", " ");
        check_line("CapBnd", "0000000000000000");
    }
    check_line("CapInh", "0000000000000000");
    check_line("CapPrm", "0000000000000000");
    check_line("CapEff", "0000000000000000");
    check_line("CapAmb", "0000000000000000");
    check_line("NoNewPrivs", "1");
    check_line("Seccomp", "2");
    check_line("Seccomp_filters", is_plugin ? "2" : "1");
    check_line("CoreDumping", "0");
    check_apart();
}

/* Loaded, waiting, and seen by /proc. */
static void check_worker(bool is_plugin)
{
    const struct velum_kernel *k = is_plugin ? hostile : kernel_find("noop");
    struct order_load m = {.reduction = (uint8_t)k->reduce};
    start_worker();
    struct worker_loaded l = load_order(k, is_plugin ? plugin_file : NULL, &m);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
    check_from_outside(is_plugin);
    CHECK_INT(end_worker(), 0);
}

TEST(a_loaded_worker_has_no_rights_left)
{
    find_plugin();
    check_worker(true);
    check_worker(false);
    if (getuid() == 0) {
        child_first = be_nobody;
        check_worker(true);
        check_worker(false);
        child_first = NULL;
    }
}

/* Inside the first walls, where calls of a built-in are not filtered yet: Landlock alone. */
static int look_around(void)
{
    char reason[REASON_SIZE];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    child_apart = false; /* where there are files Landlock shuts them off */
    confine_child();
    worker_input_none();
    if (sandbox_enter(false, reason) != 0)
        return 100;
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
        return 1;
    if (open("/", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES)
        return 2;
    if (mkdir("/tmp/velum-escaped", 0700) == 0 || errno != EACCES)
        return 3;
    if (execl("/bin/true", "true", (char *)NULL) == 0 || errno != EACCES)
        return 4;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) == 0)
        return 5;
    if (errno != EACCES)
        return 50;
    if (kill(getppid(), 0) == 0 || errno != EPERM)
        return 6;
    if (fork() >= 0 || errno != EAGAIN)
        return 7;
    if (setuid(0) == 0)
        return 8;
    return 0;
}

TEST(files_are_shut_off_before_calls_are_filtered)
{
    int status;
    find_plugin();
    if (sandbox_lacks(true) & LACKS_LANDLOCK)
        SKIP("this system has no Landlock");
    for (int round = 0; round < (getuid() == 0 ? 2 : 1); round++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            if (round == 1)
                be_nobody();
            _exit(look_around());
        }
        REQUIRE(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status));
        if (WEXITSTATUS(status) == 50)
            SKIP("this system's Landlock knows files only");
        CHECK_INT(WEXITSTATUS(status), 0);
    }
}

/* A step that is missing is a refusal that names it, and no kernel is run. */
static int confine_badly(const char *left_out)
{
    char reason[REASON_SIZE] = "";
    if (strcmp(left_out, "the limit on") != 0)
        confine_child();
    if (strcmp(left_out, "addresses") != 0)
        worker_input_none();
    if (strcmp(left_out, "looked into") == 0)
        prctl(PR_SET_DUMPABLE, 1);
    if (strcmp(left_out, "death") == 0)
        prctl(PR_SET_PDEATHSIG, 0);
    if (sandbox_enter(true, reason) >= 0 || !strstr(reason, "cage does not close"))
        return 1;
    return strstr(reason, left_out) ? 0 : 2;
}

TEST(a_step_that_is_missing_is_a_refusal_with_its_name)
{
    static const char *const steps[] = {"the limit on", "addresses", "looked into", "death"};
    int status;
    find_plugin();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0)
            _exit(confine_badly(steps[i]));
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
            printf("# %s: %x\n", steps[i], (unsigned)status);
    }
}

/* The exec of a file with capabilities (setcap) takes the signal away that the spawner has set. */
static int lose_signal(void)
{
    char reason[REASON_SIZE] = "";
    confine_child();
    prctl(PR_SET_PDEATHSIG, 0);
    spawner_settle_worker();
    worker_input_none();
    const int rc = sandbox_enter(true, reason);
    (void)!write(2, reason, strlen(reason));
    return rc == 0 && sandbox_close(reason) == 0 ? 0 : 1;
}

/* Before Linux 4.17 a filter was EINVAL with a word that is only about speed; so it is here. */
static int filter_as_of_old(void)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_seccomp},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, FLAGS_OFFSET},
        {BPF_JMP | BPF_JSET | BPF_K, 0, 1, SECCOMP_FILTER_FLAG_SPEC_ALLOW},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EINVAL},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const struct sock_fprog old = {sizeof code / sizeof *code, code};
    char reason[REASON_SIZE] = "";
    confine_child();
    worker_input_none();
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &old) != 0)
        return 2;
    if (sandbox_enter(true, reason) != 0 || sandbox_close(reason) != 0)
        return 1;
    (void)getppid(); /* of which it dies where there is a filter */
    return 3;
}

TEST(a_file_with_capabilities_makes_a_worker_too)
{
    find_plugin();
    CHECK_INT(status_of(lose_signal), 0);
}

TEST(an_older_system_filters_as_well)
{
    find_plugin();
    const int status = status_of(filter_as_of_old);
    if (!CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS))
        printf("# status %x\n", (unsigned)status);
}

/* Words of the manual between two lines. */
static bool manual_has(const char *text, const char *name)
{
    const size_t len = strlen(name);
    for (const char *p = text; (p = strstr(p, name)) != NULL; p += len)
        if ((p == text || strchr(" \n", p[-1])) && strchr(" \n", p[len]))
            return true;
    return false;
}

TEST(the_manual_prints_the_list)
{
    static char text[1 << 20];
    char path[512];
    size_t count, words = 0;
    const char *root = getenv("VELUM_ROOT");
    snprintf(path, sizeof path, "%s/cmd/man/velum.1", root ? root : ".");
    FILE *f = fopen(path, "re");
    REQUIRE(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *from = strstr(text, ".\\\" calls of a worker\n");
    char *to = strstr(text, ".\\\" end of calls\n");
    REQUIRE(from && to && from < to);
    from = strchr(from, '\n') + 1;
    *to = '\0';
    for (const char *p = from; *p; p++)
        words += (p == from || strchr(" \n", p[-1])) && !strchr(" \n", *p);
    const struct call *calls = sandbox_calls(&count);
    for (size_t i = 0; i < count; i++)
        if (!CHECK(manual_has(from, calls[i].name)))
            printf("# %s\n", calls[i].name);
    /* Those that this machine has not. */
    static const char *const others[] = {
        "poll",       "ppoll_time64",      "mmap", "mmap2", "clock_gettime64",
        "cacheflush", "riscv_flush_icache"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        bool has = false;
        for (size_t j = 0; j < count; j++)
            has = has || strcmp(calls[j].name, others[i]) == 0;
        words -= !has;
    }
    CHECK_INT(words, count);
}

TEST_MAIN(a_number_that_is_not_on_the_list_kills, of_an_ordinary_user_as_well,
          attempts_that_mean_it_die_and_say_which_call_it_was, a_blocked_signal_kills_as_well,
          code_that_wrecks_itself_dies_of_that, allowed_calls_stay_within_the_limits,
          a_loaded_worker_has_no_rights_left, files_are_shut_off_before_calls_are_filtered,
          a_step_that_is_missing_is_a_refusal_with_its_name,
          a_file_with_capabilities_makes_a_worker_too, an_older_system_filters_as_well,
          the_manual_prints_the_list)
