/* `velum put`, `velum get`, and `velum result` of a job that collects, against the node of
 * object_node.h. */
#include "core/host/identity.h"
#include "tests/unit/object_node.h"

extern const struct cmd cmd_put, cmd_get, cmd_objects, cmd_result, cmd_rm;

/* `velum get REF -o file` */
static int get_file(const struct ways *ways, size_t count)
{
    char option[] = "-o", file[128], whole[ID_HEX_SIZE];
    snprintf(file, sizeof file, "%s", below("file"));
    snprintf(whole, sizeof whole, "%s", ref);
    char *argv[] = {whole, option, file, NULL};
    return run(&cmd_get, 3, argv, ways, count);
}

/* The file that the node keeps the object in. */
static const char *kept(void)
{
    static char file[256];
    snprintf(file, sizeof file, "%s/nodes/8001/objects/%s", root, ref);
    return file;
}

static void keep_file(const char *ending, const void *from, size_t len)
{
    char file[300];
    snprintf(file, sizeof file, "%s%s", kept(), ending);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, from, len) == (ssize_t)len);
    close(fd);
}

static void keep(size_t len)
{
    (void)mkdir(below("nodes/8001/objects"), 0700);
    keep_file("", object, len);
    keep_file(".list", digests, sizeof digests);
}

static bool file_is_right(void)
{
    return read_file("file", got, sizeof got) == SIZE && memcmp(got, object, SIZE) == 0 &&
           !is_there("file.part");
}

/* --- put --- */

static int put_bytes(uint64_t size, const struct ways *ways)
{
    char file[128];
    write_file("in", object, size);
    snprintf(file, sizeof file, "%s", below("in"));
    char *argv[] = {file, NULL};
    return run(&cmd_put, 1, argv, ways, 1);
}

TEST(put_prints_the_name_of_the_bytes_alone)
{
    static const uint64_t sizes[] = {0, 1, 4095, 61440, 61441, PIECE_SIZE, SIZE};
    begin();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char hex[ID_HEX_SIZE], expected[ID_HEX_SIZE + 1], out[256] = "";
        struct digest name = object_name_of((struct bytes){object, sizes[i]});
        CHECK_INT(put_bytes(sizes[i], &honest), CODE_DONE);
        id_hex(name.bytes, 2 * ID_SIZE, hex);
        snprintf(expected, sizeof expected, "%s\n", hex);
        read_file("out", out, sizeof out - 1);
        CHECK_STR(out, expected);
        CHECK(strstr(said, "2 copies on 1 machine"));
    }
    end();
}

TEST(put_never_sends_more_than_it_may)
{
    struct ways w = honest;
    begin();
    for (w.credit_first = 50000; w.credit_first < 62000; w.credit_first += 2963)
        CHECK_INT(put_bytes(SIZE, &w), CODE_DONE);
    end();
}

TEST(put_refused_in_the_middle_says_what_of_which_file)
{
    struct ways w = honest;
    begin();
    w.refuse_at = 1000000;
    CHECK_INT(put_bytes(SIZE, &w), CODE_FAILED);
    CHECK(strstr(said, "/in: the disk of this node is full"));
    CHECK(strstr(said, "try: something else"));
    CHECK_INT((int)read_file("out", got, sizeof got), 0);
    end();
}

TEST(put_at_a_node_that_ends_is_exit_5)
{
    struct ways w = honest;
    begin();
    w.end_at = 1000000;
    CHECK_INT(put_bytes(SIZE, &w), CODE_NO_NODE);
    CHECK(strstr(said, "the node ended before"));
    CHECK(strstr(said, "try: "));
    CHECK_INT((int)read_file("out", got, sizeof got), 0);
    end();
}

/* --- get --- */

