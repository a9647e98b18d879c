/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include "bytes.h"

/* The value of any key as text, the way the struct holds it. */
static void show(const struct config *c, const struct config_key *key, const char *gate,
                 char text[BYTES_TEXT])
{
    bool is_gates = strncmp(key->path, "gates.*.", 8) == 0;
    const char *base = is_gates ? (const char *)config_gate(c, gate) : (const char *)c;
    const void *field = base + key->offset;
    if (config_is_string(key)) {
        (void)snprintf(text, BYTES_TEXT, "%s", *(char *const *)field);
    } else if (key->type == CONFIG_REJECTS) {
        const struct reject_limit *limit = field;
        (void)snprintf(text, BYTES_TEXT, "%llu%s", (unsigned long long)limit->count,
                       limit->is_percent ? " millionths" : "");
    } else {
        uint64_t number;
        memcpy(&number, field, sizeof number);
        (void)snprintf(text, BYTES_TEXT, "%llu", (unsigned long long)number);
    }
}

static const struct config_key *key_of(const char *path)
{
    for (const struct config_key *k = config_keys; k->path; k++)
        if (strcmp(k->path, path) == 0)
            return k;
    cr_assert_fail("no key %s", path);
    return NULL;
}

/* "gates.*.open.count" for the gate g: "gates.g.open.count". */
static const char *path_for(const char *path, const char *gate, char out[256])
{
    const char *star = strchr(path, '*');
    if (star)
        (void)snprintf(out, 256, "%.*s%s%s", (int)(star - path), path, gate, star + 1);
    else
        (void)snprintf(out, 256, "%s", path);
    return out;
}

/* A value that the key takes and that isn't its default, and what the struct then holds. */
static void other_value(const struct config_key *key, char value[64], char want[64])
{
    uint64_t last = 0;
    switch (key->type) {
    case CONFIG_STRING:
        (void)strcpy(value, "x \"y'\\ z");
        (void)strcpy(want, value);
        break;
    case CONFIG_LISTEN:
        (void)strcpy(value, "[::1]:80");
        (void)strcpy(want, value);
        break;
    case CONFIG_ENUM:
        while (key->names[last + 1])
            last++;
        last -= strcmp(key->names[last], key->fallback) == 0; /* the last one is its default */
        (void)snprintf(value, 64, "%s", key->names[last]);
        (void)snprintf(want, 64, "%llu", (unsigned long long)last);
        break;
    case CONFIG_REJECTS:
        (void)strcpy(value, "12");
        (void)strcpy(want, "12");
        break;
    default: /* a number that is no round one, inside the range */
        last = key->min + 3 <= key->max ? key->min + 3 : key->max;
        (void)snprintf(want, 64, "%llu", (unsigned long long)last);
        (void)snprintf(value, 64, "%s%s", want, key->type == CONFIG_DURATION ? "us" : "");
    }
}

/* One key is set, at one gate or the other, and all other keys stay at their defaults. */
Test(config_config, every_key_is_settable)
{
    static const char *const gates[] = {"default", "fast"};
    struct config defaults;
    size_t keys = 0;
    config_init(&defaults);
    for (const struct config_key *k = config_keys; k->path; k++, keys++)
        for (size_t g = 0; g < COUNT(gates); g++) {
            struct config c;
            char path[256];
            char value[64];
            char want[64];
            char got[BYTES_TEXT];
            char before[BYTES_TEXT];
            config_init(&c);
            other_value(k, value, want);
            show(&c, k, gates[g], before);
            cr_expect_str_neq(before, want, "%s: %s is the default", k->path, want);
            struct err e = config_set(&c, path_for(k->path, gates[g], path), value);
            cr_expect(!err_is(&e), "%s = %s: %s", path, value, e.text);
            show(&c, k, gates[g], got);
            cr_expect_str_eq(got, want, "%s = %s: want %s, got %s", path, value, want, got);
            for (const struct config_key *other = config_keys; other->path; other++) {
                show(&c, other, gates[g], got);
                show(&defaults, other, gates[g], before);
                if (other != k)
                    cr_expect_str_eq(got, before, "setting %s changed %s from %s to %s", path,
                                     other->path, before, got);
            }
            config_free(&c);
        }
    cr_expect_gt(keys, 20, "the table of keys has %zu", keys);
    config_free(&defaults);
}

Test(config_config, every_key_is_explained)
{
    for (const struct config_key *k = config_keys; k->path; k++) {
        cr_expect(k->help && strlen(k->help) > 10, "%s has no help", k->path);
        cr_expect_not_null(k->fallback, "%s has no default", k->path);
    }
}

