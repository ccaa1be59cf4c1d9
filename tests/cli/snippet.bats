# Kernels that are given as C source, and expressions: through real nodes, and without any.

# shellcheck disable=SC2154
load lib.bash

# squares.c NAP_US [WHAT]: the sum of what it says of each i below N, and so long a nap each leaf.
squares() {
    cat <<C
#include "velum_kernel.h"
struct total { uint64_t sum; };
static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};
static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    uint64_t n;
    if (argc != 1 || host->parse_u64(argv[0], 1000000, &n) < 0 || n == 0)
        return velum_refuse(out, "N must be a whole number from 1 to 1000000");
    out->units = n;
    out->leaf_units = 1000;
    return 0;
}
static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct total *t = accumulator;
    uint64_t i;
    host->nap(host, $1);
    for (i = call->first; i < call->first + call->count; i++)
        t->sum += ${2:-i * i};
    return 0;
}
static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    ((struct total *)left)->sum += ((const struct total *)right)->sum;
}
static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    return host->put_u64(text, cap, ((const struct total *)accumulator)->sum);
}
VELUM_KERNEL(squares) = {
    VELUM_KERNEL_HEAD, .name = "squares", .usage = "N", .summary = "sum of the squares below N",
    .limits = "N from 1 to 1000000", .accumulator_size = sizeof(struct total),
    .fields = fields, .fields_count = 1,
    .plan = plan, .leaf = leaf, .merge = merge, .show = show,
};
C
}

needs_compiler() {
    run velum run -e i 1..2
    [ "$status" -eq 0 ] || skip "this velum compiles no C here: ${lines[0]}"
}

@test "a file of C is a kernel, without any node" {
    needs_compiler
    squares 0 >squares.c
    run --separate-stderr velum run squares.c 10000
    [ "$status" -eq 0 ]
    [ "$output" = 333283335000 ]
    [ "$(velum run --json --progress none squares.c 10 2>/dev/null | field kernel)" = squares ]
    run velum run squares.c 0
    [ "$status" -eq 2 ]
    [[ ${lines[0]} == *"N must be a whole number from 1 to 1000000" ]]
    [ "${lines[1]}" = "try: velum run squares.c N" ]
}

@test "a kernel that leaves the size of a leaf open has one of about a millisecond" {
    needs_compiler
    squares 0 | sed '/out->leaf_units = 1000;/d; s/host->nap(host, 0)/host->nap(host, call->count * 100)/' >open.c
    run --separate-stderr velum run --json --progress none open.c 1000
    [ "$status" -eq 0 ]
    size=$(field leaf_units <<<"$output")
    [ "$size" -ge 2 ] && [ "$size" -le 16 ]
    [ "$(field result <<<"$output")" = 332833500 ]
}

@test "what the compiler says is told by file and line" {
    needs_compiler
    squares 0 | sed 's/out->leaf_units = 1000;/out->leaf_units = 1000/' >bad.c
    run velum run bad.c 10
    [ "$status" -eq 2 ]
    [[ ${lines[0]} == "bad.c:1"[0-9]":"*"error: "* ]]
    ends_with_try
    run velum run none.c 10
    [ "$status" -eq 2 ]
    : >empty.c
    run velum run empty.c 10
    [ "$status" -eq 2 ]
}

@test "a job in C survives the loss of a node, and any node shows its result" {
    needs_compiler
    squares 20000 >squares.c
    survives_a_loss squares.c
}

@test "a node whose folder was named from where it was started computes what reads objects" {
    needs_compiler
    node a --data near --slots 1
    run -0 --separate-stderr velum run -e i 1..10
    [ "$output" = 55 ]
    velum run --progress none mandelbrot --size 30x20 -o near.png
    velum run --progress none --local mandelbrot --size 30x20 -o here.png
    cmp near.png here.png
}

@test "a division by zero in a leaf fails the job and names the leaf" {
    needs_compiler
    squares 0 'i / (call->first - 3000 ? 1 : 0)' >zero.c
    run velum run zero.c 10000
    [ "$status" -eq 1 ]
    [[ $output == *"leaf 3 ended its worker three times: the kernel died of SIGFPE"* ]]
    # Without a node nobody could be asked more of it.
    [[ ${lines[-1]} == "try: velum node, and run it there"* ]]
    node a
    run -1 velum run zero.c 10000
    [[ ${lines[-1]} == "try: velum logs "* ]]
}

