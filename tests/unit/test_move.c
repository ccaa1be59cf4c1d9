/* What a node and its mover, and a command and its node, say to each other about objects. */
#include "core/base/err.h"
#include "core/wire/move.h"
#include "core/wire/object_request.h"
#include "tests/lib/check.h"

static uint8_t raw[70000];

static struct buf fresh(void)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    return b;
}

/* Read again at its whole length only. */
#define CHECK_EVERY_TRUNCATION(b, call)                                                            \
    do {                                                                                           \
        CHECK_INT(buf_result(&(b)), 0);                                                            \
        raw[(b).len] = 0;                                                                          \
        for (size_t n = 0; n <= (b).len + 1; n++) {                                                \
            in = (struct bytes){raw, n};                                                           \
            CHECK_INT((call), n == (b).len ? 0 : ERR_FORMAT);                                      \
        }                                                                                          \
        in = buf_bytes(&(b));                                                                      \
        CHECK_INT((call), 0);                                                                      \
    } while (0)

static struct digest name_of(uint8_t n)
{
    struct digest d;
    memset(d.bytes, n, sizeof d.bytes);
    return d;
}

static bool is_name(struct digest d, uint8_t n)
{
    return digest_equal(d, name_of(n));
}

TEST(test_streams)
{
    struct bytes in;
    struct buf b = fresh();
    struct move_stream m = {.stream = 7, .bytes = bytes_of_text("some bytes")}, got;
    uint64_t stream;
    put_move_append(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_move_append(in, &got));
    CHECK_INT(got.stream, 7);
    CHECK(bytes_equal(got.bytes, m.bytes));
    b = fresh();
    put_move_stream(&b, 9);
    CHECK_EVERY_TRUNCATION(b, read_move_stream(in, &stream));
    CHECK_INT(stream, 9);
}

TEST(test_ways_to_finish)
{
    for (uint8_t said = 0; said < 5; said++) {
        enum move_finish way = MOVE_FINISH_WAYS;
        struct buf b = fresh();
        uint64_t stream = 0;
        put_u64(&b, 9);
        put_u8(&b, said);
        const bool known = said == MOVE_FINISH_NAME;
        CHECK_INT(read_move_finish(buf_bytes(&b), &stream, &way), known ? 0 : ERR_FORMAT);
        CHECK(stream == 9 && way == (known ? said : MOVE_FINISH));
        b = fresh();
        put_move_finish(&b, 9, way);
        CHECK_INT(b.len, known ? 9 : 8); /* a plain one says nothing behind */
        CHECK_INT(read_move_finish(buf_bytes(&b), &stream, &way), 0);
        CHECK(stream == 9 && way == (known ? said : MOVE_FINISH));
        CHECK_INT(read_move_finish((struct bytes){buf_bytes(&b).data, 7}, &stream, &way),
                  ERR_FORMAT);
    }
}

TEST(test_keyed)
{
    struct bytes in;
    struct buf b = fresh();
    struct move_keyed m = {.stream = 7, .key = name_of(4), .size = 1 << 30, .look = true}, got;
    struct moved_left l = {.key = name_of(5), .size = 100, .there = 100, .age_s = 600}, left;
    struct moved_keyed k = {.there = 77, .more = true}, keyed;
    put_move_keyed(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_move_keyed(in, &got));
    CHECK(is_name(got.key, 4) && got.stream == 7 && got.size == 1 << 30 && got.look);
    b = fresh();
    put_moved_left(&b, &l);
    CHECK_EVERY_TRUNCATION(b, read_moved_left(in, &left));
    CHECK(is_name(left.key, 5) && left.size == 100 && left.there == 100 && left.age_s == 600);
    for (int i = 0; i < 2; i++) {
        l.there = i == 0 ? 101 : 100;
        l.age_s = i == 0 ? 600 : 601;
        b = fresh();
        put_moved_left(&b, &l);
        CHECK_INT(read_moved_left(buf_bytes(&b), &left), ERR_FORMAT);
    }
    b = fresh();
    put_moved_keyed(&b, &k);
    CHECK_EVERY_TRUNCATION(b, read_moved_keyed(in, &keyed));
    CHECK(keyed.rc == 0 && keyed.there == 77 && keyed.more);
}

