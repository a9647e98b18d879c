/* SPDX-License-Identifier: MIT */
/* shipped: manifests/ and templates/ as they were at the build, made by manifests/embed. */
#ifndef SPOOLGATE_MANIFEST_SHIPPED_H
#define SPOOLGATE_MANIFEST_SHIPPED_H

#include "manifest/files.h"

extern const struct manifest_files manifest_shipped;

#endif
