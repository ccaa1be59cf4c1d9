/* What a command asks of objects: the forms that a decoder takes, and no other. */
#include "core/wire/object_request.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/removal.h"
#include "tests/lib/check.h"

#define WHOLE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static uint8_t room[REQUEST_RM_SIZE + 1000];
static struct buf out;

static void begin(void)
{
    buf_init_fixed(&out, room, sizeof room);
}

static int get_of(const char *ref, const char *behind)
{
    struct request_get m;
    begin();
    put_text(&out, ref);
    put_u64(&out, 7);
    put_raw(&out, behind, strlen(behind));
    return read_request_get(buf_bytes(&out), &m);
}

static int objects_of(const char *ref)
{
    struct request_objects m;
    begin();
    put_u8(&out, 0);
    put_text(&out, ref);
    put_digest(&out, (struct digest){{0}});
    return read_request_objects(buf_bytes(&out), &m);
}

TEST(a_reference_is_of_eight_digits_and_more)
{
    static const char *const wrong[] = {"0011223", "0011223g", "g0112233", WHOLE "0", "00112233 "};
    CHECK_INT(get_of("00112233", ""), 0);
    CHECK_INT(get_of(WHOLE, ""), 0);
    CHECK_INT(get_of("", ""), ERR_FORMAT);
    CHECK_INT(objects_of(""), 0);
    CHECK_INT(objects_of("00112233"), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_INT(get_of(wrong[i], ""), ERR_FORMAT);
        CHECK_INT(objects_of(wrong[i]), ERR_FORMAT);
    }
}

TEST(one_word_behind_a_get_asks_for_the_list_itself)
{
    struct request_get m = {.ref = WHOLE, .offset = 1, .as_is = true}, back;
    begin();
    put_request_get(&out, &m);
    CHECK_INT(read_request_get(buf_bytes(&out), &back), 0);
    CHECK(back.as_is && back.offset == 1);
    CHECK_INT(get_of(WHOLE, "\1"), 0);
    CHECK_INT(get_of(WHOLE, "\2"), ERR_FORMAT);
    CHECK_INT(get_of(WHOLE, "\1\1"), ERR_FORMAT);
}

/* With a removal of so many bytes. */
static int rm_of(enum rm_how how, size_t len)
{
    static const uint8_t removal[REMOVAL_SIZE_MAX + 1] = {1};
    struct request_rm m = {.ref = WHOLE, .how = RM_SIGNED, .removal = {removal, len}};
    begin();
    put_request_rm(&out, &m);
    if (out.failed)
        return ERR_NO_MEMORY;
    out.data[2 + strlen(WHOLE)] = (uint8_t)how;
    return read_request_rm(buf_bytes(&out), &m);
}

TEST(a_removal_comes_with_who_signed_one)
{
    struct request_rm m = {.ref = WHOLE}, back;
    begin();
    put_request_rm(&out, &m);
    CHECK_INT(read_request_rm(buf_bytes(&out), &back), 0);
    CHECK_INT(back.how, RM_UNSIGNED);
    CHECK_INT(rm_of(RM_SIGNED, 1), 0);
    CHECK_INT(rm_of(RM_SIGNED, REMOVAL_SIZE_MAX), 0);
    CHECK_INT(rm_of(RM_SIGNED, REMOVAL_SIZE_MAX + 1), ERR_FORMAT);
    CHECK_INT(rm_of(RM_SIGNED, 0), ERR_FORMAT);
    CHECK_INT(rm_of(RM_ASK, 0), 0);
    CHECK_INT(rm_of(RM_ASK, 1), ERR_FORMAT);
    CHECK_INT(rm_of(RM_UNSIGNED, 0), ERR_FORMAT);
}

/* One removal, signed with so long a path, and so many bytes behind it. */
static int removal_of(uint32_t owners, uint8_t path_count, size_t behind)
{
    static const uint8_t zeros[REMOVAL_SIZE_MAX];
    struct removal m = {.generation = 1, .owner_count = owners};
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .path_count = path_count};
    static uint8_t body_room[REMOVAL_BODY_SIZE + ID_SIZE];
    struct buf body;
    buf_init_fixed(&body, body_room, sizeof body_room);
    put_removal_body(&body, &m);
    s.body = buf_bytes(&body);
    begin();
    put_signed(&out, &s);
    put_raw(&out, zeros, behind);
    return out.failed ? ERR_NO_MEMORY : read_removal(buf_bytes(&out), &s, &m);
}

TEST(a_removal_is_signed_alone_and_names_somebody)
{
    CHECK_INT(removal_of(1, 0, 0), 0);
    CHECK_INT(removal_of(REMOVAL_OWNERS_MAX, 0, 0), 0);
    CHECK_INT(removal_of(0, 0, 0), ERR_FORMAT);
    CHECK_INT(removal_of(1, 1, 0), ERR_FORMAT);
    CHECK_INT(removal_of(1, 0, 1), ERR_FORMAT);
    CHECK_INT(removal_of(1, 0, REMOVAL_SIZE_MAX), ERR_FORMAT);
}

TEST(credit_is_bounded_and_says_how_much_is_there_or_nothing)
{
    uint32_t bytes;
    uint64_t there;
    begin();
    put_object_there(&out, OBJECT_CREDIT_MAX, 5);
    CHECK_INT(read_object_there(buf_bytes(&out), &bytes, &there), 0);
    CHECK(bytes == OBJECT_CREDIT_MAX && there == 5);
    begin();
    put_object_credit(&out, 3);
    CHECK_INT(read_object_there(buf_bytes(&out), &bytes, &there), 0);
    CHECK_INT(there, 0);
    begin();
    put_object_there(&out, 3, 0);
    CHECK_INT(read_object_there(buf_bytes(&out), &bytes, &there), ERR_FORMAT);
    begin();
    put_object_there(&out, OBJECT_CREDIT_MAX + 1, 5);
    CHECK_INT(read_object_there(buf_bytes(&out), &bytes, &there), ERR_FORMAT);
}

TEST_MAIN(a_reference_is_of_eight_digits_and_more, one_word_behind_a_get_asks_for_the_list_itself,
          a_removal_comes_with_who_signed_one, a_removal_is_signed_alone_and_names_somebody,
          credit_is_bounded_and_says_how_much_is_there_or_nothing)