TEST(test_parts)
{
    struct bytes in;
    struct buf b = fresh();
    struct move_part got,
        m = {.name = name_of(3), .offset = 77, .length = 4, .bytes = bytes_of_text("four")};
    struct digest name;
    put_move_read(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_move_read(in, &got));
    CHECK(is_name(got.name, 3) && got.offset == 77 && got.length == 4);
    b = fresh();
    m.size = 1 << 30;
    put_move_learn(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_move_learn(in, &got));
    CHECK(is_name(got.name, 3) && got.size == 1 << 30 && got.offset == 77 && got.length == 4);
    CHECK(bytes_equal(got.bytes, m.bytes));
    b = fresh();
    put_move_write(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_move_write(in, &got));
    CHECK(is_name(got.name, 3) && got.offset == 77 && bytes_equal(got.bytes, m.bytes));
    b = fresh();
    m.size = 0;
    put_move_check(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_move_check(in, &got));
    CHECK(is_name(got.name, 3) && got.offset == 77 && got.size == 0);
    b = fresh();
    put_move_name(&b, name_of(4));
    CHECK_EVERY_TRUNCATION(b, read_move_name(in, &name));
    CHECK(is_name(name, 4));
}

/* It may be told, and then what was told without it is not the same. */
TEST(test_orders_that_say_how_large_it_is)
{
    struct buf b = fresh();
    struct move_part got, m = {.name = name_of(3), .size = 1 << 30, .offset = 77, .length = 4};
    put_move_read(&b, &m);
    CHECK_INT(read_move_read(buf_bytes(&b), &got), 0);
    CHECK(got.size == 1 << 30 && !got.as_is && got.offset == 77);
    b.len -= 8; /* a flag that says nothing */
    CHECK_INT(read_move_read(buf_bytes(&b), &got), ERR_FORMAT);
    put_u64(&b, 0);
    CHECK_INT(read_move_read(buf_bytes(&b), &got), ERR_FORMAT);
    b = fresh();
    m.as_is = true;
    put_move_read(&b, &m);
    CHECK_INT(read_move_read(buf_bytes(&b), &got), 0);
    CHECK(got.size == 1 << 30 && got.as_is);
    b = fresh();
    put_move_check(&b, &m);
    CHECK_INT(read_move_check(buf_bytes(&b), &got), 0);
    CHECK(got.size == 1 << 30 && got.offset == 77);
    b = fresh();
    struct moved_checked checked, cut = {.next = 3, .bad = UINT64_MAX, .cut = 9};
    put_moved_checked(&b, &cut);
    CHECK_INT(read_moved_checked(buf_bytes(&b), &checked), 0);
    CHECK(checked.cut == 9 && checked.next == 3);
}

TEST(test_answers)
{
    struct bytes in;
    struct buf b = fresh();
    struct moved_found found = {name_of(1), 5, true, bytes_of_text("\x05"), 99}, got_found;
    struct moved_made made = {ERR_NO_SPACE, name_of(2), 6, true}, got_made;
    struct moved_bytes bytes = {0, bytes_of_text("read")}, got_bytes;
    struct moved_checked checked = {ERR_DAMAGED, 3, 2, 0}, got_checked;
    int rc;
    put_moved_found(&b, &found);
    CHECK_EVERY_TRUNCATION(b, read_moved_found(in, &got_found));
    CHECK(is_name(got_found.name, 1) && got_found.size == 5 && got_found.whole);
    CHECK(bytes_equal(got_found.bits, found.bits) && got_found.used_s == 99);
    b = fresh();
    put_moved_made(&b, &made);
    CHECK_EVERY_TRUNCATION(b, read_moved_made(in, &got_made));
    CHECK(got_made.rc == ERR_NO_SPACE && is_name(got_made.name, 2) && got_made.size == 6);
    CHECK(got_made.there);
    b = fresh();
    put_moved_bytes(&b, &bytes);
    CHECK_EVERY_TRUNCATION(b, read_moved_bytes(in, &got_bytes));
    CHECK(got_bytes.rc == 0 && bytes_equal(got_bytes.bytes, bytes.bytes));
    b = fresh();
    put_moved_checked(&b, &checked);
    CHECK_EVERY_TRUNCATION(b, read_moved_checked(in, &got_checked));
    CHECK(got_checked.rc == ERR_DAMAGED && got_checked.next == 3 && got_checked.bad == 2);
    b = fresh();
    put_moved_done(&b, ERR_IO);
    CHECK_EVERY_TRUNCATION(b, read_moved_done(in, &rc));
    CHECK_INT(rc, ERR_IO);
    b = fresh();
    put_u32(&b, MOVE_CODE_MAX + 1);
    CHECK_INT(read_moved_done(buf_bytes(&b), &rc), ERR_FORMAT);
}

