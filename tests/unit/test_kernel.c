#include "core/kernel/kernel.h"

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/kernel/accumulator.h"
#include "core/wire/found.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"

struct small {
    uint64_t count;
    double real[2];
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct small, count, VELUM_U64, 1),
    VELUM_FIELD(struct small, real, VELUM_F64, 2),
};

/* What the calls of the fake kernel do; a test changes it first. */
static struct velum_plan answer;
static int answer_rc;
static const char *answer_reason;

static int fake_plan(const struct velum_host *host, int argc, const char *const *argv,
                     struct velum_plan *out)
{
    (void)argc;
    (void)argv;
    CHECK_INT(host->size, sizeof(struct velum_host));
    CHECK_INT(out->params_cap, PARAMS_SIZE_MAX);
    out->units = answer.units;
    out->leaf_units = answer.leaf_units;
    out->params_size = answer.params_size;
    return answer_reason ? velum_refuse(out, answer_reason) : answer_rc;
}

static int fake_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct small *s = accumulator;
    (void)host;
    CHECK(s->count == 0 && s->real[0] == 0 && s->real[1] == 0);
    s->count = call->count;
    s->real[1] = (double)call->first;
    return answer_reason ? velum_fail(call, answer_reason) : answer_rc;
}

static void fake_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                       const void *right)
{
    (void)host;
    (void)call;
    struct small *l = left;
    const struct small *r = right;
    l->count = l->count * 10 + r->count;
}

static int fake_show(const struct velum_host *host, const struct velum_call *call,
                     const void *accumulator, char *text, size_t cap)
{
    (void)call;
    CHECK_INT(cap, SHOW_SIZE_MAX);
    return answer_rc ? answer_rc
                     : host->put_u64(text, cap, ((const struct small *)accumulator)->count);
}

static struct velum_kernel fake(void)
{
    answer = (struct velum_plan){.units = 1, .leaf_units = 1};
    answer_rc = 0;
    answer_reason = NULL;
    return (struct velum_kernel){
        .abi = VELUM_ABI,
        .size = sizeof(struct velum_kernel),
        .source = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF",
        .name = "fake",
        .usage = "N",
        .summary = "a fake",
        .limits = "anything",
        .accumulator_size = sizeof(struct small),
        .fields = fields,
        .fields_count = 2,
        .plan = fake_plan,
        .leaf = fake_leaf,
        .merge = fake_merge,
        .show = fake_show,
    };
}

TEST(test_table)
{
    REQUIRE(kernel_table[0]);
    for (size_t i = 0; kernel_table[i]; i++) {
        char reason[REASON_SIZE] = "";
        int rc = kernel_check(kernel_table[i], reason);
        /* Test programs may be built without digests. */
        CHECK(rc == 0 || strstr(reason, "digest"));
        CHECK(kernel_find(kernel_table[i]->name) == kernel_table[i]);
        if (i > 0)
            CHECK(strcmp(kernel_table[i - 1]->name, kernel_table[i]->name) < 0);
    }
    CHECK(kernel_find("nonsense") == NULL);
    CHECK(kernel_find("") == NULL);
}

TEST(test_did_you_mean)
{
    CHECK_STR(kernel_nearest("pu"), "pi");
    CHECK_STR(kernel_nearest("ip"), "pi");
    CHECK_STR(kernel_nearest("pii"), "pi");
    CHECK(kernel_nearest("kaleidoscope") == NULL);
    CHECK(kernel_nearest("") == NULL);
    CHECK(kernel_nearest("xy") == NULL);
    char longest[300];
    memset(longest, 'p', sizeof longest);
    longest[299] = '\0';
    CHECK(kernel_nearest(longest) == NULL);
}

TEST(test_source)
{
    struct velum_kernel k = fake();
    static const uint8_t start[4] = {0x01, 0x23, 0x45, 0x67};
    CHECK_MEM(kernel_source(&k).bytes, start, 4);
    k.source = "not a digest";
    CHECK(digest_equal(kernel_source(&k), sha256_of("not a digest", 12)));
}

static void check_bad(const struct velum_kernel *k, const char *words)
{
    char reason[REASON_SIZE] = "";
    CHECK_INT(kernel_check(k, reason), ERR_KERNEL);
    if (!CHECK(strstr(reason, words) != NULL))
        printf("# \"%s\" has no \"%s\"\n", reason, words);
}