TEST(get_to_a_file_and_to_standard_output)
{
    begin();
    CHECK_INT(get_file(&honest, 1), CODE_DONE);
    CHECK(file_is_right());
    char whole[] = "0123456789";
    memcpy(whole, ref, 10);
    char *argv[] = {whole, NULL};
    CHECK_INT(run(&cmd_get, 1, argv, &honest, 1), CODE_DONE);
    CHECK_INT((int)read_file("out", got, sizeof got), SIZE);
    CHECK(memcmp(got, object, SIZE) == 0);
    end();
}

TEST(get_with_a_wrong_byte_leaves_no_file)
{
    static const uint64_t places[] = {0, 1234567, SIZE - 1};
    begin();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct ways w = honest;
        w.flip_at = places[i];
        CHECK_INT(get_file(&w, 1), CODE_FAILED);
        CHECK(!is_there("file") && !is_there("file.part"));
        CHECK(strstr(said, "what came is not the object"));
        char *argv[] = {ref, NULL};
        CHECK_INT(run(&cmd_get, 1, argv, &w, 1), CODE_FAILED);
        CHECK(strstr(said, "do not use what was written to standard output"));
    }
    end();
}

/* A node need not compare what the command compares and can throw away; when it is asked to after
 * all, it has found what is damaged on its disk, and mended it. */
TEST(get_of_what_is_damaged_on_the_nodes_disk_asks_again_and_is_right)
{
    static const size_t parts[] = {0, 1, 1500000, SIZE};
    begin();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct ways w = honest;
        w.flip_at = SIZE - 1;
        w.mends = true;
        if (parts[i] > 0)
            write_file("file.part", object, parts[i]);
        CHECK_INT(get_file(&w, 1), CODE_DONE);
        CHECK(file_is_right());
        CHECK(!strstr(said, "beginning again") == (parts[i] == SIZE));
        unlink(below("file"));
    }
    end();
}

TEST(get_that_cannot_throw_away_what_came_has_it_compared)
{
    struct ways w = honest;
    begin();
    w.compares = true;
    char *argv[] = {ref, NULL};
    CHECK_INT(run(&cmd_get, 1, argv, &w, 1), CODE_DONE);
    CHECK_INT((int)read_file("out", got, sizeof got), SIZE);
    CHECK(memcmp(got, object, SIZE) == 0);
    end();
}

TEST(get_from_an_older_node_asks_as_it_knows_it)
{
    struct ways w = honest;
    begin();
    w.is_old = true;
    write_file("file.part", object, 1500000);
    CHECK_INT(get_file(&w, 1), CODE_DONE);
    CHECK(file_is_right());
    CHECK(!strstr(said, "malformed"));
    end();
}

static int rm(const struct ways *ways)
{
    char whole[ID_HEX_SIZE];
    snprintf(whole, sizeof whole, "%s", ref);
    char *argv[] = {whole, NULL};
    return run(&cmd_rm, 1, argv, ways, 1);
}

/* The node looks at what was signed. */
TEST(rm_signs_what_the_node_says_if_it_is_of_that_object)
{
    struct ways w = honest;
    struct home home;
    char message[HOME_MESSAGE_SIZE];
    begin();
    REQUIRE(home_locate(&home, message) == 0 && home_open(&home, message) == 0);
    REQUIRE(identity_mesh_open(&home, message) == 0);
    CHECK_INT(rm(&w), CODE_DONE);
    CHECK(!strstr(said, "older"));
    w.other = true;
    CHECK(rm(&w) != CODE_DONE);
    end();
}

TEST(rm_at_an_older_node_asks_as_it_knows_it_and_says_what_stays)
{
    struct ways w = honest;
    begin();
    w.is_old = true;
    CHECK_INT(rm(&w), CODE_DONE);
    CHECK(strstr(said, "older") && !strstr(said, "malformed"));
    end();
}

TEST(get_goes_on_behind_what_an_earlier_one_left)
{
    static const size_t parts[] = {1, 50000, PIECE_SIZE, PIECE_SIZE + 1, SIZE - 1, SIZE};
    begin();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct ways w = honest;
        write_file("file.part", object, parts[i]);
        /* It would come wrong, were it asked for again. */
        w.flip_at = parts[i] - 1;
        CHECK_INT(get_file(&w, 1), CODE_DONE);
        CHECK(file_is_right());
        unlink(below("file"));
    }
    end();
}

