/* Every call on files that a mover makes fails once, in each way, and the mover is killed at each
 * of them. Whatever was said to be there is there afterwards and as it was; whatever is there is
 * what it is called; nothing else is left; and an ordinary mover works on what it finds.
 *
 * The mover that fails is tests/chaos/velum-faulty; the one that comes after is this program. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/mover_orders.h"

#define MIB ((size_t)1 << 20)
#define SIZE_A (MIB + 5)
#define SIZE_B (2 * MIB + 100)
#define SIZE_C ((size_t)10)
#define SIZE_D ((size_t)70000) /* of one piece, and of two slices */
#define DIED 1                 /* no error code */
#define WORK "work"

static char *program;
static uint8_t *a, *b, *c, *d;
static struct digest name_a, name_b, name_c, name_d, list_b[3], list_c[1], list_d[1];

/* One life of a mover, told by blocking reads and writes. */
static struct {
    pid_t pid;
    int orders, answers;
    bool dead;
    uint8_t in[200000];
    size_t have, used; /* the frame that was handed out last */
} life;

static _Noreturn void become(const char *executable, const char *fault, int orders, int answers)
{
    int folder = open(WORK, O_RDONLY | O_DIRECTORY);
    int high[3] = {fcntl(orders, F_DUPFD, 10), fcntl(answers, F_DUPFD, 10),
                   fcntl(folder, F_DUPFD, 10)};
    dup2(high[0], 0);
    dup2(high[1], 1);
    dup2(high[2], 3);
    for (int fd = 4; fd < 64; fd++)
        close(fd);
    unsetenv("VELUM_FAULT");
    if (fault) {
        setenv("VELUM_FAULT", fault, 1);
        setenv("VELUM_FAULT_LOG", "happened", 1);
    }
    execl(executable, "velum", "__mover", (char *)NULL);
    _exit(127);
}