TEST(test_check_finds_each_fault)
{
    char reason[REASON_SIZE];
    char longest[400];
    struct velum_kernel k = fake();
    CHECK_INT(kernel_check(&k, reason), 0);
    k.abi = 2;
    check_bad(&k, "ABI 2, and this velum has ABI 1");
    k = fake(), k.size = 8;
    check_bad(&k, "smaller");
    k = fake(), k.name = "Fake";
    check_bad(&k, "name");
    k = fake(), k.name = NULL;
    check_bad(&k, "name");
    memset(longest, 'x', sizeof longest);
    k = fake(), k.summary = longest;
    check_bad(&k, "summary");
    k = fake(), k.limits = NULL;
    check_bad(&k, "limits");
    k = fake(), k.source = "";
    check_bad(&k, "digest");
    k = fake(), k.accumulator_size = 0;
    check_bad(&k, "accumulator");
    k = fake(), k.accumulator_size = VELUM_ACCUMULATOR_MAX + 1;
    check_bad(&k, "accumulator");
    k = fake(), k.accumulator_size = 23;
    check_bad(&k, "field real lies outside");
    k = fake(), k.fields = NULL;
    check_bad(&k, "fields");
    k = fake(), k.fields_count = 65;
    check_bad(&k, "fields");
    k = fake(), k.show = NULL;
    check_bad(&k, "missing");
    k = fake(), k.needs = 1;
    check_bad(&k, "needs");
    k = fake(), k.memory = VELUM_MEMORY_MAX + 1;
    check_bad(&k, "memory");
    struct velum_field odd = {"odd", 99, 1, 0};
    k = fake(), k.fields = &odd, k.fields_count = 1;
    check_bad(&k, "unknown type");
    odd = (struct velum_field){"odd", VELUM_U64, UINT32_MAX, UINT32_MAX};
    check_bad(&k, "outside");
    odd = (struct velum_field){"odd", VELUM_U8, 0, 0};
    check_bad(&k, "outside");
    static struct velum_field same[60];
    for (int i = 0; i < 60; i++)
        same[i] = (struct velum_field){"same", VELUM_U8, 100, 0};
    k = fake(), k.fields = same, k.fields_count = 60, k.accumulator_size = 100;
    check_bad(&k, "overlap");
}

static int collect_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    CHECK(accumulator == NULL);
    return host->emit(host, "x", 1) < 0 ? velum_fail(call, "no room") : 0;
}

/* Tells what the host says of its inputs as the number of units. */
static int sizes_plan(const struct velum_host *host, int argc, const char *const *argv,
                      struct velum_plan *out)
{
    uint64_t size = 99;
    (void)argc;
    (void)argv;
    for (uint32_t i = 0; i < host->inputs(host); i++) {
        CHECK(host->input(host, i, &size) == NULL);
        out->units = out->units * 100 + size;
    }
    CHECK(host->input(host, host->inputs(host), &size) == NULL);
    CHECK_INT(size, 0);
    CHECK(host->emit(host, "x", 1) < 0);
    out->leaf_units = answer.leaf_units;
    return 0;
}

static struct velum_kernel collecting(void)
{
    struct velum_kernel k = fake();
    k.reduce = VELUM_COLLECT;
    k.accumulator_size = k.fields_count = 0;
    k.fields = NULL;
    k.merge = NULL;
    k.show = NULL;
    k.leaf = collect_leaf;
    return k;
}

TEST(test_check_of_a_kernel_that_collects)
{
    char reason[REASON_SIZE];
    struct velum_kernel k = collecting();
    CHECK_INT(kernel_check(&k, reason), 0);
    k.files_from = ARGS_COUNT_MAX;
    CHECK_INT(kernel_check(&k, reason), 0);
    k.files_from = ARGS_COUNT_MAX + 1;
    check_bad(&k, "64th");
    k = collecting(), k.then = "next";
    CHECK_INT(kernel_check(&k, reason), 0);
    k.then = "not a name";
    check_bad(&k, "what follows it");
    k = collecting(), k.reduce = 3;
    check_bad(&k, "reduction 3");
    k = collecting(), k.reduce = VELUM_FOLD;
    check_bad(&k, "accumulator is empty");
    k = collecting(), k.accumulator_size = 8;
    check_bad(&k, "it collects");
    k = collecting(), k.fields = fields;
    check_bad(&k, "it collects");
    k = collecting(), k.fields_count = 1;
    check_bad(&k, "it collects");
    k = collecting(), k.merge = fake_merge;
    check_bad(&k, "it collects");
    k = collecting(), k.show = fake_show;
    check_bad(&k, "it collects");
    k = collecting(), k.plan = NULL;
    check_bad(&k, "plan or leaf is missing");
    k = collecting(), k.leaf = NULL;
    check_bad(&k, "plan or leaf is missing");
}