/* What the defaults come to, in the units of the struct; the design's own numbers. */
Test(config_config, defaults)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"spool", "spool"},
        {"database", ""},
        {"schema", "public"},
        {"rescan", "30000000"},
        {"loaders", "0"},
        {"log.format", "0"},
        {"log.level", "1"},
        {"limits.window", "8388608"},
        {"limits.frame", "16777216"},
        {"gates.*.open.count", "1000"},
        {"gates.*.open.bytes", "16777216"},
        {"gates.*.open.age", "2000000"},
        {"gates.*.open.idle", "200000"},
        {"gates.*.batch.segments", "20000"},
        {"gates.*.batch.bytes", "0"},
        {"gates.*.max_rejects", "10000 millionths"},
        {"gates.*.dedupe", "0"},
        {"gates.*.nul", "0"},
    };
    struct config c;
    config_init(&c);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[BYTES_TEXT];
        show(&c, key_of(rows[i].path), "default", got);
        cr_expect_str_eq(got, rows[i].want, "%s: want %s, got %s", rows[i].path, rows[i].want, got);
    }
    static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;
    cr_expect(memcmp(&c.limits, &limits, sizeof limits) == 0,
              "the limits' defaults aren't those of FRAME_LIMITS_DEFAULT");
    config_free(&c);
}

/* Both ends of each range are taken, one past them isn't. */
Test(config_config, ranges)
{
    for (const struct config_key *k = config_keys; k->path; k++) {
        const char *unit = k->type == CONFIG_DURATION ? "us" : "";
        if (k->type != CONFIG_COUNT && k->type != CONFIG_SIZE && k->type != CONFIG_DURATION)
            continue;
        const struct {
            uint64_t value;
            bool want;
        } edges[] = {
            {k->min, true}, {k->max, true}, {k->min - 1, k->min == 0}, {k->max + 1, false}};
        for (size_t i = 0; i < COUNT(edges); i++) {
            struct config c;
            char path[256];
            char value[64];
            if (edges[i].value > INT64_MAX / 2) /* of no use as a size, nor exact as a double */
                continue;
            config_init(&c);
            (void)snprintf(value, sizeof value, "%llu%s", (unsigned long long)edges[i].value, unit);
            struct err e = config_set(&c, path_for(k->path, "g", path), value);
            cr_expect_eq(!err_is(&e), edges[i].want, "%s = %s: want %d, got %s", path, value,
                         edges[i].want, e.text);
            config_free(&c);
        }
    }
}

Test(config_config, refused)
{
    static const struct {
        const char *path, *value, *want;
    } bad[] = {
        {"rescn", "1s", "unknown key `rescn`; did you mean `rescan`?"},
        {"limits.fram", "1", "unknown key `limits.fram`; did you mean `limits.frame`?"},
        {"log.levl", "info", "unknown key `log.levl`; did you mean `log.level`?"},
        {"gates.fast.open.cuont", "1",
         "unknown key `gates.fast.open.cuont`; did you mean `open.count`?"},
        {"nothing.like.it", "1",
         "unknown key `nothing.like.it`; `spoolgate help config` lists them all"},
        {"", "1", "unknown key ``; `spoolgate help config` lists them all"},
        {"gates", "1", "unknown key `gates`; `spoolgate help config` lists them all"},
        {"gates.fast", "1", "unknown key `gates.fast`; `spoolgate help config` lists them all"},
        {"gates.*.open.count", "1", "`*` can't be a gate's name: a-z, 0-9, _ and -, at most 63"},
        {"gates.Fast.open.count", "1",
         "`Fast` can't be a gate's name: a-z, 0-9, _ and -, at most 63"},
        {"gates..open.count", "1", "`` can't be a gate's name: a-z, 0-9, _ and -, at most 63"},
        {"loaders", "x", "`x` is not a number for `loaders`; write it like `auto`"},
        {"loaders", "", "`` is not a number for `loaders`; write it like `auto`"},
        {"loaders", "-1", "`-1` is not a number for `loaders`; write it like `auto`"},
        {"loaders", " 1", "` 1` is not a number for `loaders`; write it like `auto`"},
        {"loaders", "1.5", "`1.5` is not a number for `loaders`; write it like `auto`"},
        {"loaders", "0x1", "`0x1` is not a number for `loaders`; write it like `auto`"},
        {"http.listen", "9647",
         "`9647` is not an address and a port for `http.listen`; write it like `127.0.0.1:9647` or "
         "`[::1]:9647`, or `off`"},
        {"loaders", "9", "`9` is out of range for `loaders` (0 to 8)"},
        {"loaders", "99999999999999999999999",
         "`99999999999999999999999` is out of range for `loaders` (0 to 8)"},
        {"rescan", "999ms",
         "`999ms` is out of range for `rescan` (1000000 to 86400000000 microseconds)"},
        {"rescan", "2 days",
         "`2 days` is out of range for `rescan` (1000000 to 86400000000 microseconds)"},
        {"rescan", "soon", "`soon` is not a duration for `rescan`; write it like `30s`"},
        {"limits.frame", "big", "`big` is not a size for `limits.frame`; write it like `16MiB`"},
        {"limits.frame", "15", "`15` is out of range for `limits.frame` (16 to 1073741824)"},
        {"limits.frame", "2GiB", "`2GiB` is out of range for `limits.frame` (16 to 1073741824)"},
        {"limits.depth", "128", "`128` is out of range for `limits.depth` (1 to 127)"},
        {"limits.depth", "0", "`0` is out of range for `limits.depth` (1 to 127)"},
        {"limits.keys", "4294967296",
         "`4294967296` is out of range for `limits.keys` (1 to 4294967295)"},
        {"log.format", "xml", "`log.format` can't be `xml`; it is one of logfmt, json"},
        {"log.format", "", "`log.format` can't be ``; it is one of logfmt, json"},
        {"log.level", "INFO", "`log.level` can't be `INFO`; it is one of debug, info, warn, error"},
        {"gates.fast.dedupe", "no",
         "`gates.*.dedupe` can't be `no`; it is one of content, name, off"},
        {"gates.fast.batch.segments", "0",
         "`0` is out of range for `gates.*.batch.segments` (1 to 1000000)"},
        {"gates.fast.max_rejects", "few",
         "`few` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "",
         "`` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "-1",
         "`-1` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "1.5",
         "`1.5` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "101%",
         "`101%` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "1%%",
         "`1%%` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "0x10",
         "`0x10` is neither a number nor a percentage for `gates.*.max_rejects`"},
        {"gates.fast.max_rejects", "1e99",
         "`1e99` is neither a number nor a percentage for `gates.*.max_rejects`"},
    };
    struct config defaults;
    config_init(&defaults);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct config c;
        char got[BYTES_TEXT];
        config_init(&c);
        struct err e = config_set(&c, bad[i].path, bad[i].value);
        cr_expect_eq(e.cls, ERR_CONFIG, "%s: class %s", bad[i].path, err_class_name(e.cls));
        cr_expect_str_eq(e.text, bad[i].want, "%s = %s\nwant: %s\n got: %s", bad[i].path,
                         bad[i].value, bad[i].want, e.text);
        for (const struct config_key *k = config_keys; k->path; k++) {
            char before[BYTES_TEXT];
            show(&c, k, "fast", got);
            show(&defaults, k, "fast", before);
            cr_expect_str_eq(got, before, "the refused %s changed %s to %s", bad[i].path, k->path,
                             got);
        }
        config_free(&c);
    }
    config_free(&defaults);
}

