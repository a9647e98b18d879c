/* SPDX-License-Identifier: MIT */
/* What one configuration has that another hasn't: for reloads, and for what people are told. */
#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* ---- copies ---- */

static bool is_own_string(const struct config_key *key)
{
    return config_is_string(key) && !config_gate_key(key);
}

static char **string_at(const struct config_key *key, struct config *c)
{
    return (char **)(void *)((char *)c + key->offset);
}

struct config *config_copy(const struct config *c)
{
    struct config *copy = mem_alloc(sizeof *copy);
    *copy = *c;
    for (const struct config_key *k = config_keys; k->path; k++)
        if (is_own_string(k))
            *string_at(k, copy) = mem_strdup(*string_at(k, copy));
    copy->gate_cap = c->gate_count;
    copy->gates = mem_calloc(c->gate_count, sizeof *copy->gates);
    for (size_t i = 0; i < c->gate_count; i++)
        copy->gates[i] = c->gates[i];
    return copy;
}

void config_delete(struct config *c)
{
    if (c)
        config_free(c);
    free(c);
}

static size_t width_of(const struct config_key *key)
{
    return key->type == CONFIG_REJECTS ? sizeof(struct reject_limit) : sizeof(uint64_t);
}

void config_keep_running(struct config *c, const struct config *running)
{
    for (const struct config_key *k = config_keys; k->path; k++) {
        if (!k->at_start)
            continue;
        if (is_own_string(k)) {
            char **string = string_at(k, c);
            free(*string);
            *string = mem_strdup(*(char *const *)(const void *)((const char *)running + k->offset));
        } else {
            memcpy((char *)c + k->offset, (const char *)running + k->offset, width_of(k));
        }
    }
}

/* ---- values ---- */

static void put_rejects(const struct reject_limit *limit, struct buf *out)
{
    if (limit->is_percent)
        buf_printf(out, "%g%%", (double)limit->count / 1e4);
    else
        buf_printf(out, "%" PRIu64, limit->count);
}

void config_value(const struct config_key *key, const void *base, struct buf *out)
{
    const void *field = (const char *)base + key->offset;
    uint64_t number;
    if (config_is_string(key)) {
        buf_str(out, *(char *const *)field);
        return;
    }
    if (key->type == CONFIG_REJECTS) {
        put_rejects(field, out);
        return;
    }
    memcpy(&number, field, sizeof number);
    if (key->type == CONFIG_ENUM)
        buf_str(out, key->names[number]);
    else if (number == 0 && strcmp(key->fallback, "auto") == 0)
        buf_str(out, "auto");
    else if (key->type == CONFIG_SIZE)
        str_put_size(out, number);
    else if (key->type == CONFIG_DURATION)
        str_put_duration(out, (int64_t)number);
    else
        buf_printf(out, "%" PRIu64, number);
}

/* ---- differences ---- */

struct comparison {
    config_tell_fn *tell;
    void *context;
    size_t count;
};

static void compare_key(struct comparison *c, const struct config_key *key, const char *path,
                        const void *from, const void *to)
{
    struct buf old = {0};
    struct buf new = {0};
    config_value(key, from, &old);
    config_value(key, to, &new);
    if (strcmp(buf_cstr(&old), buf_cstr(&new)) != 0) {
        struct config_change change = {path, key, buf_cstr(&old), buf_cstr(&new)};
        c->count++;
        if (c->tell)
            c->tell(c->context, &change);
    }
    buf_free(&old);
    buf_free(&new);
}

static void compare_gate(struct comparison *c, const char *gate, const struct config *from,
                         const struct config *to)
{
    for (const struct config_key *k = config_keys; k->path; k++) {
        char path[128];
        const char *name = config_gate_key(k);
        if (!name)
            continue;
        (void)snprintf(path, sizeof path, "gates.%s.%s", gate, name);
        compare_key(c, k, path, config_gate(from, gate), config_gate(to, gate));
    }
}

static bool has_gate(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->gate_count; i++)
        if (strcmp(c->gates[i].name, name) == 0)
            return true;
    return false;
}

/* Its folder is made, or it falls to the default gate's settings: news even where they are equal.
 */
static void compare_presence(struct comparison *c, const char *gate, bool was, bool is)
{
    char path[128];
    static const char *const words[] = {"(not named)", "(named)"};
    if (was == is)
        return;
    (void)snprintf(path, sizeof path, "gates.%s", gate);
    struct config_change change = {path, NULL, words[was], words[is]};
    c->count++;
    if (c->tell)
        c->tell(c->context, &change);
}

size_t config_compare(const struct config *from, const struct config *to, config_tell_fn *tell,
                      void *context)
{
    struct comparison c = {.tell = tell, .context = context};
    for (const struct config_key *k = config_keys; k->path; k++)
        if (!config_gate_key(k))
            compare_key(&c, k, k->path, from, to);
    compare_gate(&c, SPOOL_DEFAULT_GATE, from, to);
    for (size_t i = 0; i < from->gate_count; i++) {
        const char *gate = from->gates[i].name;
        compare_presence(&c, gate, true, has_gate(to, gate));
        compare_gate(&c, gate, from, to);
    }
    for (size_t i = 0; i < to->gate_count; i++) {
        const char *gate = to->gates[i].name;
        if (has_gate(from, gate))
            continue;
        compare_presence(&c, gate, false, true);
        compare_gate(&c, gate, from, to);
    }
    return c.count;
}