TEST(test_calls_of_a_kernel_that_collects)
{
    static struct kernel_plan p;
    struct velum_kernel k = collecting();
    struct kernel_view v;
    char text[SHOW_SIZE_MAX], reason[REASON_SIZE] = "";
    uint8_t out[8];
    const struct bytes none = {0};
    CHECK_INT(kernel_accumulator_size(&k), 0);
    /* The plain host takes nothing. */
    CHECK_INT(kernel_leaf(&k, kernel_host_plain(), none, 0, 1, NULL, reason), ERR_KERNEL);
    CHECK_STR(reason, "no room");
    CHECK_INT(kernel_merge(&k, none, none, none, out), ERR_FORMAT);
    CHECK_INT(kernel_show(&k, none, none, text), ERR_FORMAT);
    answer.units = COLLECT_LEAVES_MAX;
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), 0);
    answer.units = COLLECT_LEAVES_MAX + 1;
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), ERR_ARGUMENT);
    CHECK(strstr(p.reason, "16384 leaves") != NULL);
    k.files_from = 3;
    kernel_describe(&k, ORIGIN_BUILTIN, &v);
    CHECK_STR(v.then, "");
    k.then = "next";
    kernel_describe(&k, ORIGIN_BUILTIN, &v);
    CHECK_STR(v.then, "next");
    CHECK(v.reduction == REDUCE_COLLECT && v.files_from == 3 && v.accumulator_size == 0);
    k.plan = sizes_plan;
    CHECK_INT(kernel_plan(&k, 0, NULL, 3, (uint64_t[]){1, 2, 3}, &p), 0);
    CHECK_INT(p.units, 10203);
}

TEST(test_manual)
{
    char reason[REASON_SIZE];
    static char longest[MANUAL_SIZE_MAX + 1];
    struct kernel_view v;
    struct velum_kernel k = fake();
    kernel_describe(&k, ORIGIN_PLUGIN, &v);
    CHECK_STR(v.manual, "");
    k.manual = "Parameters:\n  N\n";
    k.memory = 77;
    kernel_describe(&k, ORIGIN_PLUGIN, &v);
    CHECK_STR(v.manual, "Parameters:\n  N\n");
    CHECK_STR(v.limits, k.limits);
    CHECK_INT(v.memory, 77);
    memset(longest, 'x', MANUAL_SIZE_MAX);
    k.manual = longest;
    check_bad(&k, "its manual is over 4095 bytes");
    longest[MANUAL_SIZE_MAX - 1] = 0;
    CHECK_INT(kernel_check(&k, reason), 0);
    /* One that was built before there were manuals: what lies behind its struct is not its own. */
    k.size = offsetof(struct velum_kernel, manual);
    CHECK_INT(kernel_check(&k, reason), 0);
    CHECK_STR(kernel_manual(&k), "");
    k.size--;
    check_bad(&k, "smaller");
}

/* Whoever looks at one finds how it is called and what its arguments are. */
TEST(test_builtins_have_manuals)
{
    for (size_t i = 0; kernel_table[i]; i++) {
        const struct velum_kernel *k = kernel_table[i];
        if (!CHECK(strncmp(kernel_manual(k), "Parameters:\n", 12) == 0 &&
                   strstr(kernel_manual(k), "\nUnits:\n") &&
                   strstr(kernel_manual(k), "\nExample:\n  velum run ")))
            printf("# %s\n", k->name);
    }
}

/* Finds the units of which it is told, in the order in which it is told them. */
static uint64_t told_units[3];
static size_t told_count;

static int search_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct small *s = accumulator;
    (void)host;
    s->real[0] = 3; /* of no use unless something is found */
    for (size_t i = 0; i < told_count; i++)
        if (velum_match(call, told_units[i]))
            s->count = told_units[i] * 10;
    return 0;
}

