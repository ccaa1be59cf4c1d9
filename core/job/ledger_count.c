/* Who counted which leaves: what the ledger writes into its account. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/job/ledger_inside.h"

/* The first numbers of `of` that are leaves, all of one stage. */
static bool first_leaf(const struct ledger *l, struct run of, struct run *part)
{
    const struct shape *shape = &l->graph.shape;
    struct shape_stage in;
    uint32_t stage;

#if VELUM_PLANT == 474 /* unit/test_ledger_stages: numbers between two stages are named too */
    *part = of;
    return of.first < of.end;
#endif
    (void)shape_find(shape, of.first, &stage);
    if (stage == shape_count(shape))
        return false;
    in = shape_at(shape, stage);
    part->first = of.first > in.first ? of.first : in.first;
    part->end = of.end < in.end ? of.end : in.end;
    return part->first < part->end;
}

/* The first of them that are neighbours, of however many stages. */
static bool leaf_part(const struct ledger *l, struct run of, struct run *part)
{
    struct run next;

    if (!first_leaf(l, of, part))
        return false;
    while (first_leaf(l, (struct run){part->end, of.end}, &next) && next.first == part->end)
        part->end = next.end;
    return true;
}

/* The first leaves of `of` that the cover has. What is covered are leaves, so where they are
 * neighbours nothing lies between them. */
static bool covered_part(const struct ledger *l, struct run of, struct run *part)
{
    uint64_t hole, hole_end;
    struct run first;
    if (l->cover && of.end > cover_end(l->cover))
        of.end = cover_end(l->cover);
    while (l->cover && first_leaf(l, of, &first)) {
        part->first = first.first;
        part->end = cover_covered_to(l->cover, first.first, of.end);
        if (part->end > part->first)
            return true;
        if (!cover_gap(l->cover, first.first, &hole, &hole_end) || hole_end >= of.end)
            return false;
        of.first = hole_end;
    }
    return false;
}

static bool is_search(const struct ledger *l)
{
    return l->spec.stage.reduction == REDUCE_SEARCH;
}

/* Behind the last leaf of all that the result is made of. */
static uint64_t ledger_end(const struct ledger *l)
{
    if (is_search(l) && l->shown.state == JOB_DONE)
        return spec_leaves_of(&l->spec.stage, l->shown.accumulator);
    return l->cover ? cover_end(l->cover) : l->graph.shape.end;
}

/* A search has one stage, which begins at 0. */
uint64_t ledger_leaves(const struct ledger *l)
{
    return is_search(l) ? ledger_end(l) : l->graph.shape.leaves;
}

/* Before it leaves may get a name. Those behind the match of a search that were counted before it
 * was known keep theirs until there is a result: the account of a job that fails takes what others
 * say, and nobody must be named for a leaf a second time. */
static uint64_t naming_end(const struct ledger *l)
{
    return l->shown.state != 0 && l->shown.state != JOB_DONE ? l->graph.shape.end : ledger_end(l);
}

static int name_part(struct ledger *l, struct node_id author, struct run part,
                     struct runset *gained)
{
    int rc = account_reserve(&l->account);
    if (rc == 0 && gained)
        rc = runset_add(gained, part.first, part.end);
    return rc < 0 ? rc : account_add(&l->account, author, part);
}

bool ledger_nameless(const struct ledger *l, uint64_t at, struct run *part)
{
    struct run gap;
    while (account_gap(&l->account, at, naming_end(l), &gap)) {
        if (covered_part(l, gap, part))
            return true;
        at = gap.end;
    }
    return false;
}

int ledger_name_leaves(struct ledger *l, struct node_id author, struct run of, enum naming naming,
                       struct runset *gained)
{
    int result = LEDGER_KNOWN;
    struct run gap, part;
#if VELUM_PLANT != 514 /* unit/test_ledger_search: leaves behind the match are named */
    if (naming != NAMING_OWN && of.end > naming_end(l))
        of.end = naming_end(l);
#endif
    while (account_gap(&l->account, of.first, of.end, &gap)) {
#if VELUM_PLANT == 216 /* unit/test_account: leaves are named that no value covers */
        naming = NAMING_TOLD;
#endif
        if (naming == NAMING_COVERED ? !covered_part(l, gap, &part) : !leaf_part(l, gap, &part)) {
            of.first = gap.end;
            continue;
        }
        int rc = name_part(l, author, part, gained);
        if (rc == ERR_FULL)
            break;
        if (rc < 0)
            return rc;
        result = LEDGER_NEW;
        of.first = part.end;
    }
    return result;
}

bool ledger_has_names(const struct ledger *l, const struct partial *p)
{
    struct run gap;
    if (l->shown.state == 0 || p->count > 0 || p->compute_us > 0 || p->stage != 0 ||
        p->upto > l->graph.shape.end)
        return false;
#if VELUM_PLANT == 507 /* unit/test_account: of names only the first leaf is looked for */
    return !account_gap(&l->account, p->from, p->from + 1, &gap);
#else
    return !account_gap(&l->account, p->from, p->upto, &gap);
#endif
}

/* Leaves that are covered and that nobody is named for. */
static uint64_t count_nameless(const struct ledger *l)
{
    struct run part = {0, 0};
    uint64_t sum = 0;
    while (ledger_nameless(l, part.end, &part))
        sum += part.end - part.first;
    return sum;
}

/* What is covered and not named keeps its place: nobody knows any more who counted it. Where there
 * is no room for that, it is counted at least. Without memory for either it has no place. */
void ledger_name_rest(struct ledger *l)
{
    (void)ledger_name_leaves(l, (struct node_id){0}, (struct run){0, l->graph.shape.end},
                             NAMING_COVERED, NULL);
    uint64_t nameless = count_nameless(l);
    if (nameless > 0)
        (void)account_join(&l->account, nameless);
}

uint64_t ledger_named(const struct ledger *l, uint64_t first, uint64_t end)
{
    return account_overlap(&l->account, first, end);
}

const struct account *ledger_account(const struct ledger *l)
{
    return &l->account;
}

size_t ledger_account_bytes(const struct ledger *l)
{
    return account_bytes(&l->account);
}

bool ledger_account_is_joined(const struct ledger *l)
{
    return l->account.joined;
}

bool ledger_account_is_whole(const struct ledger *l)
{
    return account_leaves(&l->account) >= ledger_leaves(l);
}

int ledger_account_join(struct ledger *l)
{
    uint64_t named = account_leaves(&l->account), rest = 0;
    ensure(!l->cover);
#if VELUM_PLANT != 405 /* unit/test_account: what was not named yet is lost when runs are joined */
    /* A result was made of all leaves; whoever names the others comes too late from now on. */
    if (l->shown.state == JOB_DONE && named < ledger_leaves(l))
        rest = ledger_leaves(l) - named;
#endif
    return account_join(&l->account, rest);
}

void ledger_account_tighten(struct ledger *l)
{
    account_tighten(&l->account);
}
