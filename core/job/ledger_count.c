/* Who counted which leaves: what the ledger writes into its account. */
#include "core/base/err.h"
#include "core/job/ledger_inside.h"

/* The first leaves of `of` that the cover has. */
static bool covered_part(const struct ledger *l, struct run of, struct run *part)
{
    uint64_t hole, hole_end;
    *part = of;
    while (l->cover && part->first < of.end) {
        if (!cover_gap(l->cover, part->first, &hole, &hole_end))
            return true;
        if (hole > part->first) {
            part->end = hole < of.end ? hole : of.end;
            return true;
        }
        part->first = hole_end;
    }
    return false;
}

static int name_part(struct ledger *l, struct node_id author, struct run part,
                     struct runset *gained)
{
    int rc = gained ? runset_add(gained, part.first, part.end) : 0;
    return rc < 0 ? rc : account_add(&l->account, author, part);
}

bool ledger_nameless(const struct ledger *l, uint64_t at, struct run *part)
{
    struct run gap;
    while (account_gap(&l->account, at, l->leaves, &gap)) {
        if (covered_part(l, gap, part))
            return true;
        at = gap.end;
    }
    return false;
}

int ledger_name_leaves(struct ledger *l, struct node_id author, struct run of, bool believed,
                       struct runset *gained)
{
    int result = LEDGER_KNOWN;
    struct run gap, part;
    while (account_gap(&l->account, of.first, of.end, &gap)) {
        part = gap;
#if VELUM_PLANT == 216 /* unit/test_account: leaves are named that no value covers */
        believed = true;
#endif
        if (!believed && !covered_part(l, gap, &part)) {
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