static int search_show(const struct velum_host *host, const struct velum_call *call,
                       const void *accumulator, char *text, size_t cap)
{
    CHECK_INT(call->count, 1);
    CHECK_INT(((const struct small *)accumulator)->count, call->first * 10);
    return host->put_u64(text, cap, call->first);
}

static struct velum_kernel searching(void)
{
    struct velum_kernel k = fake();
    k.reduce = VELUM_SEARCH;
    k.merge = NULL;
    k.leaf = search_leaf;
    k.show = search_show;
    told_count = 0;
    return k;
}

TEST(test_check_of_a_kernel_that_searches)
{
    char reason[REASON_SIZE];
    struct velum_kernel k = searching();
    static struct velum_field wide = {"wide", VELUM_U8, VELUM_ACCUMULATOR_MAX - FOUND_HEAD, 0};
    CHECK_INT(kernel_check(&k, reason), 0);
    CHECK_INT(kernel_accumulator_size(&k), 8 + 24);
    k.merge = fake_merge;
    check_bad(&k, "must have no merge");
    k = searching(), k.fields = NULL;
    check_bad(&k, "no accumulator fields");
    k = searching(), k.show = NULL;
    check_bad(&k, "plan, leaf or show is missing");
    k = searching(), k.fields = &wide, k.fields_count = 1, k.accumulator_size = wide.count;
    CHECK_INT(kernel_check(&k, reason), 0);
    k.accumulator_size = ++wide.count;
    check_bad(&k, "4088 bytes");
}

/* One leaf, units 100 to 109, in which units match in some order: the lowest is its value. */
static int find(const struct velum_kernel *k, size_t count, uint64_t a, uint64_t b, uint8_t *out)
{
    char reason[REASON_SIZE] = "";
    told_count = count;
    told_units[0] = a, told_units[1] = b, told_units[2] = a;
    int rc = kernel_leaf(k, kernel_host_plain(), (struct bytes){0}, 100, 10, out, reason);
    CHECK(rc == 0 || strstr(reason, "outside its leaf") != NULL);
    return rc;
}

TEST(test_calls_of_a_kernel_that_searches)
{
    struct velum_kernel k = searching();
    const struct bytes none = {0};
    uint8_t a[32], b[32], out[32];
    char text[SHOW_SIZE_MAX];
    struct bytes low = {a, 32}, high = {b, 32};
    CHECK_INT(find(&k, 3, 105, 103, a), 0);
    CHECK_INT(find(&k, 3, 103, 105, b), 0);
    CHECK_MEM(a, b, 32);
    CHECK(found_unit(low) == 103 && load_u64(a + 8) == 1030);
    CHECK_INT(kernel_show(&k, none, low, text), 0);
    CHECK_STR(text, "103");
    CHECK_INT(find(&k, 1, 99, 0, a), ERR_KERNEL);
    CHECK_INT(find(&k, 1, 110, 0, a), ERR_KERNEL);
    CHECK_INT(find(&k, 1, 109, 0, a), 0);
    CHECK_INT(find(&k, 0, 0, 0, a), 0); /* what it wrote without a match is gone */
    CHECK(!found_matches(low) && found_is_value(low));
    CHECK_INT(kernel_show(&k, none, low, text), 0);
    CHECK_STR(text, KERNEL_NO_MATCH);
    CHECK_INT(kernel_merge(&k, none, low, high, out), 0);
    CHECK_MEM(out, b, 32);
    CHECK_INT(find(&k, 1, 101, 0, a), 0);
    CHECK_INT(kernel_merge(&k, none, low, high, b), 0); /* the left one, over the right one */
    CHECK_MEM(b, a, 32);
    CHECK_INT(kernel_merge(&k, none, low, (struct bytes){b, 31}, out), ERR_FORMAT);
    CHECK_INT(kernel_show(&k, none, (struct bytes){a, 31}, text), ERR_FORMAT);
}

