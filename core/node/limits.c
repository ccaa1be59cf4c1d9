#include "core/node/limits.h"

#include "core/base/instant.h"
#include "core/job/pool.h"
#include "core/node/state.h"

const struct node_limits node_limits_usual = {
    .report_us = 25 * MS_US,
    .coalesce_us = 5 * MS_US,
    .commit_us = 5 * MS_US,
    .collect_us = 200 * MS_US,
    .chunk_us = POOL_CHUNK_GOAL_US,
    .round_us = 50 * MS_US,
    .news_us = 20 * MS_US,
    .forward_us = 2 * S_US,
    .merge_us = 5 * S_US,
    .patience_us = 2 * S_US,
    .check_us = 10 * S_US,
    .check_round_s = 6 * 3600,
    .sound_us = 600 * S_US,
    .no_room_us = 60 * S_US,
    .owners_us = 600 * S_US,
    .report_bytes = 45056,
    .batch_bytes = 57344,
    .frame_bytes = 49152,
    .page_bytes = 49152,
    .unkept_bytes = 16u << 20,
    .account_bytes = 32u << 20,
    .open_bytes = 256u << 20,
    .parcel_bytes = 128u << 20,
    .compact_bytes = 65536,
    .compact_us = MS_US,
    .round_jobs = 256,
    .waits = 65536,
    .waits_run = 64,
    .signatures = SEALED_MEMOS,
    .fruitless_jobs = 64,
    .acts = ACTS_MAX,
    .connections = NODE_CONNECTIONS_MAX,
};
