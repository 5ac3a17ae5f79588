/* What is wrong with the certificate of a remote that libgit2 does not trust: it only says that it does not.
 */
#ifndef GITSYNC_CERTIFICATE_H
#define GITSYNC_CERTIFICATE_H

#include <stddef.h>

#include "zone/base/attr.h"

struct certificate_trouble {
    const char *why, *hint;
};

/* DER: the server's certificate. What is found first of: not valid yet, expired, for another name, of an
 * authority that is not trusted (that is what remains). */
struct certificate_trouble certificate_trouble(const void *der, size_t len, const char *host) NONNULL(1, 3);

#endif