TEST(test_where_files_begin)
{
    static const char *const args[] = {"-i", "-v", "--", "-x", "f", "g"};
    static const char *const plain[] = {"a", "-", "-b", "c"};
    CHECK_INT(kernel_files_at(2, 6, args), 4);
    CHECK_INT(kernel_files_at(1, 6, args), 3);
    CHECK_INT(kernel_files_at(3, 6, args), 5);
    CHECK_INT(kernel_files_at(4, 6, args), 6);
    CHECK_INT(kernel_files_at(64, 6, args), 6);
    CHECK_INT(kernel_files_at(2, 3, args), 3);
    CHECK_INT(kernel_files_at(1, 2, args), 2);
    CHECK_INT(kernel_files_at(0, 6, args), 6);
    CHECK_INT(kernel_files_at(2, 4, plain), 1);
    CHECK_INT(kernel_files_at(1, 3, plain + 1), 0);
    CHECK_INT(kernel_files_at(1, 2, plain + 2), 1);
    CHECK_INT(kernel_files_at(2, 0, NULL), 0);
}

/* An option that is a word has what it says behind it, or behind a =. */
TEST(test_options_with_words)
{
    static const char *const args[] = {"--size", "-5", "-v", "--way=x", "f", "g"};
    CHECK_INT(kernel_files_at(1, 6, args), 4);
    CHECK_INT(kernel_files_at(2, 6, args), 5);
    CHECK_INT(kernel_files_at(1, 1, args), 1);
    CHECK_INT(kernel_files_at(1, 2, args), 2);
    CHECK_INT(kernel_files_at(1, 3, args + 3), 1);
}

TEST(test_digests_of_the_table)
{
    const struct velum_host *host = kernel_host_plain();
    uint8_t out[64];
    char text[61] = "x";
    CHECK_INT(host->digest(host, VELUM_SHA256, "abc", 3, out), 0);
    CHECK(load_u64(out) == 0xeacf018fbf1678ba);
    CHECK_INT(host->digest(host, VELUM_SHA512, "abc", 3, out), 0);
    CHECK(load_u64(out) == 0xba7a6193a135afdd);
    CHECK_INT(host->digest(host, 3, "abc", 3, out), ERR_UNSUPPORTED);
    CHECK_INT(host->bcrypt(host, "abc", 3, "$2b$04$abcdefghijklmnopqrstuu", text), ERR_UNSUPPORTED);
    CHECK_STR(text, "");
}

TEST(test_plan_bounds)
{
    static struct kernel_plan p;
    struct velum_kernel k = fake();
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), 0);
    CHECK(p.units == 1 && p.leaf_units == 1 && p.params_size == 0);
    answer.units = 0;
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), ERR_ARGUMENT);
    CHECK(strstr(p.reason, "no work") != NULL);
    answer.units = LEAVES_MAX;
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), 0);
    answer.units = LEAVES_MAX + 1;
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), ERR_ARGUMENT);
    CHECK(strstr(p.reason, "2^40 leaves") != NULL);
    answer = (struct velum_plan){.units = 1, .leaf_units = 1, .params_size = 4097};
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), ERR_ARGUMENT);
    k = fake();
    answer_reason = "two\nlines\x1b[31m";
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), ERR_ARGUMENT);
    CHECK(strchr(p.reason, '\n') == NULL && strchr(p.reason, '\x1b') == NULL);
    answer_reason = "";
    CHECK_INT(kernel_plan(&k, 0, NULL, 0, NULL, &p), ERR_ARGUMENT);
    CHECK(strstr(p.reason, "without a reason") != NULL);
}

TEST(test_leaf_merge_show)
{
    struct velum_kernel k = fake();
    uint8_t a[24], b[24];
    char text[SHOW_SIZE_MAX], reason[REASON_SIZE] = "";
    const struct bytes left = {a, 24}, right = {b, 24}, none = {0};
    const struct velum_host *host = kernel_host_plain();
    CHECK_INT(kernel_accumulator_size(&k), 24);
    CHECK_INT(kernel_leaf(&k, host, none, 3, 7, a, reason), 0);
    CHECK_INT(kernel_leaf(&k, host, none, 10, 2, b, reason), 0);
    CHECK_INT(kernel_merge(&k, none, left, right, a), 0);
    CHECK_INT(kernel_show(&k, none, left, text), 0);
    CHECK_STR(text, "72");
    /* Into the right one as well. */
    CHECK_INT(kernel_merge(&k, none, left, right, b), 0);
    CHECK_INT(load_u64(b), 722);
    CHECK_INT(kernel_merge(&k, none, left, (struct bytes){b, 23}, a), ERR_FORMAT);
    CHECK_INT(kernel_show(&k, none, (struct bytes){a, 25}, text), ERR_FORMAT);
    answer_rc = -1;
    CHECK_INT(kernel_show(&k, none, left, text), ERR_KERNEL);
    CHECK_INT(kernel_leaf(&k, host, none, 3, 7, a, reason), ERR_KERNEL);
    CHECK_STR(reason, "the kernel failed without a reason");
    answer_reason = "no more paper";
    CHECK_INT(kernel_leaf(&k, host, none, 3, 7, a, reason), ERR_KERNEL);
    CHECK_STR(reason, "no more paper");
}