static void begin(const char *executable, const char *fault)
{
    int orders[2], answers[2];
    REQUIRE(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
    life.have = life.used = 0;
    life.dead = false;
    life.pid = fork();
    if (life.pid == 0)
        become(executable, fault, orders[0], answers[1]);
    REQUIRE(life.pid > 0);
    close(orders[0]);
    close(answers[1]);
    life.orders = orders[1];
    life.answers = answers[0];
}

/* Its end: by itself when its orders end, or it has been killed. Not by anything else. */
static void end(void)
{
    int status = 0;
    close(life.orders);
    close(life.answers);
    REQUIRE(waitpid(life.pid, &status, 0) == life.pid);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    bool ended = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
    CHECK(killed || ended);
}

static bool give_frames(const struct buf *f)
{
    for (size_t at = 0; at < f->len && !life.dead;) {
        ssize_t n = write(life.orders, f->data + at, f->len - at);
        life.dead = n <= 0;
        at += n > 0 ? (size_t)n : 0;
    }
    return !life.dead;
}

static bool give(uint8_t type, struct buf *payload)
{
    struct buf f;
    buf_init(&f, &host_memory, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
    frame_put(&f, type, 1, buf_bytes(payload));
    (void)give_frames(&f);
    buf_clear(&f);
    buf_clear(payload);
    return !life.dead;
}

/* The next answer; its payload is borrowed until the next one. */
static bool hear(struct frame *f)
{
    memmove(life.in, life.in + life.used, life.have - life.used);
    life.have -= life.used;
    life.used = 0;
    for (;;) {
        int size = frame_take((struct bytes){life.in, life.have}, f);
        REQUIRE(size >= 0);
        life.used = (size_t)size;
        if (size > 0)
            return true;
        struct pollfd p = {.fd = life.answers, .events = POLLIN};
        REQUIRE(poll(&p, 1, 30000) == 1);
        ssize_t n = read(life.answers, life.in + life.have, sizeof life.in - life.have);
        if (n <= 0) {
            life.dead = true;
            life.have = 0;
            return false;
        }
        life.have += (size_t)n;
    }
}

static int ask_done(uint8_t type, struct buf *payload)
{
    struct frame f;
    int rc = 0;
    if (!give(type, payload) || !hear(&f))
        return DIED;
    REQUIRE(f.type == MESSAGE_MOVED_DONE && read_moved_done(f.payload, &rc) == 0);
    return rc;
}

static int append(uint64_t stream, const uint8_t *data, size_t n)
{
    for (size_t at = 0; at < n; at += MOVE_BYTES_MAX) {
        const size_t step = n - at < MOVE_BYTES_MAX ? n - at : MOVE_BYTES_MAX;
        const struct move_stream m = {.stream = stream, .bytes = {data + at, step}};
        struct buf p = rig_payload();
        put_move_append(&p, &m);
        if (ask_done(MESSAGE_MOVE_APPEND, &p) == DIED)
            return DIED;
    }
    return 0;
}

static bool give_finish(uint64_t stream, enum move_finish way)
{
    struct buf p = rig_payload();
    put_move_finish(&p, stream, way);
    return give(MESSAGE_MOVE_FINISH, &p);
}

static int hear_made(size_t n, struct digest name)
{
    struct frame f;
    struct moved_made made;
    if (!hear(&f))
        return DIED;
    REQUIRE(f.type == MESSAGE_MOVED_MADE && read_moved_made(f.payload, &made) == 0);
    CHECK(made.rc < 0 || (digest_equal(made.name, name) && made.size == n));
    return made.rc;
}

/* As a leaf's output, which has its name before. */
static int put_object(uint64_t stream, const uint8_t *data, size_t n, struct digest name)
{
    int rc = append(stream, data, n);
    for (int way = MOVE_FINISH_NAME; rc == 0 && way >= MOVE_FINISH; way--)
        rc = give_finish(stream, (enum move_finish)way) ? hear_made(n, name) : DIED;
    return rc;
}

static int name_order(uint8_t type, struct digest name)
{
    struct buf p = rig_payload();
    put_move_name(&p, name);
    return ask_done(type, &p);
}

static int learn(struct digest name, uint64_t size, const struct digest *list)
{
    struct buf p = rig_payload();
    const struct move_part m = {.name = name,
                                .size = size,
                                .bytes = {(const uint8_t *)list, (size_t)object_list_size(size)}};
    put_move_learn(&p, &m);
    return ask_done(MESSAGE_MOVE_LEARN, &p);
}

static int learn_b(void)
{
    return learn(name_b, SIZE_B, list_b);
}

static int write_piece(struct digest name, const uint8_t *data, size_t size, uint64_t piece)
{
    const uint64_t first = piece * PIECE_SIZE;
    const uint64_t last = first + object_piece_length(size, piece);
    int rc = 0;
    for (uint64_t at = first; at < last && rc == 0; at += MOVE_BYTES_MAX) {
        const size_t step = last - at < MOVE_BYTES_MAX ? (size_t)(last - at) : MOVE_BYTES_MAX;
        const struct move_part m = {.name = name, .offset = at, .bytes = {data + at, step}};
        struct buf p = rig_payload();
        put_move_write(&p, &m);
        rc = ask_done(MESSAGE_MOVE_WRITE, &p);
    }
    return rc;
}

static int write_b(uint64_t piece)
{
    return write_piece(name_b, b, SIZE_B, piece);
}

static int write_d(void)
{
    return write_piece(name_d, d, SIZE_D, 0);
}

static int check_a(struct moved_checked *checked)
{
    struct frame f;
    struct buf p = rig_payload();
    const struct move_part m = {.name = name_a};
    put_move_check(&p, &m);
    *checked = (struct moved_checked){0};
    if (!give(MESSAGE_MOVE_CHECK, &p) || !hear(&f))
        return DIED;
    REQUIRE(read_moved_checked(f.payload, checked) == 0);
    return checked->rc;
}

static bool holds(struct digest name, const uint8_t *data, size_t n)
{
    for (size_t at = 0; at < n; at += MOVE_BYTES_MAX) {
        const uint32_t step = (uint32_t)(n - at < MOVE_BYTES_MAX ? n - at : MOVE_BYTES_MAX);
        const struct move_part m = {.name = name, .offset = at, .length = step};
        struct moved_bytes bytes;
        struct frame f;
        struct buf p = rig_payload();
        put_move_read(&p, &m);
        if (!give(MESSAGE_MOVE_READ, &p) || !hear(&f))
            return false;
        REQUIRE(read_moved_bytes(f.payload, &bytes) == 0);
        if (bytes.rc != 0 || memcmp(bytes.bytes.data, data + at, step) != 0)
            return false;
    }
    return true;
}

/* What a scan says of the objects. */
struct seen {
    int rc;
    uint32_t count;
    bool whole[4];
    bool there[4];
    uint8_t pieces[4]; /* of those that are not whole: a bit each */
};

static int lists_of(const struct seen *s)
{
    return s->there[0] + s->there[1];
}

static struct seen scan(void)
{
    const struct digest names[4] = {name_a, name_b, name_c, name_d};
    struct seen s = {.rc = DIED};
    struct frame f;
    struct buf p = rig_payload();
    if (!give(MESSAGE_MOVE_SCAN, &p))
        return s;
    while (hear(&f)) {
        struct moved_found found;
        int known = -1;
        if (f.type == MESSAGE_MOVED_DONE) {
            REQUIRE(read_moved_done(f.payload, &s.rc) == 0);
            return s;
        }
        REQUIRE(read_moved_found(f.payload, &found) == 0);
        for (int i = 0; i < 4; i++)
            if (digest_equal(names[i], found.name))
                known = i;
        REQUIRE(known >= 0);
        s.count++;
        s.there[known] = true;
        s.whole[known] = found.whole;
        if (!found.whole)
            s.pieces[known] = found.bits.data[0];
    }
    return s;
}

/* What was acknowledged. */
struct said {
    bool a_there, a_damaged, b_there, c_there, c_gone, d_there;
    bool refused; /* something was not */
};

static bool acknowledged(struct said *s, int rc)
{
    s->refused = s->refused || rc < 0;
    return rc == 0;
}

/* A story with every kind of order: c is put while it comes from elsewhere. */
static struct said story(void)
{
    struct said s = {0};
    struct moved_checked checked;
    acknowledged(&s, scan().rc);
    s.a_there = acknowledged(&s, put_object(1, a, SIZE_A, name_a));
    acknowledged(&s, learn_b());
    acknowledged(&s, write_b(1));
    acknowledged(&s, write_b(0));
    acknowledged(&s, learn(name_c, SIZE_C, list_c));
    acknowledged(&s, write_piece(name_c, c, SIZE_C, 0));
    s.c_there = acknowledged(&s, put_object(2, c, SIZE_C, name_c));
    acknowledged(&s, put_object(3, c, SIZE_C, name_c));
    acknowledged(&s, learn(name_d, SIZE_D, list_d));
    acknowledged(&s, write_d());
    s.d_there = acknowledged(&s, name_order(MESSAGE_MOVE_SEAL, name_d));
    acknowledged(&s, write_b(2));
    s.b_there = acknowledged(&s, name_order(MESSAGE_MOVE_SEAL, name_b));
    if (check_a(&checked) != 0 || checked.bad != UINT64_MAX)
        s.a_damaged = !life.dead;
    if (!life.dead) {
        s.c_gone = acknowledged(&s, name_order(MESSAGE_MOVE_DROP, name_c));
        s.c_there = false;
    }
    return s;
}

static bool give_name(uint8_t type, struct digest name)
{
    struct buf p = rig_payload();
    put_move_name(&p, name);
    return give(type, &p);
}

static int hear_done(void)
{
    struct frame f;
    int rc = 0;
    if (!hear(&f))
        return DIED;
    REQUIRE(f.type == MESSAGE_MOVED_DONE && read_moved_done(f.payload, &rc) == 0);
    return rc;
}

/* All of them are on their way to their places at once, and one is put twice. */
static struct said story_together(void)
{
    struct said s = {0};
    acknowledged(&s, scan().rc);
    acknowledged(&s, append(1, a, SIZE_A));
    acknowledged(&s, append(2, c, SIZE_C));
    acknowledged(&s, append(3, c, SIZE_C));
    acknowledged(&s, learn_b());
    for (uint64_t i = 0; i < 3; i++)
        acknowledged(&s, write_b(i));
    acknowledged(&s, learn(name_d, SIZE_D, list_d));
    acknowledged(&s, write_d());
    if (!give_finish(1, MOVE_FINISH) || !give_finish(2, MOVE_FINISH) ||
        !give_name(MESSAGE_MOVE_SEAL, name_b) || !give_name(MESSAGE_MOVE_SEAL, name_d) ||
        !give_finish(3, MOVE_FINISH))
        return s;
    s.a_there = acknowledged(&s, hear_made(SIZE_A, name_a));
    s.c_there = acknowledged(&s, hear_made(SIZE_C, name_c));
    s.b_there = acknowledged(&s, hear_done());
    s.d_there = acknowledged(&s, hear_done());
    s.c_there |= acknowledged(&s, hear_made(SIZE_C, name_c));
    return s;
}

/* Whatever comes before the answer to the order that was given last: what is placed meanwhile. */
static int hear_done_among_made(int *made, size_t n, struct digest name)
{
    struct frame f;
    struct moved_made m;
    int rc = DIED;
    while (hear(&f)) {
        if (f.type == MESSAGE_MOVED_DONE) {
            REQUIRE(read_moved_done(f.payload, &rc) == 0);
            return rc;
        }
        REQUIRE(read_moved_made(f.payload, &m) == 0);
        CHECK(m.rc < 0 || (digest_equal(m.name, name) && m.size == n));
        *made = m.rc;
    }
    return DIED;
}

/* The second comes while the first is on its way. */
static struct said story_twice(void)
{
    struct said s = {0};
    struct buf p;
    int first = DIED + 1;
    acknowledged(&s, scan().rc);
    acknowledged(&s, append(1, a, SIZE_A));
    acknowledged(&s, append(2, a, SIZE_A));
    if (!give_finish(1, MOVE_FINISH))
        return s;
    p = rig_payload();
    put_move_stream(&p, 9);
    if (!give(MESSAGE_MOVE_ABORT, &p))
        return s;
    acknowledged(&s, hear_done_among_made(&first, SIZE_A, name_a));
    if (!give_finish(2, MOVE_FINISH))
        return s;
    if (first == DIED + 1)
        first = hear_made(SIZE_A, name_a);
    s.a_there = acknowledged(&s, first);
    s.a_there |= acknowledged(&s, hear_made(SIZE_A, name_a));
    return s;
}

/* What was coming from elsewhere is put here too. When that fails the same mover can get it. */
static struct said story_again(void)
{
    struct said s = {0};
    acknowledged(&s, scan().rc);
    s.a_there = acknowledged(&s, put_object(1, a, SIZE_A, name_a));
    acknowledged(&s, put_object(2, a, SIZE_A, name_a));
    acknowledged(&s, learn(name_c, SIZE_C, list_c));
    acknowledged(&s, write_piece(name_c, c, SIZE_C, 0));
    const bool sound = !s.refused;
    s.c_there = acknowledged(&s, put_object(3, c, SIZE_C, name_c));
    if (s.c_there || !sound || life.dead)
        return s;
    const int rc = learn(name_c, SIZE_C, list_c);
    CHECK(rc == 0 || rc == ERR_EXISTS);
    CHECK_INT(write_piece(name_c, c, SIZE_C, 0), 0);
    CHECK_INT(name_order(MESSAGE_MOVE_SEAL, name_c), 0);
    s.c_there = true;
    return s;
}

static int files(void)
{
    int count = 0;
    DIR *dir = opendir(WORK);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static void empty_folder(void)
{
    REQUIRE(system("rm -rf " WORK " happened") == 0);
    REQUIRE(mkdir(WORK, 0700) == 0);
}

/* An ordinary mover afterwards. */
static void judge(const struct said *said, const char *fault, const char *call)
{
    int failures = check_state.failures;
    begin(program, NULL);
    struct seen s = scan();
    CHECK_INT(s.rc, 0);
    CHECK_INT(files(), (int)s.count + lists_of(&s));
    if (said->a_there && !said->a_damaged)
        CHECK(s.whole[0]);
    if (said->a_there) /* a damaged piece was none: it is back */
        CHECK(s.whole[0] || s.pieces[0] == 3);
    if (said->b_there)
        CHECK(s.whole[1]);
    if (said->c_there)
        CHECK(s.whole[2]);
    if (said->d_there)
        CHECK(s.whole[3]);
    if (said->c_gone)
        CHECK(!s.whole[2]);
    CHECK(!s.whole[0] || holds(name_a, a, SIZE_A));
    CHECK(!s.whole[1] || holds(name_b, b, SIZE_B));
    CHECK(!s.whole[2] || holds(name_c, c, SIZE_C));
    CHECK(!s.whole[3] || holds(name_d, d, SIZE_D));
    /* And it works. */
    CHECK_INT(put_object(1, a, SIZE_A, name_a), 0);
    CHECK_INT(put_object(2, c, SIZE_C, name_c), 0);
    if (!s.whole[3]) {
        int rc = learn(name_d, SIZE_D, list_d);
        CHECK(rc == 0 || rc == ERR_EXISTS);
        CHECK_INT(write_d(), 0);
        CHECK_INT(name_order(MESSAGE_MOVE_SEAL, name_d), 0);
    }
    if (!s.whole[1]) {
        int rc = learn_b();
        CHECK(rc == 0 || rc == ERR_EXISTS);
        for (uint64_t i = 0; i < 3; i++)
            CHECK_INT(write_b(i), 0);
        CHECK_INT(name_order(MESSAGE_MOVE_SEAL, name_b), 0);
    }
    CHECK_INT(files(), 4 + 2);
    CHECK(holds(name_a, a, SIZE_A) && holds(name_b, b, SIZE_B) && holds(name_c, c, SIZE_C));
    CHECK(holds(name_d, d, SIZE_D));
    end();
    if (check_state.failures > failures && check_state.failures <= CHECK_LINES_MAX)
        printf("# with VELUM_FAULT=%s, at %s\n", fault, call);
}

/* The call that failed, or "" when the story came to its end before. */
static void read_happened(char call[64])
{
    FILE *in = fopen("happened", "re");
    call[0] = '\0';
    if (!in)
        return;
    if (fscanf(in, "%63s", call) != 1)
        call[0] = '\0';
    fclose(in);
}

/* What must not be passed over in silence. */
static bool must_be_told(const char *call)
{
    static const char *const calls[] = {"pwrite", "fsync", "fdatasync", "renameat", "fallocate"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(call, calls[i]) == 0)
            return true;
    return false;
}

static void open_story(void)
{
    const char *objects = getenv("VELUM_OBJECTS");
    static char faulty[512];
    if (!objects)
        SKIP("VELUM_OBJECTS does not say where velum-faulty is");
    snprintf(faulty, sizeof faulty, "%s/tests/chaos/velum-faulty", objects);
    if (access(faulty, X_OK) != 0)
        SKIP("velum-faulty is not built");
    signal(SIGPIPE, SIG_IGN);
    a = rig_bytes(SIZE_A, 1);
    b = rig_bytes(SIZE_B, 2);
    c = rig_bytes(SIZE_C, 3);
    d = rig_bytes(SIZE_D, 4);
    name_a = rig_name_of(a, SIZE_A, NULL);
    name_b = rig_name_of(b, SIZE_B, list_b);
    name_c = rig_name_of(c, SIZE_C, list_c);
    name_d = rig_name_of(d, SIZE_D, list_d);
    setenv("FAULTY", faulty, 1);
}

static void close_story(void)
{
    free(a);
    free(b);
    free(c);
    free(d);
}

/* The kinds take turns from call to call, also where only every fourth is tried. */
static void sweep(const char *const *kinds, uint32_t count, struct said (*tell)(void))
{
    open_story();
    uint32_t n = 1;
    for (; n < 2000; n += CHECK_SANITIZED ? 4 : 1) {
        char fault[64], call[64];
        const char *kind = kinds[n % count];
        snprintf(fault, sizeof fault, "io:%u:%s", n, kind);
        empty_folder();
        begin(getenv("FAULTY"), fault);
        struct said said = tell();
        end();
        read_happened(call);
        if (!call[0])
            break;
        if (strcmp(kind, "kill") != 0 && must_be_told(call))
            CHECK(said.refused);
        judge(&said, fault, call);
    }
    close_story();
    CHECK(n > 40 && n < 2000); /* it came to the end, and there was something to fail */
}

TEST(killed_at_every_call)
{
    static const char *const kinds[] = {"kill"};
    sweep(kinds, 1, story);
    sweep(kinds, 1, story_together);
}

TEST(an_error_at_every_call)
{
    static const char *const kinds[] = {"eio", "enospc", "short"};
    if (!getenv("VELUM_CHAOS")) {
        sweep(kinds, 3, story);
        sweep(kinds, 3, story_together);
        sweep(kinds, 3, story_twice);
        sweep(kinds, 1, story_again);
        return;
    }
    for (int i = 0; i < 3; i++) {
        sweep(&kinds[i], 1, story);
        sweep(&kinds[i], 1, story_together);
        sweep(&kinds[i], 1, story_twice);
    }
    sweep(kinds, 1, story_again);
}

static bool says_within(int ms)
{
    struct pollfd p = {.fd = life.answers, .events = POLLIN};
    return life.have > life.used || poll(&p, 1, ms) == 1;
}

/* No sync ends while the file is there. */
static void begin_slow(void)
{
    open_story();
    empty_folder();
    REQUIRE(system("touch slow") == 0);
    setenv("VELUM_FAULT_ARM", "slow", 1);
    begin(getenv("FAULTY"), "io:1:hang");
    unsetenv("VELUM_FAULT_ARM");
}

/* But for what is about the object that waits for the disk, and a second one behind it. */
TEST(a_slow_disk_keeps_nobody_waiting_who_does_not_need_it)
{
    begin_slow();
    CHECK_INT(append(1, c, SIZE_C), 0);
    REQUIRE(give_finish(1, MOVE_FINISH));
    CHECK_INT(append(2, d, SIZE_D), 0);
    REQUIRE(give_finish(2, MOVE_FINISH_NAME));
    CHECK_INT(hear_made(SIZE_D, name_d), 0);
    CHECK_INT(learn_b(), 0);
    CHECK_INT(write_b(0), 0);
    REQUIRE(give_finish(2, MOVE_FINISH));
    CHECK_INT(write_b(1), 0);
    REQUIRE(give_name(MESSAGE_MOVE_DROP, name_c));
    CHECK(!says_within(200));
    REQUIRE(unlink("slow") == 0);
    CHECK_INT(hear_made(SIZE_C, name_c), 0);
    CHECK_INT(hear_made(SIZE_D, name_d), 0);
    CHECK_INT(hear_done(), 0);
    CHECK(holds(name_d, d, SIZE_D) && !holds(name_c, c, SIZE_C));
    end();
    close_story();
}

/* Though the mover has read them together. */
TEST(what_comes_before_one_that_waits_for_the_disk_is_answered)
{
    uint8_t orders[256], payload[64];
    struct buf f, p;
    begin_slow();
    CHECK_INT(append(1, c, SIZE_C), 0);
    CHECK_INT(append(2, d, SIZE_D), 0);
    buf_init_fixed(&f, orders, sizeof orders);
    buf_init_fixed(&p, payload, sizeof payload);
    put_move_finish(&p, 1, MOVE_FINISH);
    frame_put(&f, MESSAGE_MOVE_FINISH, 1, buf_bytes(&p));
    buf_reset(&p);
    put_move_finish(&p, 2, MOVE_FINISH_NAME);
    frame_put(&f, MESSAGE_MOVE_FINISH, 1, buf_bytes(&p));
    buf_reset(&p);
    put_move_name(&p, name_c);
    frame_put(&f, MESSAGE_MOVE_DROP, 1, buf_bytes(&p));
    REQUIRE(!f.failed && give_frames(&f));
    CHECK(says_within(10000));
    REQUIRE(unlink("slow") == 0);
    CHECK_INT(hear_made(SIZE_D, name_d), 0);
    CHECK_INT(hear_made(SIZE_C, name_c), 0);
    CHECK_INT(hear_done(), 0);
    end();
    close_story();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {killed_at_every_call, an_error_at_every_call,
                                       a_slow_disk_keeps_nobody_waiting_who_does_not_need_it,
                                       what_comes_before_one_that_waits_for_the_disk_is_answered};
    if (argc > 1 && strcmp(argv[1], "__mover") == 0)
        return mover_main(true);
    program = argv[0];
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