@test "an expression of i is reduced as it is told" {
    needs_compiler
    mesh 1
    while IFS='|' read -r answer words; do
        eval "run --separate-stderr velum run -e $words"
        echo "$words: $output, not $answer"
        [ "$output" = "$answer" ]
    done <<'WORDS'
333833500|'i * i' 1..1000
2.9289682539682538|'1.0 / i' 1..10
-6|-i 1..3
32.5|'i * x[0] + x[1]' 0..9 0.5 1
98999945000000000000|'i * 1000000000000' 8999990..9000000 --leaf 1 --reduce sum
3|'(i - 5) * (i - 5) + 3' -10..20 --reduce min
5|'(i - 5) * (i - 5)' -10..20 --reduce argmin
0.30000000000000004|'i * 0.1' 1..3 --reduce max
142|'i % 7 == 0' 1..1000 --reduce count
100|i 1..100 --reduce xor
78|'i > 77' 0..100000 --reduce first
no match|'i > 1000' 0..1000 --reduce first
0.41956978951241553|'sin(i) * exp(-i)' 0..100
6|'cbrt(i) == 2 || exp2(i) == 8 || log2(i) == 2 || atan(i - 9) == 0 || pow(i, 2) == 25 || tan(i - 1) == 0' 1..100 --reduce count
WORDS
}

@test "an expression that cannot be is refused in words" {
    needs_compiler
    run velum run -e 'i +' 1..5
    [ "$status" -eq 2 ]
    [[ ${lines[0]} == "expression:"*"error: "* ]]
    run velum run -e 'i * 0.5' 1..5 --reduce xor
    [ "$status" -eq 2 ]
    [[ $output == *"xor is of whole numbers"* ]]
    run velum run -e i 5
    [ "$status" -eq 2 ]
    run velum run -e i 5..1
    [ "$status" -eq 2 ]
    run -2 velum run -e 'i * x[0]' 1..5
    [[ $output == *"'x' undeclared"* ]]
    run velum run -e 'i * x[0]' 1..5 abc
    [ "$status" -eq 2 ]
    run velum run pi 1000 --reduce max
    [ "$status" -eq 2 ]
    run velum run -e 'i * 1000000000000000' 0..100000
    [ "$status" -eq 1 ]
    [[ $output == *"leaf "[0-9]*" "*"the sum of a leaf does not fit 64 bits"* ]]
}

@test "a snippet and the plugin of its source give the same bits, maths too" {
    needs_compiler
    command -v cc >/dev/null || skip "there is no cc here"
    squares 0 '(uint64_t)(1e15 * (sin(i) * exp(cos(i)) + pow(i, 0.3) + log(i + 1))) ^ strlen("four")' |
        sed '1a #include <math.h>\n#include <string.h>' >squares.c
    mkdir plugins
    velum cc squares.c -o plugins/squares.so >/dev/null
    node a --plugins "$FOLDER/plugins"
    snippet=$(digest_of --local squares.c 20000)
    [ "$(velum run --json --progress none squares 20000 2>/dev/null | field digest)" = "$snippet" ]
    [ "${#snippet}" = 64 ]
}

@test "map takes a file of C where it takes a kernel, with a node and without" {
    needs_compiler
    squares 0 >squares.c
    squares 0 wrong >bad.c
    printf '285\n332833500\n333328333350000\n' >answers
    velum map -k --progress none squares.c ::: 10 1000 100000 >local
    diff answers local
    run velum map --progress none squares.c ::: 10 0
    [ "$status" -eq 1 ]
    [[ $output == *"N must be a whole number from 1 to 1000000"* ]]
    run velum map --progress none bad.c ::: 10 1000
    [ "$status" -eq 2 ]
    [ "$(grep -c "^bad.c:20:.*error: 'wrong' undeclared" <<<"$output")" = 1 ]
    mesh 2 --slots 2
    velum map -k --progress none squares.c ::: 10 1000 100000 >there
    diff answers there
}