static char told[512];

static void tell(void *ctx, const char *name, uint32_t index, uint32_t count, const char *type,
                 const char *value)
{
    char line[128];
    (void)ctx;
    snprintf(line, sizeof line, "%s %u/%u %s %s;", name, index, count, type, value);
    text_append(told, sizeof told, line);
}

TEST(test_fields_are_told_exactly)
{
    struct velum_kernel k = fake();
    uint8_t raw[24];
    struct small s = {UINT64_MAX, {-3.5, 0.1}};
    accumulator_encode(&k, &s, raw);
    told[0] = '\0';
    CHECK_INT(kernel_fields(&k, (struct bytes){raw, 24}, tell, NULL), 0);
    CHECK_STR(told, "count 0/1 u64 18446744073709551615;real 0/2 f64 -0x1.cp+1;"
                    "real 1/2 f64 0x1.999999999999ap-4;");
    CHECK_INT(kernel_fields(&k, (struct bytes){raw, 8}, tell, NULL), ERR_FORMAT);
}

TEST(test_signed_fields)
{
    struct {
        int64_t wide;
        int32_t narrow;
        float single;
        uint8_t byte;
    } s = {INT64_MIN, INT32_MIN, 0.1f, 255};
    const struct velum_field own[] = {
        {"wide", VELUM_I64, 1, 0},
        {"narrow", VELUM_I32, 1, 8},
        {"single", VELUM_F32, 1, 12},
        {"byte", VELUM_U8, 1, 16},
    };
    struct velum_kernel k = fake();
    uint8_t raw[17];
    k.fields = own;
    k.fields_count = 4;
    k.accumulator_size = sizeof s;
    accumulator_encode(&k, &s, raw);
    told[0] = '\0';
    CHECK_INT(kernel_fields(&k, (struct bytes){raw, 17}, tell, NULL), 0);
    CHECK_STR(told, "wide 0/1 i64 -9223372036854775808;narrow 0/1 i32 -2147483648;"
                    "single 0/1 f32 0x1.99999ap-4;byte 0/1 u8 255;");
}

TEST(test_describe)
{
    struct kernel_view v;
    struct velum_kernel k = fake();
    kernel_describe(&k, ORIGIN_PLUGIN, &v);
    CHECK_STR(v.name, "fake");
    CHECK_STR(v.usage, "N");
    CHECK_STR(v.summary, "a fake; anything");
    CHECK_INT(v.origin, ORIGIN_PLUGIN);
    CHECK_INT(v.accumulator_size, 24);
    CHECK_STR(v.refused, "");
    CHECK_STR(v.path, "");
}

TEST(test_leaf_ranges)
{
    uint64_t first, count;
    kernel_leaf_range(10, 4, 0, &first, &count);
    CHECK(first == 0 && count == 4);
    kernel_leaf_range(10, 4, 2, &first, &count);
    CHECK(first == 8 && count == 2);
    kernel_leaf_range(UINT64_MAX, UINT64_MAX / 2, 2, &first, &count);
    CHECK(first == UINT64_MAX - 1 && count == 1);
}

TEST_MAIN(test_manual, test_builtins_have_manuals, test_table, test_did_you_mean, test_source,
          test_check_finds_each_fault, test_check_of_a_kernel_that_collects,
          test_calls_of_a_kernel_that_collects, test_check_of_a_kernel_that_searches,
          test_calls_of_a_kernel_that_searches, test_where_files_begin, test_options_with_words,
          test_digests_of_the_table, test_plan_bounds, test_leaf_merge_show,
          test_fields_are_told_exactly, test_signed_fields, test_describe, test_leaf_ranges)
