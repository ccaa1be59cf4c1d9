/* What nodes say of themselves and seldom change, kept once for all who hold the same.
 *
 * A node that knows 16,384 others holds as many profiles of some 200 bytes each. A process that
 * runs many meshes, as the simulator does, gives them one store, and each profile is there once.
 * Profiles are immutable: whoever hears something else takes the new one and lets go of the old.
 * Owns the profiles; called by mesh, and made by it or by whoever shares one. */
#ifndef VELUM_MESH_PROFILES_H
#define VELUM_MESH_PROFILES_H

#include "core/base/alloc.h"
#include "core/mesh/mesh.h"

int profiles_new(struct profiles **out, const struct alloc *a);
/* Nobody may hold one any more. NULL is accepted. */
void profiles_free(struct profiles *t);
/* The profile that says this, with one more holder. NULL: out of memory. */
const struct profile *profiles_hold(struct profiles *t, const struct member_info *info);
/* NULL is accepted. */
void profiles_release(struct profiles *t, const struct profile *p);

#endif
