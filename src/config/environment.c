/* SPDX-License-Identifier: MIT */
/* What the process's environment and the machine say. */
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

struct err config_load_environment(struct config *c)
{
    const char *url = getenv("DATABASE_URL");
    if (url && *url)
        TRY(config_override(c, "database", url));
    for (const struct config_key *k = config_keys; k->path; k++) {
        const char *value = k->environment ? getenv(k->environment) : NULL;
        if (!value || !*value)
            continue;
        struct err e = config_override(c, k->path, value);
        if (err_is(&e))
            return err_make(ERR_CONFIG, "environment %s: %s", k->environment, e.text);
    }
    return ERR_OK;
}

unsigned config_loaders(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (c->loaders > 0)
        return (unsigned)c->loaders;
    return cores < 1 ? 1 : cores > CONFIG_LOADERS_MAX ? CONFIG_LOADERS_MAX : (unsigned)cores;
}