TEST(test_one_byte_too_many_is_refused)
{
    static uint8_t many[MOVE_BYTES_MAX + 1];
    struct move_stream m = {.bytes = {many, MOVE_BYTES_MAX}}, got;
    struct move_part p = {.length = MOVE_BYTES_MAX}, got_part;
    struct buf b = fresh();
    put_move_append(&b, &m);
    CHECK_INT(read_move_append(buf_bytes(&b), &got), 0);
    m.bytes.len++;
    b = fresh();
    put_move_append(&b, &m);
    CHECK_INT(read_move_append(buf_bytes(&b), &got), ERR_FORMAT);
    b = fresh();
    put_move_read(&b, &p);
    CHECK_INT(read_move_read(buf_bytes(&b), &got_part), 0);
    p.length++;
    b = fresh();
    put_move_read(&b, &p);
    CHECK_INT(read_move_read(buf_bytes(&b), &got_part), ERR_FORMAT);
}

TEST(test_requests)
{
    struct bytes in;
    struct buf b = fresh();
    struct object_view v = {name_of(8), 10, 4, OBJECT_KEPT | OBJECT_COMING, 2, 1, 60, 3, {{4}}},
                       got_view;
    struct request_put put = {.size = UINT64_MAX, .copies = 3}, got_put;
    struct request_get get = {.ref = "0123456789abcdef", .offset = 5}, got_get;
    struct request_objects list = {.all = true}, got_list;
    struct request_rm rm = {.ref = "01234567"}, got_rm;
    uint32_t credit;
    put_object_view(&b, &v);
    CHECK_EVERY_TRUNCATION(b, read_object_view(in, &got_view));
    CHECK(is_name(got_view.name, 8) && got_view.size == 10 && got_view.here == 4);
    CHECK(got_view.flags == v.flags && got_view.copies == 2 && got_view.machines == 1);
    CHECK_INT(got_view.age_s, 60);
    CHECK(got_view.jobs == 3 && job_id_equal(got_view.job, v.job));
    b = fresh();
    put_request_put(&b, &put);
    CHECK_EVERY_TRUNCATION(b, read_request_put(in, &got_put));
    CHECK(got_put.size == UINT64_MAX && got_put.copies == 3);
    b = fresh();
    put_request_get(&b, &get);
    CHECK_EVERY_TRUNCATION(b, read_request_get(in, &got_get));
    CHECK_STR(got_get.ref, get.ref);
    CHECK_INT(got_get.offset, 5);
    b = fresh();
    put_request_objects(&b, &list);
    CHECK_EVERY_TRUNCATION(b, read_request_objects(in, &got_list));
    CHECK(got_list.all && got_list.ref[0] == 0);
    b = fresh();
    put_request_rm(&b, &rm);
    CHECK_EVERY_TRUNCATION(b, read_request_rm(in, &got_rm));
    CHECK_STR(got_rm.ref, rm.ref);
    CHECK(got_rm.how == RM_UNSIGNED && got_rm.removal.len == 0);
    rm.how = RM_SIGNED;
    rm.removal = bytes_of_text("signed");
    b = fresh();
    put_request_rm(&b, &rm);
    CHECK_INT(read_request_rm(buf_bytes(&b), &got_rm), 0);
    CHECK(got_rm.how == RM_SIGNED && bytes_equal(got_rm.removal, rm.removal));
    CHECK_INT(read_request_rm((struct bytes){b.data, b.len - rm.removal.len}, &got_rm), ERR_FORMAT);
    b = fresh();
    put_object_credit(&b, OBJECT_CREDIT_MAX);
    CHECK_EVERY_TRUNCATION(b, read_object_credit(in, &credit));
    b = fresh();
    put_object_credit(&b, OBJECT_CREDIT_MAX + 1);
    CHECK_INT(read_object_credit(buf_bytes(&b), &credit), ERR_FORMAT);
}

TEST(test_a_ref_is_digits_and_enough_of_them)
{
    static const char *const wrong[] = {"", "0123456", "0123456g", "01234567 "};
    char longest[OBJECT_REF_SIZE + 1];
    struct request_rm m;
    struct buf b;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        b = fresh();
        put_text(&b, wrong[i]);
        CHECK_INT(read_request_rm(buf_bytes(&b), &m), ERR_FORMAT);
    }
    memset(longest, 'a', sizeof longest);
    longest[OBJECT_REF_SIZE] = 0;
    b = fresh();
    put_text(&b, longest);
    CHECK_INT(read_request_rm(buf_bytes(&b), &m), ERR_FORMAT);
    longest[OBJECT_REF_SIZE - 1] = 0;
    b = fresh();
    put_text(&b, longest);
    CHECK_INT(read_request_rm(buf_bytes(&b), &m), 0);
}

TEST_MAIN(test_streams, test_ways_to_finish, test_keyed, test_parts,
          test_orders_that_say_how_large_it_is, test_answers, test_one_byte_too_many_is_refused,
          test_requests, test_a_ref_is_digits_and_enough_of_them)
