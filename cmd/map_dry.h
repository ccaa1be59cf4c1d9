/* `velum map --dry-run`: the commands that would run, one a line, as a shell reads them. Those that
 * the job log has done are left out, as the run would. Starts nothing and writes nothing. Called by
 * map.c. */
#ifndef VELUM_CMD_MAP_DRY_H
#define VELUM_CMD_MAP_DRY_H

#include "cmd/map_run.h"

/* `log` may be NULL. The process's exit code. */
int map_dry_run(struct map_inputs *inputs, const struct map_log *log, const struct map_task *task);

#endif