@test "a flow names files of C beside it as kernels" {
    needs_compiler
    mkdir of
    squares 0 >of/squares.c
    squares 0 'i + 1' >of/sums.c
    cat >of/it.flow <<'FLOW'
[each]
kernel = squares.c
foreach = 10 1000
args = {}
[both]
kernel = cat
inputs = each
[last]
kernel = sums.c
args = 2000
after = both
FLOW
    run --separate-stderr velum flow --progress none of/it.flow
    [ "$status" -eq 0 ]
    [ "$output" = 2001000 ]
    sed '/last/,$d' of/it.flow >of/both.flow
    velum flow --progress none of/both.flow 2>/dev/null >both
    [ "$(od -An -tu8 both | tr -s ' ')" = " 285 332833500" ]
    mesh 2 --slots 2
    velum flow --dry-run of/it.flow >table
    grep -q 'last *squares 2000' table
    velum flow --dot of/it.flow | grep -q 'squares 2000'
    [ "$(velum objects --json)" = '{"v":1,"objects":[]}' ]
    sed -i '/kernel = s/a tier = tcc' of/it.flow
    [ "$(velum flow --progress none of/it.flow 2>/dev/null)" = 2001000 ]
    velum flow --resume --progress none of/both.flow >both 2>/dev/null
    [ "$(od -An -tu8 both | tr -s ' ')" = " 285 332833500" ]
    run velum flow --resume --progress none of/both.flow
    [[ $output == *"3 of 3 stages were there already"* ]]
    sed -i 's/i + 1/wrong/' of/sums.c
    run velum flow --progress none of/it.flow
    [ "$status" -eq 2 ]
    [[ ${lines[0]} == "of/sums.c:20:"*"error: 'wrong' undeclared" ]]
    sed -i 's/sums.c/none.c/' of/it.flow
    run velum flow --progress none of/it.flow
    [[ ${lines[0]} == *"of/it.flow line "*': kernel cannot be "none.c"; allowed is '* ]]
}

@test "flow --resume: a stage whose leaf size a trial found is not run again" {
    needs_compiler
    mesh 1 --slots 2
    squares 'call->count * 80' | sed 's/leaf_units = 1000/leaf_units = 0/' >squares.c
    printf '[a]\nkernel = squares.c\nargs = 100\n[b]\nkernel = cat\ninputs = a\n' >a.flow
    velum flow --resume --progress none a.flow >first
    # 12 units are about a millisecond, so trials often differ.
    for _ in 1 2 3 4 5 6 7 8; do
        run -0 --separate-stderr velum flow --resume --progress none a.flow
        [[ $stderr == *"2 of 2 stages were there already"* ]]
    done
    velum flow --resume --progress none a.flow 2>/dev/null | cmp - first
    sed -i 's/args = 100/args = 101/' a.flow
    run -0 --separate-stderr velum flow --resume --progress none a.flow
    [[ $stderr == *"0 of 2 stages were there already"* ]]
}

@test "a result whose source was removed is shown once that is put again" {
    needs_compiler
    mesh 1
    squares 0 >squares.c
    job=$(velum run -d squares.c 1000)
    [ "$(velum wait "$job" 2>/dev/null)" = 332833500 ]
    velum rm "$(velum put squares.c 2>/dev/null)"
    run -2 velum result "$job"
    [[ $output == *"its source "*" is not to be had from any node"* ]]
    [[ ${lines[-1]} == "try: velum put FILE.c"* ]]
    velum put squares.c >/dev/null 2>&1
    [ "$(velum result "$job")" = 332833500 ]
}

# The machine's own compiler, on a node that has a cage for it.
needs_builder() {
    needs_compiler
    mesh 1 --slots 2
    velum nodes --json | grep -q '"builds=c"' || skip "this node's machine builds no C"
}

# burn.c: as squares.c, with a function to call that takes its time.
burning() {
    squares 0 "$1" | sed '/^static int plan/i \
static uint64_t burn(uint64_t i) { volatile uint64_t x = i; int k; for (k = 0; k < 300; k++) x = x * 3 + 1; return x; }\
#ifdef __TINYC__\
#define ODD 1\
#else\
#define ODD 2\
#endif'
}

built_count() { find "$VELUM_HOME" -path '*/built/*.so' | wc -l; }
is_built() { [ "$(built_count)" -eq 1 ]; }

@test "what the machine's compiler builds takes the place of libtcc's code and gives its bits" {
    needs_builder
    burning 'burn(i) % 1000' >burn.c
    run --separate-stderr velum run burn.c 1000000 --tier tcc
    [ "$status" -eq 0 ]
    answer=$output
    [ "$(built_count)" -eq 0 ]
    run --separate-stderr velum run burn.c 1000000
    [ "$output" = "$answer" ]
    until_true 30 is_built
    run --separate-stderr velum run burn.c 1000000
    [ "$output" = "$answer" ]
    run --separate-stderr velum run burn.c 1000000 --tier cc
    [ "$output" = "$answer" ]
    run velum run pi 1000 --tier cc
    [ "$status" -eq 2 ]
    ends_with_try
}

