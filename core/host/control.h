/* The control socket of a node: how commands of the same user on the same machine reach it. Never
 * TCP; who connects is checked by the kernel's word (SO_PEERCRED): the node's own user, or root.
 *
 * A path may be longer than a socket address holds (107 bytes). The listener works from inside the
 * folder: it changes the working folder and comes back, and must do so before there are threads.
 * Who connects changes nothing of the process; for such a path it needs /proc. */
#ifndef VELUM_HOST_CONTROL_H
#define VELUM_HOST_CONTROL_H

/* A listening descriptor; an older socket there is replaced, because whoever listens holds the
 * state folder's lock. < 0 with a sentence. */
int control_listen(const char *path, char message[512]);
/* A connected descriptor, non-blocking. ERR_REFUSED for one that nobody listens on, ERR_NOT_FOUND,
 * ERR_PERMISSION, ERR_UNREACHABLE. Waits at most a second. */
int control_connect(const char *path);
/* 0, or ERR_PERMISSION when the other end is neither this user nor root. */
int control_check(int fd);

#endif
