/* Where this process is among the control groups of its system: the folder of its group, from what
 * /proc/self/cgroup and /proc/self/mountinfo say. Both are foreign text: whatever does not fit is
 * no place.
 *
 * A line of the first is NUMBER:CONTROLLERS:PATH; version 2 has number 0 and no controllers. A line
 * of the second is ID PARENT DEVICE ROOT FOLDER OPTIONS ... - KIND SOURCE OPTIONS, with white space
 * in octal; in a container ROOT is the group that its FOLDER shows, and PATH lies below it.
 *
 * Pure; owns nothing. Called by cgroup.c and tests. */
#ifndef VELUM_HOST_CGROUP_PLACE_H
#define VELUM_HOST_CGROUP_PLACE_H

#include <stdbool.h>

#define CGROUP_PATH_SIZE 1024

struct cgroup_place {
    char group[CGROUP_PATH_SIZE];  /* PATH; "/" is the first of all that this process may see */
    char folder[CGROUP_PATH_SIZE]; /* absolute */
};

/* The group that this controller of version 1 has the process in; "": the group of version 2. False
 * where there is none, or no folder shows it. */
bool cgroup_place_find(const char *groups, const char *mounts, const char *controller,
                       struct cgroup_place *out);
/* Whether a list, separated by these characters, has this word; a line's end ends the list. */
bool cgroup_list_has(const char *list, const char *separators, const char *word);

#endif
