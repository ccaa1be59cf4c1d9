/* Whether this program was built with a sanitizer of addresses, which reserves terabytes of them
 * and makes helper processes: limits on workers are left out then. */
#ifndef VELUM_HOST_SANITIZER_H
#define VELUM_HOST_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER 1
#endif
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

#endif
