/* SPDX-License-Identifier: MIT */
#include "spool/name.h"

#include "bytes.h"

static const char *const kind_names[] = {
    [NAME_SEGMENT] = "segment", [NAME_HIDDEN] = "hidden", [NAME_FOREIGN] = "foreign"};

Test(spool_name, kinds)
{
    static const struct {
        const char *name;
        enum name_kind want;
        bool zstd;
    } rows[] = {
        {"a.msgpack", NAME_SEGMENT, false},
        {"a.msgpack.zst", NAME_SEGMENT, true},
        {"-rf.msgpack", NAME_SEGMENT, false},
        {"two words\n.msgpack", NAME_SEGMENT, false},
        {"\xff\xfe.msgpack.zst", NAME_SEGMENT, true},
        {"a.b.c.msgpack", NAME_SEGMENT, false},
        {"a.zst.msgpack", NAME_SEGMENT, false},
        {".msgpack", NAME_HIDDEN, false},
        {".msgpack.zst", NAME_HIDDEN, true},
        {".a.msgpack", NAME_HIDDEN, false},
        {".", NAME_HIDDEN, false},
        {"..", NAME_HIDDEN, false},
        {"a.msgpack.tmp", NAME_HIDDEN, false},
        {"a.msgpack.part", NAME_HIDDEN, false},
        {"a.tmp", NAME_HIDDEN, false},
        {"tmp", NAME_FOREIGN, false},
        {"a.msgpack.gz", NAME_FOREIGN, false},
        {"a.MSGPACK", NAME_FOREIGN, false},
        {"a.zst", NAME_FOREIGN, false},
        {"amsgpack", NAME_FOREIGN, false},
        {"msgpack", NAME_FOREIGN, false},
        {"a.msgpack ", NAME_FOREIGN, false},
        {"a.msgpack.zst.", NAME_FOREIGN, false},
        {"a.msgpack~", NAME_FOREIGN, false},
        {"", NAME_FOREIGN, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum name_kind got = name_kind(rows[i].name);
        cr_expect_eq(got, rows[i].want, "%s: want %s, got %s", rows[i].name,
                     kind_names[rows[i].want], kind_names[got]);
        cr_expect_eq(name_is_zstd(rows[i].name), rows[i].zstd, "%s: want zstd %d, got %d",
                     rows[i].name, rows[i].zstd, name_is_zstd(rows[i].name));
    }
}

/* A name may hold any byte but '/' and NUL: only a dot in front makes a difference. */
Test(spool_name, every_byte)
{
    for (unsigned byte = 1; byte < 256; byte++) {
        char first[] = {(char)byte, 'x', '.', 'm', 's', 'g', 'p', 'a', 'c', 'k', '\0'};
        char middle[] = {'x', (char)byte, '.', 'm', 's', 'g', 'p', 'a', 'c', 'k', '\0'};
        enum name_kind want = byte == '.' ? NAME_HIDDEN : NAME_SEGMENT;
        char numbered[NAME_BYTES];
        char reason[NAME_BYTES];
        cr_expect_eq(name_kind(first), want, "%02x in front: got %s", byte,
                     kind_names[name_kind(first)]);
        cr_expect_eq(name_kind(middle), NAME_SEGMENT, "%02x: got %s", byte,
                     kind_names[name_kind(middle)]);
        name_numbered(middle, 7, numbered);
        name_of_reason(middle, reason);
        cr_expect(numbered[1] == (char)byte && strcmp(numbered + 2, ".7.msgpack") == 0,
                  "%02x: numbered as %s", byte, numbered);
        cr_expect(reason[1] == (char)byte && strcmp(reason + 2, ".msgpack.reason.json") == 0,
                  "%02x: reason is %s", byte, reason);
    }
}

Test(spool_name, gates)
{
    static const struct {
        const char *name;
        bool want;
    } rows[] = {
        {"a", true},
        {"default", true},
        {"fast-lane_2", true},
        {"a23456789012345678901234567890123456789012345678901234567890123", true}, /* 63 */
        {"a234567890123456789012345678901234567890123456789012345678901234", false},
        {"", false},
        {"2fast", false},
        {"-x", false},
        {"_x", false},
        {"A", false},
        {"aB", false},
        {"a b", false},
        {"a.b", false},
        {"a/b", false},
        {"..", false},
        {"caf\xc3\xa9", false},
        {"a\n", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(name_is_gate(rows[i].name), rows[i].want, "%s: want %d, got %d", rows[i].name,
                     rows[i].want, name_is_gate(rows[i].name));
}

/* `length` bytes that end in suffix. */
static const char *long_name(char name[300], size_t length, const char *suffix)
{
    memset(name, 'n', length);
    (void)strcpy(name + length - strlen(suffix), suffix);
    return name;
}

Test(spool_name, numbered)
{
    static const struct {
        const char *name;
        unsigned number;
        const char *want;
    } rows[] = {
        {"x.msgpack", 1, "x.1.msgpack"},
        {"x.msgpack.zst", 1, "x.1.msgpack.zst"},
        {"x.1.msgpack", 2, "x.1.2.msgpack"},
        {"0193-batch", 3, "0193-batch.3"},
        {"x.reason.json", 4, "x.reason.json.4"},
        {"x.msgpack", 4294967295U, "x.4294967295.msgpack"},
        {"", 1, ".1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[NAME_BYTES];
        name_numbered(rows[i].name, rows[i].number, got);
        cr_expect_str_eq(got, rows[i].want, "want %s, got %s", rows[i].want, got);
    }
}

/* However long: 255 bytes at most, still a segment of its kind, and no two numbers meet. */
Test(spool_name, numbered_and_long)
{
    static const char *const suffixes[] = {".msgpack", ".msgpack.zst", ""};
    static const size_t lengths[] = {100, 240, 252, 253, 254, 255};
    for (size_t s = 0; s < COUNT(suffixes); s++)
        for (size_t i = 0; i < COUNT(lengths); i++) {
            char name[300];
            char one[NAME_BYTES];
            char two[NAME_BYTES];
            (void)long_name(name, lengths[i], suffixes[s]);
            name_numbered(name, 9, one);
            name_numbered(name, 10, two);
            size_t want = lengths[i] + 2 < 255 ? lengths[i] + 2 : 255;
            cr_expect_eq(strlen(one), want, "%zu bytes%s: want %zu, got %zu", lengths[i],
                         suffixes[s], want, strlen(one));
            cr_expect_leq(strlen(two), 255, "%zu bytes%s: got %zu", lengths[i], suffixes[s],
                          strlen(two));
            cr_expect(strcmp(one, two) != 0 && strcmp(one, name) != 0, "twice %s", one);
            cr_expect_eq(name_kind(one), name_kind(name), "%s is %s", one,
                         kind_names[name_kind(one)]);
            cr_expect_eq(name_is_zstd(one), name_is_zstd(name), "%s changed its kind", one);
        }
}

Test(spool_name, reasons)
{
    static const char by_hash[] = ".reason.json";
    char name[300];
    char got[NAME_BYTES];
    name_of_reason("x.msgpack", got);
    cr_expect_str_eq(got, "x.msgpack.reason.json", "got %s", got);
    for (size_t length = 230; length <= 255; length++) {
        bool fits = length + strlen(by_hash) <= 255;
        (void)long_name(name, length, ".msgpack");
        name_of_reason(name, got);
        cr_expect_eq(strlen(got), fits ? length + 12 : 64 + 12, "%zu bytes: got %zu", length,
                     strlen(got));
        cr_expect_eq(strncmp(got, name, length) == 0, fits, "%zu bytes: got %s", length, got);
    }
    /* sha256 of 247 times n and ".msgpack" */
    (void)long_name(name, 255, ".msgpack");
    name_of_reason(name, got);
    char other[NAME_BYTES];
    name[0] = 'm';
    name_of_reason(name, other);
    cr_expect(strcmp(got, other) != 0, "two names, one reason file: %s", got);
}

#define BATCH "01a1fc09-7974-771f-a030-6c8417c14a1d"

Test(spool_name, of_what_goes_back)
{
    static const struct {
        const char *name, *original;
    } rows[] = {
        {"x.again-" BATCH ".msgpack", "x.msgpack"},
        {"x.again-" BATCH ".msgpack.zst", "x.msgpack.zst"},
        {"x.again-" BATCH ".7.msgpack", "x.msgpack"},
        {"x.again-y.again-" BATCH ".12.msgpack", "x.again-y.msgpack"},
        {"retry-" BATCH "-rejects.again-" BATCH ".msgpack", "retry-" BATCH "-rejects.msgpack"},
        {"x.again-" BATCH, "x"},
        {"x.msgpack", NULL}, /* itself */
        {"x.1.msgpack", NULL},
        {".again-" BATCH ".msgpack", NULL},
        {"x.again-" BATCH "..msgpack", NULL},
        {"x.again-" BATCH ".7x.msgpack", NULL},
        {"x.again-" BATCH "7.msgpack", NULL},
        {"x.again-01a1fc09-7974-771f-a030-6c8417c14a1g.msgpack", NULL},
        {"x.again-01a1fc09.msgpack", NULL},
        {"x.again-", NULL},
        {"", NULL},
    };
    char got[NAME_BYTES];
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *want = rows[i].original ? rows[i].original : rows[i].name;
        cr_expect_str_eq(name_original(rows[i].name, got), want, "%s: want %s, got %s",
                         rows[i].name, want, got);
    }
    name_of_return("x.msgpack.zst", BATCH, 0, got);
    cr_expect_str_eq(got, rows[1].name, "got %s", got);
    name_of_return("x.msgpack", BATCH, 7, got);
    cr_expect_str_eq(got, rows[2].name, "got %s", got);
    name_of_return("x.again-" BATCH ".3.msgpack", BATCH, 7, got); /* a second time */
    cr_expect_str_eq(got, rows[2].name, "got %s", got);
    char name[300];
    for (size_t length = 200; length <= 255; length++) {
        char original[NAME_BYTES];
        bool fits = length + strlen(".again-" BATCH) <= 255;
        (void)long_name(name, length, ".msgpack");
        name_of_return(name, BATCH, 0, got);
        cr_expect(name_kind(got) == NAME_SEGMENT && strcmp(got, name) != 0, "%zu: got %s", length,
                  got);
        cr_expect_eq(strcmp(name_original(got, original), name) == 0, fits, "%zu: got %s", length,
                     got);
    }
}

Test(spool_name, batches)
{
    static const struct {
        const char *name;
        bool is_batch, is_retired;
    } rows[] = {
        {BATCH, true, true},
        {BATCH ".1", false, true},
        {BATCH ".9999", false, true},
        {BATCH ".10000", false, false}, /* we try no further */
        {BATCH ".", false, false},
        {BATCH ".1x", false, false},
        {BATCH "1", false, false},
        {BATCH "/", false, false},
        {"." BATCH, false, false},
        {"01A1FC09-7974-771F-A030-6C8417C14A1D", false, false},
        {"01a1fc09-7974-471f-a030-6c8417c14a1d", false, false}, /* version 4 */
        {"01a1fc09-7974-771f-a030-6c8417c14a1", false, false},
        {"", false, false},
        {"2026", false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct uuid id;
        bool is_batch = name_is_batch(rows[i].name, &id);
        bool is_retired = name_is_retired(rows[i].name, &id);
        cr_expect_eq(is_batch, rows[i].is_batch, "%s: want %d, got %d", rows[i].name,
                     rows[i].is_batch, is_batch);
        cr_expect_eq(is_retired, rows[i].is_retired, "%s: want %d, got %d", rows[i].name,
                     rows[i].is_retired, is_retired);
    }
}

Test(spool_name, retries)
{
    static const struct {
        const char *name;
        bool want;
    } rows[] = {
        {"retry-" BATCH "-rejects.msgpack", true},
        {"retry-" BATCH "-rejects.msgpack.zst", false},
        {"retry-" BATCH "-rejects.1.msgpack", false},
        {"retry-" BATCH ".msgpack", false},
        {"retry-" BATCH, false},
        {"xretry-" BATCH "-rejects.msgpack", false},
        {"retry-01a1fc09-7974-771f-a030-6c8417c14a1-rejects.msgpack", false},
        {"retry-01a1fc09-7974-771f-a030-6c8417c14a1g-rejects.msgpack", false},
        {"retry-", false},
        {"retry- " BATCH "-rejects.msgpack", false}, /* scanf would skip the space */
        {"", false},
        {"rejects.msgpack", false},
    };
    char got[NAME_BYTES];
    name_of_retry(BATCH, got);
    cr_expect_str_eq(got, rows[0].name, "want %s, got %s", rows[0].name, got);
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(name_is_retry(rows[i].name), rows[i].want, "%s: want %d, got %d", rows[i].name,
                     rows[i].want, name_is_retry(rows[i].name));
}