@test "what the machine's compiler refuses fails where nothing else is wanted, and says why" {
    needs_builder
    { squares 0 && printf '#ifndef __TINYC__\n#error no such luck\n#endif\n'; } >refused.c
    run --separate-stderr velum run refused.c 1000
    [ "$output" = 332833500 ]
    run --separate-stderr velum run refused.c 1000 --tier cc
    [ "$status" -ne 0 ]
    [[ $stderr == *"it refuses the source"*"no such luck"* ]]
}

@test "a node builds nothing where its settings say so" {
    needs_builder
    printf '[node]\nbuild = no\n' >no.conf
    node x --config no.conf
    velum nodes --json --addr "127.0.0.1:$PORT_x" | tr '{' '\n' | grep '"name":"x"' >x.json
    grep -q '"compiles=c"' x.json
    [ "$(grep -c '"builds=c"' x.json)" -eq 0 ]
}

@test "where the two compilers differ a job stays with the one in velum" {
    needs_builder
    burning 'burn(i) * 0 + i * ODD' >odd.c
    run --separate-stderr velum run odd.c 1000 --tier cc
    [ "$output" = 999000 ]
    run --separate-stderr velum run odd.c 1000000
    [ "$status" -eq 0 ]
    [ "$output" = 499999500000 ]
    [[ $stderr == *"libtcc's code only: on "*"'s code gives another value of leaf "* ]]
    job=$(awk '{ print $2; exit }' <<<"${stderr_lines[0]}")
    [[ $(velum show "$job") == *"Tier"*"libtcc's code only: on "* ]]
    [[ $(velum show "$job" --json) == *'"tier":"libtcc'* ]]
    run velum logs "$(awk '{ print $2; exit }' <<<"${stderr_lines[0]}")"
    [[ $output == *"this machine's compiler and the one in velum give a leaf different values"* ]]
}

@test "where the two compilers differ later the job ends divergent and says what to try" {
    needs_builder
    # Ten times as long, so that the build is there before that leaf on a busy machine too.
    burning 'burn(i) * 0 + i * (i < 300000 ? 1 : ODD)' | sed 's/k < 300;/k < 3000;/' >late.c
    run velum run late.c 1000 --tier cc
    [ "$status" -eq 0 ]
    run --separate-stderr velum run late.c 1000000
    [ "$status" -ne 0 ]
    [ -z "$output" ]
    [[ $stderr == *"ended divergent: on "*" the tiers tcc and cc give leaf "*" two values: try --tier tcc"* ]]
    [[ $stderr == *"try: --tier tcc"* ]]
    run --separate-stderr velum run late.c 1000000 --tier tcc
    [ "$output" = 499999500000 ]
}

@test "leaves are computed again on another node, and one that differs ends the job by name" {
    needs_compiler
    squares 1000 >squares.c
    squares 1000 'i + (uint64_t)(uintptr_t)&i' >liar.c
    mesh 2 --slots 1
    run --separate-stderr velum run --check 100 squares.c 40000
    [ "$status" -eq 0 ]
    [ "$output" = 21332533340000 ]
    # shellcheck disable=SC2154
    [[ $stderr == *"40 of 40 leaves were checked on another node"* ]]
    run --separate-stderr velum run --check 100 liar.c 40000
    [ "$status" -eq 1 ]
    [[ $stderr == *"ended divergent: lea"*" came to one value on "*" and to another on "*"--on node="* ]]
    run --separate-stderr velum run --check 100 --local squares.c 2000
    [ "$status" -eq 0 ]
    [[ $stderr == *"2 leaves could not be checked: no other node that can compute them did"* ]]
    run --separate-stderr velum map --check 100 -k squares.c ::: 2000 40000
    [ "$status" -eq 0 ]
    [ "$output" = 2664667000$'\n'21332533340000 ]
    [[ $stderr == *"2 inputs done in "*"42 leaves were checked on another node"* ]]
    run --separate-stderr velum map --check 100 liar.c ::: 40000
    [ "$status" -eq 1 ]
    [[ $stderr == *"input 1, liar.c 40000: "*" came to one value on "*" and to another on "* ]]
}