TEST(get_begins_again_when_the_part_is_of_something_else)
{
    static const size_t wrong[] = {0, 70000, 1499999};
    begin();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        object[wrong[i]] ^= 1;
        write_file("file.part", object, 1500000);
        object[wrong[i]] ^= 1;
        CHECK_INT(get_file(&honest, 1), CODE_DONE);
        CHECK(file_is_right());
        CHECK(strstr(said, "beginning again"));
    }
    /* One that is longer than the object. */
    write_file("file.part", object, SIZE + 1);
    CHECK_INT(get_file(&honest, 1), CODE_DONE);
    CHECK(file_is_right());
    end();
}

TEST(get_asks_another_node_for_the_rest)
{
    struct ways ways[3] = {honest, honest, honest};
    begin();
    ways[0].end_at = 500000;
    ways[1].end_at = 2000000;
    ways[2].flip_at = 400000;
    CHECK_INT(get_file(ways, 3), CODE_DONE);
    CHECK(file_is_right());
    CHECK(strstr(said, "the node is gone; asking another"));
    end();
}

TEST(get_asks_an_older_node_for_the_rest_as_it_knows_it)
{
    struct ways ways[2] = {honest, honest};
    begin();
    ways[0].end_at = 500000;
    ways[1].is_old = true;
    CHECK_INT(get_file(ways, 2), CODE_DONE);
    CHECK(file_is_right());
    CHECK(!strstr(said, "malformed"));
    end();
}

TEST(get_believes_no_node_that_breaks_the_rules)
{
    struct ways w = honest;
    begin();
    w.other = true;
    CHECK_INT(get_file(&w, 1), CODE_FAILED);
    w = honest;
    w.too_many = true;
    CHECK_INT(get_file(&w, 1), CODE_FAILED);
    unlink(below("file.part"));
    w = honest;
    w.short_end = true;
    CHECK_INT(get_file(&w, 1), CODE_FAILED);
    CHECK(!is_there("file"));
    end();
}

TEST(get_reads_the_file_of_a_node_of_this_machine)
{
    struct ways mute = honest;
    begin();
    keep(SIZE);
    mute.end_at = 0; /* it ends when it is asked for bytes */
    CHECK_INT(get_file(&mute, 1), CODE_DONE);
    CHECK(file_is_right());
    unlink(below("file"));
    static const size_t parts[] = {1, 1234567, PIECE_SIZE, 2 * PIECE_SIZE, SIZE - 1, SIZE};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        write_file("file.part", object, parts[i]);
        CHECK_INT(get_file(&mute, 1), CODE_DONE);
        CHECK(file_is_right());
        CHECK(!strstr(said, "beginning again"));
        unlink(below("file"));
    }
    object[3] ^= 1;
    write_file("file.part", object, 1234567);
    object[3] ^= 1;
    CHECK_INT(get_file(&mute, 1), CODE_DONE);
    CHECK(file_is_right());
    CHECK(strstr(said, "beginning again"));
    end();
}

TEST(get_asks_the_node_for_what_is_damaged_in_its_file)
{
    static const size_t places[] = {0, PIECE_SIZE + 5, SIZE - 1};
    begin();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct ways w = honest;
        object[places[i]] ^= 1;
        keep(SIZE);
        object[places[i]] ^= 1;
        /* What lies before that piece it is not asked for: it would come wrong. */
        w.flip_at = places[i] / PIECE_SIZE * PIECE_SIZE - 1;
        CHECK_INT(get_file(&w, 1), CODE_DONE);
        CHECK(file_is_right());
        unlink(below("file"));
        char *argv[] = {ref, NULL};
        CHECK_INT(run(&cmd_get, 1, argv, &w, 1), CODE_DONE);
        CHECK_INT((int)read_file("out", got, sizeof got), SIZE);
        CHECK(memcmp(got, object, SIZE) == 0);
    }
    end();
}

