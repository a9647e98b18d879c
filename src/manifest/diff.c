/* SPDX-License-Identifier: MIT */
#include "manifest/diff.h"

#include <string.h>

#include "base/utf8.h"
#include "manifest/facts.h"

enum { VALUE_BYTES = 80 };

struct thing {
    const char *kind, *name;
};

static void put_value(struct buf *out, const char *value)
{
    size_t len = strlen(value);
    size_t at = 0;
    while (at < len) {
        size_t n = utf8_length((const uint8_t *)value + at, len - at);
        n += n == 0;
        if (at + n > VALUE_BYTES)
            break;
        if ((unsigned char)value[at] < 0x20 || value[at] == 0x7f)
            buf_byte(out, ' ');
        else
            buf_put(out, value + at, n);
        at += n;
    }
    if (at < len)
        buf_str(out, "…");
}

/* "stream metrics: column labels: " */
static void begin_line(struct buf *out, const struct thing *thing, const char *group)
{
    buf_printf(out, "%s %s: ", thing->kind, thing->name);
    put_value(out, group);
    buf_str(out, *group ? ": " : "");
}

static void put_line(struct buf *out, const struct thing *thing, const char *group,
                     const char *text)
{
    begin_line(out, thing, group);
    buf_printf(out, "%s\n", text);
}

static void diff_fact(const struct thing *thing, const char *group, const struct fact *old,
                      const struct fact *new, struct buf *out)
{
    bool is_same = strcmp(old->key, new->key) == 0 && strcmp(old->value, new->value) == 0;
    if (is_same && old->contents && strcmp(old->contents, new->contents) != 0) {
        begin_line(out, thing, group);
        put_value(out, new->value);
        buf_str(out, " changed\n");
    }
    if (is_same)
        return;
    begin_line(out, thing, group);
    buf_printf(out, "%s ", new->key);
    if (old->is_hidden || new->is_hidden) {
        buf_str(out, "changed\n");
        return;
    }
    put_value(out, old->value);
    buf_str(out, " → ");
    put_value(out, new->value);
    buf_str(out, "\n");
}

static const struct facts_group *find_group(const struct facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++)
        if (strcmp(facts->groups[i].name, name) == 0)
            return &facts->groups[i];
    return NULL;
}

static void diff_facts(const struct thing *thing, const struct facts *old, const struct facts *new,
                       struct buf *out)
{
    for (size_t i = 0; i < new->count; i++) {
        const struct facts_group *group = &new->groups[i];
        const struct facts_group *was = find_group(old, group->name);
        if (!was)
            put_line(out, thing, group->name, "added");
        for (size_t j = 0; was && j < group->count; j++)
            diff_fact(thing, group->name, &was->facts[j], &group->facts[j], out);
    }
    for (size_t i = 0; i < old->count; i++)
        if (!find_group(new, old->groups[i].name))
            put_line(out, thing, old->groups[i].name, "removed");
}

/* Where it has none of that name: its count. */
static size_t find_thing(const struct manifest *m, enum manifest_kind kind, const char *name)
{
    size_t i = 0;
    while (i < facts_count(m, kind) && strcmp(facts_name(m, kind, i), name) != 0)
        i++;
    return i;
}

static void diff_kind(const struct manifest *old, const struct manifest *new,
                      enum manifest_kind kind, struct buf *out)
{
    for (size_t i = 0; i < facts_count(new, kind); i++) {
        const struct thing thing = {manifest_kind_names[kind], facts_name(new, kind, i)};
        size_t was = find_thing(old, kind, thing.name);
        struct facts before = {0};
        struct facts after = {0};
        if (was == facts_count(old, kind)) {
            put_line(out, &thing, "", "added");
            continue;
        }
        facts_of(&before, old, kind, was);
        facts_of(&after, new, kind, i);
        diff_facts(&thing, &before, &after, out);
        facts_free(&before);
        facts_free(&after);
    }
    for (size_t i = 0; i < facts_count(old, kind); i++) {
        const struct thing thing = {manifest_kind_names[kind], facts_name(old, kind, i)};
        if (find_thing(new, kind, thing.name) == facts_count(new, kind))
            put_line(out, &thing, "", "removed");
    }
}

void manifest_diff_words(const struct manifest *old, const struct manifest *new, struct buf *out)
{
    for (enum manifest_kind kind = 0; kind < MANIFEST_KINDS; kind++)
        diff_kind(old, new, kind, out);
}