Test(config_config, reject_limits)
{
    static const struct {
        const char *value, *want;
    } good[] = {
        {"0", "0"},
        {"100", "100"},
        {"0%", "0 millionths"},
        {"1%", "10000 millionths"},
        {"0.5%", "5000 millionths"},
        {"100%", "1000000 millionths"},
        {"0.0001%", "1 millionths"},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct config c;
        char got[BYTES_TEXT];
        config_init(&c);
        struct err e = config_set(&c, "gates.g.max_rejects", good[i].value);
        cr_expect(!err_is(&e), "%s: %s", good[i].value, e.text);
        show(&c, key_of("gates.*.max_rejects"), "g", got);
        cr_expect_str_eq(got, good[i].want, "%s: want %s, got %s", good[i].value, good[i].want,
                         got);
        config_free(&c);
    }
}

/* A gate that is named has settings of its own; one that isn't has the default gate's. */
Test(config_config, gates)
{
    struct config c;
    config_init(&c);
    struct err e = config_set(&c, "gates.default.open.count", "5");
    cr_assert(!err_is(&e), "%s", e.text);
    e = config_set(&c, "gates.fast.open.bytes", "1KiB");
    cr_assert(!err_is(&e), "%s", e.text);
    e = config_set(&c, "gates.fast.open.bytes", "2KiB");
    cr_assert(!err_is(&e), "%s", e.text);
    for (int i = 0; i < 40; i++) { /* the array moves: gates keep their values */
        char path[64];
        (void)snprintf(path, sizeof path, "gates.g%d.open.count", i);
        e = config_set(&c, path, "9");
        cr_assert(!err_is(&e), "%s", e.text);
    }
    static const struct {
        const char *gate;
        uint64_t count, bytes;
    } want[] = {
        {"default", 5, 16 << 20}, {"unnamed", 5, 16 << 20}, {"fast", 1000, 2048},
        {"g0", 9, 16 << 20},      {"g39", 9, 16 << 20},
    };
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct gate_policy *got = &config_gate(&c, want[i].gate)->policy;
        cr_expect(got->open_count == want[i].count && got->open_bytes == want[i].bytes,
                  "%s: want %zu and %zu, got %zu and %zu", want[i].gate, (size_t)want[i].count,
                  (size_t)want[i].bytes, (size_t)got->open_count, (size_t)got->open_bytes);
    }
    cr_expect_eq(c.gate_count, 41, "want 41 gates, got %zu", c.gate_count);
    config_free(&c);
}