TEST(get_does_not_believe_a_list_that_does_not_make_the_name)
{
    struct ways w = honest;
    begin();
    object[7] ^= 1;
    keep(SIZE);
    digests[0] = sha256_of(object, PIECE_SIZE);
    keep_file(".list", digests, sizeof digests);
    object[7] ^= 1;
    CHECK_INT(get_file(&w, 1), CODE_DONE);
    CHECK(file_is_right());
    unlink(below("file"));
    w.flip_at = 5;
    CHECK_INT(get_file(&w, 1), CODE_FAILED);
    CHECK(!is_there("file") && !is_there("file.part"));
    end();
}

TEST(get_leaves_alone_a_file_that_is_not_of_the_objects_size)
{
    begin();
    keep(SIZE - 1);
    CHECK_INT(get_file(&honest, 1), CODE_DONE);
    CHECK(file_is_right());
    unlink(below("file"));
    unlink(kept());
    CHECK_INT(symlink("/dev/zero", kept()), 0);
    CHECK_INT(get_file(&honest, 1), CODE_DONE);
    CHECK(file_is_right());
    end();
}

TEST(get_interrupted_leaves_the_part_and_says_how_to_go_on)
{
    char option[] = "-o", file[128];
    int listening, status;
    begin();
    /* A node that stops in the middle and keeps the line. */
    listening = listener();
    fflush(NULL);
    pid_t node = fork();
    if (node == 0) {
        struct node n = {.fd = accept(listening, NULL, NULL)};
        struct frame f;
        hear(&n, &f);
        say_object(&n, f.request, object_name, SIZE);
        uint32_t request = f.request;
        hear(&n, &f);
        say(&n, MESSAGE_REPLY_PIECE, request, (struct bytes){object, 60000});
        for (;;)
            hear(&n, &f);
    }
    snprintf(file, sizeof file, "%s", below("file"));
    char *argv[] = {ref, option, file, NULL};
    pid_t command = start(&cmd_get, 3, argv);
    for (int i = 0; i < 1000 && read_file("file.part", got, sizeof got) < 60000; i++)
        usleep(10000);
    kill(command, SIGINT);
    CHECK_INT(end_of(command), CODE_INTERRUPTED);
    close(listening);
    CHECK(waitpid(node, &status, 0) == node);
    CHECK_INT((int)read_file("file.part", got, sizeof got), 60000);
    CHECK(!is_there("file"));
    CHECK(strstr(said, "file.part has 58.6K of 2.9M"));
    CHECK(strstr(said, "try: the same command again"));
    CHECK_INT(get_file(&honest, 1), CODE_DONE);
    CHECK(file_is_right());
    end();
}

/* --- result --- */

/* `velum result JOB -o file` */
static int result_file(const struct ways *ways, size_t count)
{
    char option[] = "-o", file[128], job[ID_HEX_SIZE];
    snprintf(file, sizeof file, "%s", below("file"));
    snprintf(job, sizeof job, "%s", ref);
    char *argv[] = {job, option, file, NULL};
    return run(&cmd_result, 3, argv, ways, count);
}

static bool result_is_right(const char *name)
{
    static uint8_t all[SIZE + 100];
    const size_t head = strlen(HEAD), tail = strlen(TAIL);
    return read_file(name, all, sizeof all) == head + SIZE + tail && memcmp(all, HEAD, head) == 0 &&
           memcmp(all + head, object, SIZE) == 0 && memcmp(all + head + SIZE, TAIL, tail) == 0;
}

TEST(result_is_what_the_leaves_yielded_in_order)
{
    struct ways ways[3] = {honest, honest, honest};
    begin();
    char *argv[] = {ref, NULL};
    CHECK_INT(run(&cmd_result, 1, argv, &honest, 1), CODE_DONE);
    CHECK(result_is_right("out"));
    CHECK_INT(result_file(&honest, 1), CODE_DONE);
    CHECK(result_is_right("file") && !is_there("file.part"));
    unlink(below("file"));
    /* The rest of the object comes from others, behind what is there. */
    ways[0].end_at = 500000;
    ways[1].end_at = 2000000;
    ways[2].flip_at = 400000;
    CHECK_INT(result_file(ways, 3), CODE_DONE);
    CHECK(result_is_right("file"));
    CHECK(strstr(said, "the node is gone; asking another"));
    end();
}

