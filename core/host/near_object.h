/* The file of an object at a node of this machine. A command that reaches a node by its control
 * socket is of the node's own user, or root, and may read what the node keeps; so the bytes need
 * not go through the node. What is read is not checked: whoever reads it checks the object's name
 * at the end, and asks the node where it is another's.
 *
 * The file is never written to once it is an object, and a node that sends the object does not let
 * go of it meanwhile; an open one is there until it is closed in any case. Called by ask.c. */
#ifndef VELUM_HOST_NEAR_OBJECT_H
#define VELUM_HOST_NEAR_OBJECT_H

#include <stdint.h>

#include "core/base/id.h"

/* A descriptor for reading, the caller's, of the object of a node with this control socket. < 0:
 * its file is not to be had, or not of this size. */
int near_object_open(const char *control, struct digest name, uint64_t size);

#endif