TEST(result_reads_the_files_of_a_node_of_this_machine)
{
    struct ways w = honest;
    begin();
    keep(SIZE);
    w.gone = true; /* it is not asked */
    CHECK_INT(result_file(&w, 1), CODE_DONE);
    CHECK(result_is_right("file"));
    unlink(below("file"));
    object[PIECE_SIZE + 9] ^= 1;
    keep(SIZE);
    object[PIECE_SIZE + 9] ^= 1;
    w = honest;
    w.flip_at = 100;
    CHECK_INT(result_file(&w, 1), CODE_DONE);
    CHECK(result_is_right("file"));
    end();
}

TEST(result_with_a_wrong_byte_leaves_no_file_and_is_mended_by_the_next)
{
    static const uint64_t places[] = {0, 1234567, SIZE - 1};
    begin();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct ways w = honest;
        w.flip_at = places[i];
        CHECK_INT(result_file(&w, 1), CODE_FAILED);
        CHECK(!is_there("file"));
        CHECK(strstr(said, "do not use what was written"));
        CHECK(strstr(said, "try: velum result"));
    }
    CHECK(is_there("file.part"));
    CHECK_INT(result_file(&honest, 1), CODE_DONE);
    CHECK(result_is_right("file") && !is_there("file.part"));
    end();
}

TEST(result_believes_no_list_that_makes_no_sense)
{
    begin();
    for (int i = 0; i < 5; i++) {
        struct ways w = honest;
        w.other_list = i == 0;
        w.fewer_bytes = i == 1;
        w.more_leaves = i == 2;
        w.short_list = i == 3;
        w.other = i == 4;
        CHECK_INT(result_file(&w, 1), CODE_FAILED);
        CHECK(!is_there("file"));
        CHECK(strstr(said, "try: "));
        unlink(below("file.part"));
    }
    struct ways w = honest;
    w.gone = true;
    CHECK_INT(result_file(&w, 1), CODE_GONE);
    CHECK(strstr(said, "the output of leaf 1 of job"));
    end();
}

TEST_MAIN(
    result_is_what_the_leaves_yielded_in_order, result_reads_the_files_of_a_node_of_this_machine,
    result_with_a_wrong_byte_leaves_no_file_and_is_mended_by_the_next,
    result_believes_no_list_that_makes_no_sense, put_prints_the_name_of_the_bytes_alone,
    put_never_sends_more_than_it_may, put_refused_in_the_middle_says_what_of_which_file,
    put_at_a_node_that_ends_is_exit_5, get_to_a_file_and_to_standard_output,
    get_with_a_wrong_byte_leaves_no_file,
    get_of_what_is_damaged_on_the_nodes_disk_asks_again_and_is_right,
    get_that_cannot_throw_away_what_came_has_it_compared,
    get_from_an_older_node_asks_as_it_knows_it, rm_signs_what_the_node_says_if_it_is_of_that_object,
    rm_at_an_older_node_asks_as_it_knows_it_and_says_what_stays,
    get_asks_an_older_node_for_the_rest_as_it_knows_it, get_goes_on_behind_what_an_earlier_one_left,
    get_begins_again_when_the_part_is_of_something_else, get_asks_another_node_for_the_rest,
    get_reads_the_file_of_a_node_of_this_machine, get_asks_the_node_for_what_is_damaged_in_its_file,
    get_does_not_believe_a_list_that_does_not_make_the_name,
    get_leaves_alone_a_file_that_is_not_of_the_objects_size,
    get_believes_no_node_that_breaks_the_rules,
    get_interrupted_leaves_the_part_and_says_how_to_go_on)
